//! The condition `Secure` through whole passes: it follows the resource, and nothing is written while nothing changes.

use super::simulation::{CLUSTER, Simulation, on_one_thread};
use serde_json::json;

fn told(simulation: &Simulation) -> (String, String) {
    let condition = simulation.condition(CLUSTER.0, CLUSTER.1, "Secure");
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}

#[test]
fn it_names_the_controls_that_fail_and_follows_the_resource() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let (reason, message) = told(&simulation);
        assert_eq!(reason, "ControlsFail");
        for named in [
            "8 (images are pinned by digest)",
            "21 (the cluster and its data are protected from deletion)",
            "43 (volumes are encrypted at rest)",
            "productionkafka verify orders",
        ] {
            assert!(message.contains(named), "{named}: {message}");
        }
        assert!(!message.contains("35 ("), "{message}");
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["maintenance"] = json!({"deletionProtection": true});
            resource["spec"]["security"] = json!({"authorization": {"superUsers": ["User:root"]}});
        });
        simulation.settle().await.unwrap();
        let (_, message) = told(&simulation);
        assert!(
            message.contains("35 (super users are the nodes and the operator)"),
            "{message}"
        );
        assert!(!message.contains("21 ("), "{message}");
        simulation.stay_quiet().await.unwrap();
    });
}
