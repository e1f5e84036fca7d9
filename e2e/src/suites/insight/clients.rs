//! What an application gets, and what is told of it: the client configuration of the profile, the lag of its group, and how full
//! the volumes are, each against Kafka's own tools.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{CLUSTER, NAMESPACE, TOPIC, USER, client, command, manifest, resource, say};
use crate::admin::Admin;
use crate::client::{BIN, numbered};
use crate::harness::{Context, Report};

const WRITTEN: usize = 500;
const READ: usize = 120;
/// The operator looks twice a minute.
const TOLD: Duration = Duration::from_mins(2);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "client-config gives what a client connects with, by the cluster's profile",
        || configured(context),
    );
    report.test("the lag of a group is what Kafka's own tool says", || lag(context));
    report.test("the profile's thread pools and buffers are in force", || tuned(context));
    report.test(
        "every broker's volumes are told as full as Kafka says, and the workload fits",
        || full(context),
    );
    report.test(
        "capacity and render read the same resource in the operator's image",
        || offline(context),
    );
}

fn configured(context: &Context) -> Result<()> {
    let words = ["client-config", USER, "-n", NAMESPACE];
    let output = command(context, &words, None)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    ensure!(
        text.lines().any(|line| line == "linger.ms=20"),
        "not the settings of profile Throughput"
    );
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &text)?;
    let client = client(context)?;
    client.put(&file.path().display().to_string(), "/tmp/own.properties")?;
    let records = numbered("r", WRITTEN);
    let connect = format!("--bootstrap-server \"$(cat /secrets/{USER}-kafka-credentials/bootstrap.servers)\"");
    let produce = format!(
        "{records} | {BIN}/kafka-console-producer.sh {connect} --command-config /tmp/own.properties --topic {TOPIC}"
    );
    client.run(90, &produce)?;
    let consume = format!(
        "{BIN}/kafka-console-consumer.sh {connect} --command-config /tmp/own.properties --topic {TOPIC} \
         --group readers --from-beginning --max-messages {READ}"
    );
    let read = client.run(90, &consume)?;
    ensure!(
        read.lines().count() == READ,
        "{} records were read",
        read.lines().count()
    );
    Ok(())
}

/// What Kafka's own tool says of the group.
pub fn group(context: &Context, what: &str) -> Result<String> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, "orders-brokers-100-0")?;
    admin.tool(
        "kafka-consumer-groups.sh",
        &format!("--describe --group readers {what}"),
    )
}

/// Records that the group hasn't read, by Kafka's own tool: the sum over its partitions.
pub fn behind(context: &Context) -> Result<u64> {
    let told = group(context, "--offsets")?;
    let lags = told.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("readers")).then(|| words.nth(4)?.parse::<u64>().ok())?
    });
    Ok(lags.sum())
}

/// Kafka's own sum over the partitions, and the operator's.
fn lag(context: &Context) -> Result<()> {
    let expected = behind(context)?;
    ensure!(expected > 0, "the group isn't behind");
    context.wait_until(
        &format!("the operator says that the group is {expected} behind"),
        TOLD,
        || {
            let seen = metric(context, r#"group="readers"}"#)?;
            ensure!(seen == Some(expected), "it says {seen:?}");
            Ok(Some(()))
        },
    )?;
    say(&format!("{expected} records behind, by both"));
    Ok(())
}

/// The value of the operator's first series that ends with this label.
pub fn metric(context: &Context, ends: &str) -> Result<Option<u64>> {
    let pods = crate::install::pods(context)?;
    let pod = pods.first().context("the operator's pod")?;
    let name = pod
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .context("its name")?;
    let namespace = crate::install::NAMESPACE;
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:8080/proxy/metrics");
    let text = context.kubectl(&["get", "--raw", &path])?;
    let value = text
        .lines()
        .find_map(|line| line.split_once(ends)?.1.trim().parse().ok());
    Ok(value)
}

fn tuned(context: &Context) -> Result<()> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, "orders-brokers-100-0")?;
    let told = admin.tool(
        "kafka-configs.sh",
        "--describe --all --entity-type brokers --entity-name 100",
    )?;
    for wanted in ["socket.send.buffer.bytes=-1 ", "num.network.threads=3 "] {
        ensure!(told.contains(wanted), "{wanted} isn't in force");
    }
    Ok(())
}

fn full(context: &Context) -> Result<()> {
    context.wait_until("the status says how full the volumes are", TOLD, || {
        let resource = resource(context)?;
        let nodes = resource
            .pointer("/status/nodes")
            .and_then(Value::as_array)
            .context("nodes")?;
        let brokers: Vec<&Value> = nodes
            .iter()
            .filter(|node| node.get("roles") == Some(&Value::from("Broker")))
            .collect();
        ensure!(brokers.len() == 3, "{} brokers", brokers.len());
        let told = |node: &&&Value| node.pointer("/volumes/0/usedPercent").and_then(Value::as_i64).is_some();
        ensure!(brokers.iter().filter(told).count() == 3, "some say nothing");
        let fullest = resource.pointer("/status/capacity/fullestPercent");
        ensure!(fullest.is_some(), "the fullest isn't named");
        Ok(Some(()))
    })?;
    let resource = resource(context)?;
    let conditions = resource.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let capacity = conditions.find(|one| one.get("type") == Some(&Value::from("CapacitySufficient")));
    let reason = capacity.and_then(|one| one.get("reason")).and_then(Value::as_str);
    // Whose disk the volumes are on is not the suite's.
    ensure!(matches!(reason, Some("Sufficient" | "VolumeFull")), "{capacity:?}");
    Ok(())
}

fn offline(context: &Context) -> Result<()> {
    let manifest = manifest();
    let capacity = command(context, &["capacity", "-"], Some(&manifest))?;
    let text = String::from_utf8_lossy(&capacity.stdout).into_owned();
    ensure!(
        capacity.status.success() && text.contains("the cluster suffices"),
        "{text}"
    );
    let rendered = command(context, &["render", "-"], Some(&manifest))?;
    let text = String::from_utf8_lossy(&rendered.stdout).into_owned();
    ensure!(text.matches("kind: StatefulSet").count() == 4, "not four StatefulSets");
    Ok(())
}
