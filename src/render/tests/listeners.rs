//! Listeners of every authentication and exposure: what brokers are told, what they mount, and where they say they are.

use super::*;
use crate::api::{Exposure, ExposureType, Kerberos, LoadBalancer, NodePort, OAuth, Plain};
use crate::model::{Address, ClientAuth, ClientListener};

fn listener(name: &str, port: i32, authentication: ClientAuth, kind: ExposureType) -> ClientListener {
    ClientListener {
        name: name.into(),
        port,
        authentication,
        exposure: Exposure {
            kind,
            ..Exposure::default()
        },
        certificate: None,
        allowed_peers: Vec::new(),
    }
}

fn world(listeners: Vec<ClientListener>) -> World {
    let mut world = demo();
    world.cluster.listeners = listeners;
    world
}

fn text_of(children: &[Child], broker: &str) -> String {
    let map = children
        .iter()
        .find(|child| child.name.starts_with(broker) && child.body["data"]["server.properties"].is_string());
    map.unwrap().body["data"]["server.properties"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn pod_of<'a>(children: &'a [Child], set: &str) -> &'a Value {
    let set = children
        .iter()
        .find(|child| child.kind == Kind::StatefulSet && child.name == set);
    &set.unwrap().body["spec"]["template"]["spec"]
}

fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line} isn't in\n{text}");
    }
}

#[test]
fn each_authentication_is_what_kafka_asks_for() {
    let oauth = OAuth {
        jwks_endpoint: "https://id.example.com:8443/keys".into(),
        issuer: "https://id.example.com".into(),
        audience: vec!["kafka".into(), "orders".into()],
        principal_claim: "sub".into(),
        ca_secret_name: Some("id-ca".into()),
    };
    let kerberos = Kerberos {
        secret_name: "realm".into(),
        realm: "EXAMPLE.ORG".into(),
        service_name: "kafka".into(),
    };
    let plain = Plain {
        secret_name: "users".into(),
    };
    let internal = ExposureType::Internal;
    let mut world = world(vec![
        listener("plain", 9096, ClientAuth::Plain(plain), internal),
        listener("oauth", 9097, ClientAuth::OAuth(oauth), internal),
        listener("krb", 9098, ClientAuth::Kerberos(kerberos), internal),
    ]);
    world.found.listener_files = Some("0123456789".into());
    let children = world.children();
    let text = text_of(&children, "orders-brokers-100-config");
    has(
        &text,
        &[
            "listener.security.protocol.map=CONTROLLER:SSL,REPLICATION:SSL,KRB:SASL_SSL,OAUTH:SASL_SSL,PLAIN:SASL_SSL",
            "listener.name.plain.sasl.enabled.mechanisms=PLAIN",
            "listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER",
            "listener.name.oauth.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
             ssl.truststore.type=\"PEM\" ssl.truststore.location=\"/etc/kafka/oauth-oauth/ca.crt\" unsecuredLoginStringClaim_sub=\"nobody\";",
            "listener.name.oauth.oauthbearer.sasl.oauthbearer.expected.audience=kafka,orders",
            "listener.name.oauth.oauthbearer.sasl.oauthbearer.jwt.validator.class=org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator",
            "listener.name.krb.sasl.enabled.mechanisms=GSSAPI",
            "listener.name.krb.sasl.kerberos.service.name=kafka",
        ],
    );
    assert!(
        text.contains("principal=\"kafka/orders-brokers-100-0.orders-nodes.kafka.svc@EXAMPLE.ORG\""),
        "{text}"
    );
    let broker = pod_of(&children, "orders-brokers-100");
    let options = broker["containers"][0]["env"].to_string();
    for part in [
        "-Djava.security.auth.login.config=/etc/kafka/listeners/jaas.conf",
        "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=https://id.example.com:8443/keys",
        "-Djava.security.krb5.conf=/etc/kafka/kerberos/krb5.conf",
        "allowed.login.modules=com.sun.security.auth.module.Krb5LoginModule,\
         org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule,\
         org.apache.kafka.common.security.plain.PlainLoginModule,\
         org.apache.kafka.common.security.scram.ScramLoginModule",
    ] {
        assert!(options.contains(part), "{part}: {options}");
    }
    let mounts = broker["containers"][0]["volumeMounts"].to_string();
    for place in ["/etc/kafka/listeners", "/etc/kafka/kerberos", "/etc/kafka/oauth-oauth"] {
        assert!(mounts.contains(place), "{place}: {mounts}");
    }
    let controller = pod_of(&children, "orders-controllers-0").to_string();
    assert!(
        !controller.contains("jaas.conf") && !controller.contains("krb5"),
        "controllers have no clients"
    );
    let egress = children
        .iter()
        .find(|child| child.name == "orders-brokers" && child.kind == Kind::NetworkPolicy);
    let egress = egress.unwrap().body["spec"]["egress"].to_string();
    assert!(egress.contains("8443") && !egress.contains("88,"), "{egress}");
}

