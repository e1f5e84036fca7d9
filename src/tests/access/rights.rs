//! Rights and quotas: what's granted, denied and bounded; what somebody else changed; what's taken away with a user.

use super::{is_ready, put, rights_of, topic, until_ready};
use crate::kafka::{AclBinding, AclOperation, AclPatternType, AclPermission, AclResourceType, QuotaEntity, QuotaName};
use crate::tests::simulation::{CLUSTER, Simulation, on_one_thread};
use serde_json::json;

fn binding(principal: &str, topic: &str) -> AclBinding {
    AclBinding {
        principal: principal.to_owned(),
        resource_type: AclResourceType::Topic,
        resource_name: topic.to_owned(),
        pattern_type: AclPatternType::Literal,
        operation: AclOperation::Read,
        permission: AclPermission::Allow,
        host: "*".to_owned(),
    }
}

#[test]
fn what_somebody_else_changed_is_changed_back_and_strangers_stay() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        put(&simulation, "app", &json!({"acls": [topic("payments", &["Read"])]}));
        until_ready(&mut simulation, "app").await;
        let before = rights_of(&simulation, "User:app");
        {
            let mut kafka = simulation.kafka.state();
            kafka.acls.retain(|acl| acl.principal != "User:app");
            kafka.acls.insert(binding("User:app", "secrets"));
            kafka.acls.insert(binding("User:stranger", "payments"));
            kafka.scram.retain(|(user, _), _| user != "app");
        }
        let mended =
            simulation.until(|simulation| rights_of(simulation, "User:app") == before && is_ready(simulation, "app"));
        assert!(mended.await, "{:?}", rights_of(&simulation, "User:app"));
        assert_eq!(rights_of(&simulation, "User:stranger").len(), 1, "nobody manages it");
        assert!(simulation.kafka.state().scram.keys().any(|(user, _)| user == "app"));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn strangers_go_where_that_is_asked_for_and_nobody_unreadable_with_them() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation
            .kafka
            .state()
            .acls
            .insert(binding("User:stranger", "payments"));
        simulation.edit("kafkausers", "payments-mtls", |user| {
            user["spec"]["authentication"]["type"] = json!("Quantum");
        });
        let before = rights_of(&simulation, "User:payments-mtls");
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["security"] = json!({"authorization": {"prune": true}});
        });
        for restart in [false, true] {
            if restart {
                simulation.kill();
            }
            for _ in 0..60 {
                simulation.tick().await;
            }
            assert_eq!(
                rights_of(&simulation, "User:stranger").len(),
                1,
                "its KafkaUser may be the unreadable one"
            );
        }
        simulation.edit("kafkausers", "payments-mtls", |user| {
            user["spec"]["authentication"]["type"] = json!("Mtls");
        });
        assert!(
            simulation
                .until(|simulation| rights_of(simulation, "User:stranger").is_empty())
                .await
        );
        assert_eq!(rights_of(&simulation, "User:payments-mtls"), before);
        assert_eq!(
            rights_of(&simulation, "User:CN=kafka-acl-sync,O=productionkafka").len(),
            1,
            "the Job's own right stays"
        );
        simulation.settle().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn roles_denials_hosts_and_quotas_reach_kafka_and_go_with_the_user() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let spec = json!({
            "roles": [{"type": "Producer", "topic": {"name": "payments"}}],
            "acls": [{"resource": {"type": "Topic", "name": "payments"}, "operations": ["Delete"], "permission": "Deny", "hosts": ["10.0.0.1", "10.0.0.2"]}],
            "quotas": {"producerByteRate": 1_048_576, "requestPercentage": 50},
        });
        put(&simulation, "app", &spec);
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["defaultUserQuotas"] = json!({"consumerByteRate": 2_097_152});
        });
        until_ready(&mut simulation, "app").await;
        let expected = [
            "Deny Delete payments 10.0.0.1",
            "Deny Delete payments 10.0.0.2",
            "Allow Write payments *",
            "Allow Describe payments *",
        ];
        let mut rights = rights_of(&simulation, "User:app");
        rights.sort();
        let mut wanted = expected.map(str::to_owned).to_vec();
        wanted.sort();
        assert_eq!(rights, wanted);
        let of = |user| QuotaEntity {
            user: Some(user),
            client_id: None,
        };
        let own = of(QuotaName::Named("app".into()));
        assert_eq!(
            simulation.kafka.state().quotas[&own].get("producer_byte_rate"),
            Some(&1_048_576.0)
        );
        let all = simulation.until(|simulation| simulation.kafka.state().quotas.contains_key(&of(QuotaName::Default)));
        assert!(all.await);
        let status = simulation.get("kafkausers", "app").unwrap()["status"].clone();
        assert_eq!(status["aclCount"], 4, "{status}");
        assert!(
            status["acls"].to_string().contains("Allow Write Topic payments from *"),
            "{status}"
        );
        simulation.edit("kafkausers", "app", |user| {
            user["spec"]["quotas"] = json!({"producerByteRate": 1});
        });
        let changed = simulation.until(|simulation| {
            let kafka = simulation.kafka.state();
            kafka.quotas[&own].get("producer_byte_rate") == Some(&1.0)
                && !kafka.quotas[&own].contains_key("request_percentage")
        });
        assert!(changed.await);
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.edit("kafkausers", "app", |user| {
            user["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
        let gone = simulation.until(|simulation| {
            simulation
                .get("kafkausers", "app")
                .is_none_or(|user| user["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty))
        });
        assert!(gone.await);
        assert!(rights_of(&simulation, "User:app").is_empty());
        assert!(!simulation.kafka.state().quotas.contains_key(&own));
        assert!(!simulation.kafka.state().scram.keys().any(|(user, _)| user == "app"));
        simulation.blameless();
    });
}

/// What's refused changes nothing of what the user had; who takes another's name gets nothing.
#[test]
fn a_refused_user_keeps_what_it_had() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        put(&simulation, "app", &json!({"acls": [topic("payments", &["Read"])]}));
        until_ready(&mut simulation, "app").await;
        let before = rights_of(&simulation, "User:app");
        simulation.edit("kafkausers", "app", |user| {
            user["spec"]["acls"][0] = json!({"resource": {"type": "Topic", "name": "payments"}, "operations": ["Write"], "hosts": ["10.0.0.0/8"]});
        });
        put(
            &simulation,
            "thief",
            &json!({"authentication": {"type": "External", "principalName": "app"}, "acls": [topic("secrets", &["All"])]}),
        );
        for _ in 0..40 {
            simulation.tick().await;
            assert_eq!(rights_of(&simulation, "User:app"), before);
        }
        let says = |name: &str| simulation.condition("kafkausers", name, "Stalled");
        assert_eq!(says("app")["reason"], "Invalid", "{}", says("app"));
        assert!(
            says("app")["message"].as_str().unwrap().contains("spec.acls[0].hosts"),
            "{}",
            says("app")
        );
        assert_eq!(says("thief")["reason"], "NameTaken", "{}", says("thief"));
        simulation.edit("kafkausers", "thief", |user| {
            user["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
        for _ in 0..40 {
            simulation.tick().await;
            assert_eq!(
                rights_of(&simulation, "User:app"),
                before,
                "the thief's end takes nothing of another's"
            );
        }
        let thief = simulation.get("kafkausers", "thief");
        let held = thief.is_some_and(|thief| {
            thief["metadata"]["finalizers"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        });
        assert!(!held, "it isn't held for what another has");
        simulation.blameless();
    });
}

#[test]
fn somebody_external_gets_rights_and_no_credentials() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let spec = json!({"authentication": {"type": "External", "principalName": "billing@EXAMPLE.ORG"},
            "acls": [topic("payments", &["Read"])], "quotas": {"consumerByteRate": 1}});
        put(&simulation, "app", &spec);
        until_ready(&mut simulation, "app").await;
        assert_eq!(
            rights_of(&simulation, "User:billing@EXAMPLE.ORG"),
            ["Allow Read payments *"]
        );
        assert!(simulation.get("secrets", "app-kafka-credentials").is_none());
        let status = simulation.get("kafkausers", "app").unwrap()["status"].clone();
        assert_eq!(status["principal"], "User:billing@EXAMPLE.ORG");
        assert!(status["secret"].is_null(), "{status}");
        simulation.blameless();
    });
}

/// Nothing is made for a user that could go before it's taken away again; why is told, and the others go on.
#[test]
fn a_user_that_can_not_be_held_is_told_so_and_holds_up_no_other() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.deny("kafkausers", "loose", true);
        put(&simulation, "loose", &json!({"acls": [topic("payments", &["Read"])]}));
        put(&simulation, "good", &json!({"acls": [topic("payments", &["Read"])]}));
        until_ready(&mut simulation, "good").await;
        simulation.told_not_held("kafkausers", "loose").await;
        let hosts = |simulation: &Simulation, hosts: &[&str]| {
            simulation.edit("kafkausers", "loose", |user| {
                user["spec"]["acls"][0]["hosts"] = json!(hosts);
            });
        };
        hosts(&simulation, &["10.0.0.0/8"]);
        simulation.told_not_held("kafkausers", "loose").await;
        hosts(&simulation, &["*"]);
        assert!(rights_of(&simulation, "User:loose").is_empty());
        simulation.deny("kafkausers", "loose", false);
        until_ready(&mut simulation, "loose").await;
        simulation.blameless();
    });
}
