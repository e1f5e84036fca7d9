//! Whole lives of users while the operator is killed again and again: at the end Kafka has exactly what the resources ask for.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{BROKER, CLUSTER, NAMESPACE, say};
use crate::admin::Admin;
use crate::harness::{Context, Report};
use crate::suites::safe_change::faults;

const USERS: usize = 30;
/// Each time the operator lives a little longer.
const LIVES: [u64; 6] = [2_500, 1_200, 3_500, 1_800, 5_000, 2_200];

pub fn run(context: &Context, report: &mut Report) {
    if !context.is_local() {
        report.skip(
            "lives of users while the operator is killed",
            "its processes are out of reach",
        );
        return;
    }
    report.long(
        "users come, change and go while the operator is killed again and again",
        "a minute",
        || lives(context),
    );
}

fn name(number: usize) -> String {
    format!("life-{number:02}")
}

fn manifest(number: usize, topic: &str) -> Value {
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaUser",
        "metadata": {"name": name(number), "namespace": NAMESPACE, "labels": {"suite": "life"}},
        "spec": {
            "cluster": CLUSTER,
            "authentication": {"type": if number.is_multiple_of(5) { "Mtls" } else { "ScramSha512" }},
            "roles": [{"type": "Producer", "topic": {"name": topic}}],
            "quotas": {"producerByteRate": 1_000_000},
        },
    })
}

fn apply(context: &Context, numbers: impl Iterator<Item = usize>, topic: &str) -> Result<()> {
    let all: Vec<Value> = numbers.map(|number| manifest(number, topic)).collect();
    context
        .apply(&json!({"apiVersion": "v1", "kind": "List", "items": all}).to_string())
        .map(drop)
}

fn lives(context: &Context) -> Result<()> {
    let mut kills = 0;
    let mut live = |steps: &[u64]| -> Result<()> {
        for milliseconds in steps {
            sleep(Duration::from_millis(*milliseconds));
            let leader = faults::leader(context)?;
            faults::kill(context, &leader)?;
            kills += 1;
        }
        Ok(())
    };
    // Each death costs the time of an election.
    let deaths = if context.full {
        &LIVES[..]
    } else {
        LIVES.get(..3).unwrap_or_default()
    };
    let (first, rest) = deaths.split_at(deaths.len() / 3);
    apply(context, 0..USERS, "life-one")?;
    live(first)?;
    apply(context, 0..USERS / 2, "life-two")?;
    let (second, third) = rest.split_at(rest.len() / 2);
    live(second)?;
    let leaving: Vec<String> = (0..10).map(name).collect();
    let mut words = vec!["-n", NAMESPACE, "delete", "pku", "--wait=false"];
    words.extend(leaving.iter().map(String::as_str));
    context.kubectl(&words)?;
    live(third)?;
    context.wait_until("those that were deleted are gone", Duration::from_mins(2), || {
        let left = context.kubectl(&["-n", NAMESPACE, "get", "pku", "-l", "suite=life", "-o", "name"])?;
        Ok((left.lines().count() == USERS - 10).then_some(()))
    })?;
    let wait = [
        "-n",
        NAMESPACE,
        "wait",
        "pku",
        "-l",
        "suite=life",
        "--for=condition=Ready",
        "--timeout=180s",
    ];
    context.kubectl(&wait)?;
    compare(context)?;
    say(&format!("{USERS} users, the operator killed {kills} times"));
    context
        .kubectl(&["-n", NAMESPACE, "delete", "pku", "-l", "suite=life", "--timeout=120s"])
        .map(drop)
}

/// Kafka's tools tell exactly what the resources ask for.
fn compare(context: &Context) -> Result<()> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, BROKER)?;
    let found: BTreeSet<String> = admin
        .rights()?
        .into_iter()
        .filter(|right| right.starts_with("User:life-"))
        .collect();
    let topic = |number: usize| if number < USERS / 2 { "life-two" } else { "life-one" };
    let rights = |number| {
        let line = |operation| {
            format!(
                "User:{} {operation} TOPIC {} LITERAL ALLOW *",
                name(number),
                topic(number)
            )
        };
        ["WRITE", "DESCRIBE"].map(line)
    };
    let wanted: BTreeSet<String> = (10..USERS).flat_map(rights).collect();
    ensure!(
        found == wanted,
        "too many: {:?}; missing: {:?}",
        found.difference(&wanted).collect::<Vec<_>>(),
        wanted.difference(&found).collect::<Vec<_>>()
    );
    let described = admin.tool("kafka-configs.sh", "--describe --entity-type users")?;
    for number in 0..USERS {
        let own: Vec<&str> = described
            .lines()
            .filter(|line| line.contains(&format!("'{}'", name(number))))
            .collect();
        let (has_quota, has_password) = (
            own.iter().any(|line| line.contains("producer_byte_rate")),
            own.iter().any(|line| line.contains("SCRAM-SHA-512")),
        );
        let stays = number >= 10;
        ensure!(has_quota == stays, "quotas of {}: {own:?}", name(number));
        ensure!(
            has_password == (stays && !number.is_multiple_of(5)),
            "credential of {}: {own:?}",
            name(number)
        );
    }
    Ok(())
}