/// A set of users makes other pods, and says nothing of itself.
#[test]
fn other_plain_users_are_another_revision_of_brokers_alone() {
    let plain = ClientAuth::Plain(Plain {
        secret_name: "users".into(),
    });
    let mut world = world(vec![listener("plain", 9096, plain, ExposureType::Internal)]);
    let revisions = |world: &World| {
        [100, 0].map(|id| world.template(id)["metadata"]["annotations"]["productionkafka.dev/revision"].clone())
    };
    world.found.listener_files = Some("one".into());
    let before = revisions(&world);
    world.found.listener_files = Some("other".into());
    let after = revisions(&world);
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1], after[1]);
}

#[test]
fn brokers_say_where_they_are_reached_once_that_is_known() {
    let balancer = Exposure {
        kind: ExposureType::LoadBalancer,
        load_balancer: Some(LoadBalancer {
            class: Some("example.com/edge".into()),
            annotations: BTreeMap::from([("example.com/subnet".to_owned(), "a".to_owned())]),
            source_ranges: vec!["192.0.2.0/24".into()],
            ..LoadBalancer::default()
        }),
        ..Exposure::default()
    };
    let mut all = vec![
        listener("lb", 9096, ClientAuth::ScramSha512, ExposureType::LoadBalancer),
        listener("np", 9097, ClientAuth::Mtls, ExposureType::NodePort),
    ];
    all[0].exposure = balancer;
    let mut world = world(all);
    let children = world.children();
    let text = text_of(&children, "orders-brokers-100-config");
    assert!(
        !text.contains("LB") && !text.contains("NP"),
        "nothing is advertised that isn't there: {text}"
    );
    let missing = world.found.missing(&world.cluster, &world.identity);
    assert_eq!(missing.keys().copied().collect::<Vec<_>>(), [100, 101, 102]);
    assert!(
        missing[&100].contains("Service orders-lb-100 a load balancer's address"),
        "{missing:?}"
    );
    let service = children.iter().find(|child| child.name == "orders-lb-100").unwrap();
    assert_eq!(service.body["spec"]["type"], "LoadBalancer");
    assert_eq!(service.body["spec"]["loadBalancerClass"], "example.com/edge");
    assert_eq!(service.body["spec"]["publishNotReadyAddresses"], true);
    assert_eq!(service.body["metadata"]["annotations"]["example.com/subnet"], "a");
    let address = |host: Option<&str>, port| Address {
        host: host.map(str::to_owned),
        port,
    };
    for id in [100, 101, 102] {
        world
            .found
            .brokers
            .insert(("lb".into(), id), address(Some("203.0.113.7"), 9096));
        world
            .found
            .brokers
            .insert(("np".into(), id), address(None, 31_000 + id));
    }
    assert!(world.found.missing(&world.cluster, &world.identity).is_empty());
    let children = world.children();
    let text = text_of(&children, "orders-brokers-100-config");
    assert!(
        !text.contains("advertised.listeners"),
        "the machine is known where the pod starts"
    );
    let pod = pod_of(&children, "orders-brokers-100");
    let kafka = &pod["containers"][0];
    let advertised = kafka["env"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "PK_ADVERTISED_LISTENERS");
    let own = "orders-brokers-100-0.orders-nodes.kafka.svc";
    assert_eq!(
        advertised.unwrap()["value"],
        format!("REPLICATION://{own}:9091,LB://203.0.113.7:9096,NP://$(PK_MACHINE):31100")
    );
    assert!(kafka["command"].to_string().contains("--override"), "{kafka}");
    let env = kafka["env"].as_array().unwrap();
    let at = |name: &str| env.iter().position(|one| one["name"] == name).unwrap();
    assert!(
        at("PK_MACHINE") < at("PK_ADVERTISED_LISTENERS"),
        "a reference is to a variable before"
    );
    assert_eq!(
        env[at("PK_MACHINE")]["valueFrom"]["fieldRef"]["fieldPath"],
        "status.hostIP"
    );
    by_name(&mut world);
}

/// The name of the machine in the place of its address.
fn by_name(world: &mut World) {
    world.cluster.listeners[1].exposure.node_port = Some(NodePort {
        address_type: crate::api::NodeAddressType::Hostname,
        ..NodePort::default()
    });
    let pods = world.children();
    let env = pod_of(&pods, "orders-brokers-100")["containers"][0]["env"].to_string();
    assert!(env.contains("spec.nodeName"), "{env}");
}
