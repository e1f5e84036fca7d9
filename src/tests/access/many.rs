//! Many users at once: what they cost in requests, when they come and when nothing happens.

use super::{put, topic};
use crate::tests::simulation::{Simulation, on_one_thread};
use serde_json::json;

const MANY: usize = 450;

fn name(number: usize) -> String {
    format!("app-{number}")
}

#[test]
fn many_users_come_in_few_requests_and_cost_nothing_afterwards() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = simulation.trace().len();
        for number in 0..MANY {
            let acls = json!([
                topic("payments", &["Read", "Describe"]),
                topic(&name(number), &["Write"])
            ]);
            put(&simulation, &name(number), &json!({"acls": acls}));
        }
        let all = |simulation: &Simulation| {
            (0..MANY).all(|number| simulation.condition("kafkausers", &name(number), "Ready")["status"] == "True")
        };
        assert!(simulation.until(all).await);
        let trace = simulation.trace().split_off(before);
        let count = |what: &str| trace.iter().filter(|call| call.starts_with(what)).count();
        let (credentials, jobs) = (count("kafka AlterUserScramCredentials"), count("PATCH jobs/"));
        println!(
            "{MANY} users: {} writes, {credentials} requests for credentials, {jobs} Jobs",
            trace.len()
        );
        assert!(credentials <= 4 && jobs <= 4, "{credentials} requests, {jobs} Jobs");
        // Finalizer, Secret, sentinel, status twice at most.
        assert!(trace.len() <= MANY * 5 + 40, "{} writes", trace.len());
        simulation.settle().await.unwrap();
        let looks = simulation.kafka.state().access_looks;
        simulation.stay_quiet().await.unwrap();
        // Twice: 20 ticks, one of them of 11 minutes; a new process looks at once.
        let looks = simulation.kafka.state().access_looks - looks;
        assert!(looks <= 6, "{looks} looks");
        simulation.blameless();
    });
}
