//! Credentials change; who read the Secret before goes on for as long as the overlap lasts, who reads it now works at once.

use super::application::Application;
use super::{is_ready, put, rights_of, topic, until_ready};
use crate::kafka::views::ScramMechanism;
use crate::tests::simulation::{Fault, Simulation, on_one_thread, stride};
use serde_json::json;

const OVERLAP: i64 = 60;

/// A user that's ready, with what it may do.
async fn ready(kind: &str) -> (Simulation, Vec<String>) {
    let mut simulation = Simulation::ready().await;
    put(
        &simulation,
        "app",
        &json!({"authentication": {"type": kind}, "acls": [topic("payments", &["Read", "Write"])]}),
    );
    until_ready(&mut simulation, "app").await;
    let rights = rights_of(&simulation, "User:app");
    assert_eq!(rights.len(), 2);
    (simulation, rights)
}

fn ask(simulation: &Simulation, request: &str) {
    simulation.edit("kafkausers", "app", |user| {
        user["spec"]["authentication"]["rotation"] = json!({"request": request, "overlap": format!("{OVERLAP}s")});
    });
}

/// Turns the credentials over once. At every moment an application that starts now works, and so does the one that started
/// first until the overlap is over.
async fn turn(simulation: &mut Simulation, rights: &[String]) -> (Application, Application) {
    let first = Application::start(simulation, "app").unwrap();
    ask(simulation, "1");
    let (mut second, mut changed_at) = (first.clone(), None);
    for tick in 0..400 {
        simulation.tick().await;
        let now = Application::start(simulation, "app").unwrap();
        assert!(now.works(simulation, rights), "a new application after {tick} ticks");
        if now != first && changed_at.is_none() {
            (second, changed_at) = (now.clone(), Some(tick));
        }
        let overlaps = changed_at.is_none_or(|changed| (tick - changed) * 2 < OVERLAP);
        if overlaps {
            assert!(
                first.works(simulation, rights),
                "the first application after {tick} ticks"
            );
        }
        assert!(
            second.works(simulation, rights),
            "the second application after {tick} ticks"
        );
        let is_over = simulation.get("kafkausers", "app").unwrap()["status"]["rotation"].is_null();
        if changed_at.is_some() && is_over && is_ready(simulation, "app") {
            return (first, second);
        }
    }
    panic!("it never ends");
}

#[test]
fn a_password_is_replaced_under_running_applications() {
    on_one_thread(async {
        let (mut simulation, rights) = ready("ScramSha512").await;
        let (first, second) = turn(&mut simulation, &rights).await;
        assert_eq!(first.principal(&simulation), None, "the old password is out");
        let third = Application::start(&simulation, "app").unwrap();
        assert_eq!(second, third, "it doesn't have to read the Secret twice");
        for mechanism in [ScramMechanism::Sha256, ScramMechanism::Sha512] {
            assert!(
                third.opens_by(&simulation, mechanism),
                "{mechanism:?}: once the old one is out, by both"
            );
        }
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
        simulation.edit("kafkausers", "app", |user| {
            user["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
        let gone = |simulation: &Simulation| !simulation.kafka.state().scram.keys().any(|(user, _)| user == "app");
        assert!(simulation.until(gone).await, "both credentials go with the user");
        assert!(!simulation.accusations().iter().any(|what| what.contains("two changes")));
    });
}

/// A certificate can't be revoked in Kafka; its name can.
#[test]
fn a_certificate_is_revoked_by_its_name() {
    on_one_thread(async {
        let (mut simulation, rights) = ready("Mtls").await;
        let (first, second) = turn(&mut simulation, &rights).await;
        assert_eq!(first.principal(&simulation).as_deref(), Some("User:app"));
        assert_eq!(
            rights_of(&simulation, "User:app"),
            Vec::<String>::new(),
            "the old certificate may do nothing"
        );
        assert_eq!(second.principal(&simulation).as_deref(), Some("User:app~2"));
        let status = simulation.get("kafkausers", "app").unwrap()["status"].clone();
        assert_eq!(status["principal"], "User:app~2");
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// Killed at every write of a change of credentials: no application notices.
#[test]
fn a_crash_in_between_is_not_noticed() {
    for kind in ["ScramSha512", "Mtls"] {
        let writes = on_one_thread(async {
            let (mut simulation, rights) = ready(kind).await;
            let before = simulation.writes();
            turn(&mut simulation, &rights).await;
            before + 1..=simulation.writes()
        });
        for fault in [Fault::KillBefore, Fault::KillUnanswered, Fault::KillAfter] {
            for write in writes.clone().step_by(stride(2)) {
                on_one_thread(async {
                    let (mut simulation, rights) = ready(kind).await;
                    simulation.strike((write, fault));
                    turn(&mut simulation, &rights).await;
                    simulation.blameless();
                });
            }
        }
    }
}

#[test]
fn a_password_of_ones_own_is_taken_and_followed() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let secret = |text: &str| {
            use base64::{Engine, engine::general_purpose::STANDARD};
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {"word": STANDARD.encode(text)}})
        };
        let spec = json!({"authentication": {"type": "ScramSha512", "passwordFrom": {"secretName": "mine", "key": "word"},
            "rotation": {"overlap": format!("{OVERLAP}s")}}, "acls": [topic("payments", &["Read"])]});
        put(&simulation, "app", &spec);
        for _ in 0..5 {
            simulation.tick().await;
        }
        let says = simulation.condition("kafkausers", "app", "Stalled");
        assert_eq!(
            (&says["status"], &says["reason"]),
            (&json!("True"), &json!("PasswordUnusable")),
            "{says}"
        );
        assert!(
            says["message"]
                .as_str()
                .unwrap()
                .contains("spec.authentication.passwordFrom"),
            "{says}"
        );
        simulation.put("secrets", "mine", secret("a-password-of-mine\n"));
        assert!(
            simulation
                .until(|simulation| {
                    let says = simulation.condition("kafkausers", "app", "Stalled");
                    says["message"]
                        .as_str()
                        .unwrap_or_default()
                        .contains("trailing newline")
                })
                .await
        );
        simulation.put("secrets", "mine", secret("a-password-of-mine"));
        until_ready(&mut simulation, "app").await;
        let rights = rights_of(&simulation, "User:app");
        let first = Application::start(&simulation, "app").unwrap();
        assert!(first.works(&simulation, &rights));
        simulation.put("secrets", "mine", secret("another-password-of-mine"));
        for _ in 0..45 {
            simulation.tick().await;
            assert!(
                Application::start(&simulation, "app")
                    .unwrap()
                    .works(&simulation, &rights)
            );
        }
        let second = Application::start(&simulation, "app").unwrap();
        assert_ne!(first, second);
        assert!(first.works(&simulation, &rights) && second.works(&simulation, &rights));
        for _ in 0..100 {
            simulation.tick().await;
        }
        assert_eq!(first.principal(&simulation), None);
        simulation.blameless();
    });
}
