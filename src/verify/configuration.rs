//! Controls of Kafka's own configuration, read from the files that the pods mount.

use super::{Judged, Seen, Verdict, items, name, text, unless};
use std::collections::BTreeMap;

type Properties<'a> = BTreeMap<&'a str, &'a str>;

/// `server.properties` of each pod.
fn properties(seen: &Seen) -> Vec<(&str, Properties<'_>)> {
    let of_pod = |pod| {
        let mut maps = items(pod, "/spec/volumes").map(|volume| text(volume, "/configMap/name"));
        let file = maps.find_map(|map| seen.files.get(map)?.get("server.properties"));
        let pairs = file
            .map_or("", String::as_str)
            .lines()
            .filter_map(|line| line.split_once('='));
        (name(pod), pairs.collect())
    };
    seen.pods.iter().map(of_pod).collect()
}

/// Fails for each pod of whose configuration `what` says something.
fn each(seen: &Seen, what: impl Fn(&Properties<'_>) -> Option<String>, fine: &str) -> Judged {
    let all = properties(seen);
    if all.is_empty() {
        return (Verdict::Fail, "there are no pods".into());
    }
    let of = |(pod, properties): &(&str, Properties<'_>)| {
        let why = if properties.is_empty() {
            Some("mounts no server.properties".to_owned())
        } else {
            what(properties)
        };
        why.map(|why| format!("{pod}: {why}"))
    };
    let against: Vec<String> = all.iter().filter_map(of).collect();
    unless(&against, format!("{fine} on {} nodes", all.len()))
}

fn is_broker(properties: &Properties<'_>) -> bool {
    properties
        .get("process.roles")
        .is_some_and(|roles| roles.contains("broker"))
}

fn wants(seen: &Seen, key: &str, value: &str) -> Judged {
    let differs = |properties: &Properties<'_>| {
        let is = properties.get(key).copied().unwrap_or("not set");
        (is != value).then(|| format!("{key} is {is}"))
    };
    each(seen, differs, &format!("{key}={value}"))
}

pub fn no_plaintext(seen: &Seen) -> Judged {
    each(
        seen,
        |properties| {
            let map = properties.get("listener.security.protocol.map").copied().unwrap_or("");
            let plain = map
                .split(',')
                .find(|pair| !pair.ends_with(":SSL") && !pair.ends_with(":SASL_SSL"));
            plain.map(|pair| format!("listener.security.protocol.map has {pair:?}"))
        },
        "TLS on every listener",
    )
}

pub fn tls_versions(seen: &Seen) -> Judged {
    each(
        seen,
        |properties| {
            let versions = properties.get("ssl.enabled.protocols").copied().unwrap_or("");
            let old = versions
                .split(',')
                .find(|version| !["TLSv1.2", "TLSv1.3"].contains(version));
            old.map(|version| format!("ssl.enabled.protocols has {version:?}"))
        },
        "TLS 1.2 or newer",
    )
}

pub fn mutual_tls(seen: &Seen) -> Judged {
    each(
        seen,
        |properties| {
            let broker = is_broker(properties);
            let mut internal = ["controller", "replication"]
                .into_iter()
                .filter(|listener| broker || *listener == "controller");
            let open = internal.find(|listener| {
                properties.get(format!("listener.name.{listener}.ssl.client.auth").as_str()) != Some(&"required")
            });
            open.map(|listener| format!("listener {listener} doesn't require a certificate"))
        },
        "internal listeners require a certificate",
    )
}

pub fn host_names(seen: &Seen) -> Judged {
    wants(seen, "ssl.endpoint.identification.algorithm", "https")
}

pub fn authorizer(seen: &Seen) -> Judged {
    wants(
        seen,
        "authorizer.class.name",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    )
}

pub fn deny_by_default(seen: &Seen) -> Judged {
    wants(seen, "allow.everyone.if.no.acl.found", "false")
}

