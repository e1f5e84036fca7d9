//! A quorum that was formed with a list of voters, as other tools do, is kept as it is, and becomes a dynamic one when a
//! person asks for it, while producers and a consumer work.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, generation, resource, say, scaled, settled, start, under_load, voters};
use crate::diagnosis;
use crate::harness::{Context, Report};

const ANNOTATION: &str = "productionkafka.dev/dynamic-quorum=true";
const GONE: Duration = Duration::from_mins(3);
/// What Kafka says of a voter whose disk it doesn't know.
const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAA";

pub fn run(context: &Context, report: &mut Report) {
    let formed = report.test("a quorum that was formed with a list of voters is kept", || {
        formed(context)
    });
    if formed {
        report.test(
            "it becomes a dynamic one when that's asked for, and controllers come and go",
            || made_dynamic(context),
        );
    }
}

/// The cluster once more, on empty disks, with an identity that says that its voters are a list.
fn formed(context: &Context) -> Result<()> {
    context.kubectl(&["-n", NAMESPACE, "delete", "pk", CLUSTER, "--wait=true"])?;
    let selector = format!("productionkafka.dev/cluster={CLUSTER}");
    context.wait_until("the pods are gone", GONE, || {
        let pods = context.kubectl(&["-n", NAMESPACE, "get", "pods", "-l", &selector, "-o", "name"])?;
        Ok(pods.trim().is_empty().then_some(()))
    })?;
    context.kubectl(&["-n", NAMESPACE, "delete", "pvc", "-l", &selector])?;
    let map = format!("{CLUSTER}-identity");
    let held = context.kubectl_json(&["-n", NAMESPACE, "get", "cm", &map])?;
    let text = held.pointer("/data/identity.json").and_then(Value::as_str);
    let mut identity: Value = serde_json::from_str(text.context("the identity outlives the resource")?)?;
    let identity_of = identity.as_object_mut().context("an object")?;
    // Nothing of what other tests have done to the controllers.
    for field in ["retiring", "drained", "departed"] {
        identity_of.remove(field);
    }
    for field in ["staticVoters", "controllers"] {
        identity_of.insert(field.into(), json!([0, 1, 2]));
    }
    let patch = json!({"data": {"identity.json": identity.to_string()}}).to_string();
    context.kubectl(&["-n", NAMESPACE, "patch", "cm", &map, "--type=merge", "-p", &patch])?;
    start(context)?;
    let resource = resource(context)?;
    let healthy = diagnosis::condition(&resource, "QuorumHealthy").map(Value::to_string);
    ensure!(
        healthy.as_ref().is_some_and(|told| told.contains("kraft.version 0")),
        "{healthy:?}"
    );
    let voters = voters(context)?;
    ensure!(
        voters.len() == 3 && voters.values().all(|disk| disk == UNKNOWN || disk.is_empty()),
        "voters: {voters:?}"
    );
    Ok(())
}

fn made_dynamic(context: &Context) -> Result<()> {
    under_load(context, "made-dynamic", |_| {
        let begun = Instant::now();
        context.kubectl(&["-n", NAMESPACE, "annotate", "pk", CLUSTER, ANNOTATION])?;
        context.wait_until("the voters' disks are known", GONE, || {
            let resource = resource(context)?;
            let voters = resource.pointer("/status/quorum/voters").and_then(Value::as_array);
            let known = |voter: &Value| voter.get("directoryId").is_some_and(|disk| disk != UNKNOWN);
            Ok(voters.is_some_and(|voters| voters.iter().all(known)).then_some(()))
        })?;
        settled(context, generation(&resource(context)?))?;
        say(&format!(
            "dynamic, and restarted without the list, after {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    })?;
    let maps = context.kubectl(&["-n", NAMESPACE, "get", "cm", "-o", "yaml"])?;
    ensure!(
        !maps.contains("controller.quorum.voters"),
        "some node has the list still"
    );
    scaled(context, 5)?;
    scaled(context, 3)
}