pub fn super_users(seen: &Seen) -> Judged {
    const OWN: [&str; 2] = [
        "User:CN=kafka-node,O=productionkafka",
        "User:CN=kafka-operator,O=productionkafka",
    ];
    let asked: Vec<&str> = items(&seen.resource, "/spec/security/authorization/superUsers")
        .filter_map(|user| user.as_str())
        .collect();
    let against = |properties: &Properties<'_>| {
        let users = properties.get("super.users").copied().unwrap_or("");
        let mut all = users.split(';').filter(|user| !user.is_empty());
        all.find(|user| !OWN.contains(user)).map(|user| {
            let by = if asked.contains(&user) {
                ", as the resource asks"
            } else {
                ""
            };
            format!("{user} is a super user{by}")
        })
    };
    each(seen, against, "nodes and the operator alone are super users")
}

pub fn creation_and_elections(seen: &Seen) -> Judged {
    each(
        seen,
        |properties| {
            if !is_broker(properties) {
                return None;
            }
            let mut keys = ["auto.create.topics.enable", "unclean.leader.election.enable"].into_iter();
            let on = keys.find(|key| properties.get(key) != Some(&"false"));
            on.map(|key| format!("{key} isn't false"))
        },
        "topics aren't made by accident, leaders never elected uncleanly",
    )
}

pub fn durability(seen: &Seen) -> Judged {
    let number = |pointer: &str| seen.resource.pointer(pointer).and_then(serde_json::Value::as_i64);
    let brokers = items(&seen.resource, "/status/nodes")
        .filter(|node| text(node, "/roles").contains("Broker"))
        .count();
    let factor = number("/spec/highAvailability/replicationFactor").unwrap_or(3);
    let minimum = number("/spec/highAvailability/minInSyncReplicas").unwrap_or(2);
    let evidence = format!("replication factor {factor}, {minimum} in sync, {brokers} brokers");
    if factor >= 3 && minimum >= 2 {
        (Verdict::Pass, evidence)
    } else {
        (Verdict::Fail, evidence)
    }
}

pub fn properties_of_java(seen: &Seen) -> Judged {
    const NEEDED: [&str; 2] = [
        "-Dorg.apache.kafka.automatic.config.providers=none",
        "-Dorg.apache.kafka.allowed.login.modules=",
    ];
    let mut against = Vec::new();
    for pod in &seen.pods {
        let kafka = items(pod, "/spec/containers").filter(|container| text(container, "/name") == "kafka");
        let options: String = kafka
            .flat_map(|container| items(container, "/env"))
            .map(|one| text(one, "/value"))
            .collect();
        let missing = NEEDED.into_iter().find(|needed| !options.contains(needed));
        against.extend(missing.map(|needed| format!("{} lacks {needed}", name(pod))));
    }
    unless(&against, "login modules and configuration providers are limited".into())
}

pub fn no_jmx(seen: &Seen) -> Judged {
    let opens = |pod: &&serde_json::Value| {
        let all = items(pod, "/spec/containers").flat_map(|container| items(container, "/env"));
        all.map(|one| text(one, "/value"))
            .any(|value| value.contains("com.sun.management.jmxremote"))
    };
    let against: Vec<String> = seen
        .pods
        .iter()
        .filter(opens)
        .map(|pod| format!("{} opens JMX", name(pod)))
        .collect();
    unless(&against, "no JVM opens JMX".into())
}

pub fn connection_limits(seen: &Seen) -> Judged {
    const KEYS: [&str; 5] = [
        "max.connections.per.ip",
        "max.connections",
        "max.connection.creation.rate",
        "connections.max.reauth.ms",
        "socket.request.max.bytes",
    ];
    each(
        seen,
        |properties| {
            if !is_broker(properties) {
                return None;
            }
            let missing = KEYS.into_iter().find(|key| !properties.contains_key(key));
            missing.map(|key| format!("{key} isn't set"))
        },
        "connections, their rate and request sizes are limited",
    )
}

pub fn denials_are_logged(seen: &Seen) -> Judged {
    let logs = |file: &String| {
        let mut lines = file
            .lines()
            .skip_while(|line| !line.contains("kafka.authorizer.logger"));
        lines
            .nth(1)
            .is_some_and(|line| line.contains("level: INFO") || line.contains("level: DEBUG"))
    };
    let against: Vec<String> = seen
        .files
        .iter()
        .filter(|(_, files)| files.contains_key("server.properties"))
        .filter(|(_, files)| !files.get("log4j2.yaml").is_some_and(logs))
        .map(|(map, _)| format!("{map} doesn't log denied requests"))
        .collect();
    unless(&against, "denied requests are logged".into())
}
