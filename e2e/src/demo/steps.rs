//! The steps of the demo that talk to the cluster.

use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{Clock, NAMESPACE, NAMESPACES};
use crate::cli::Target;
use crate::client::{BIN, Client, numbered};
use crate::harness::{Context, guest};
use crate::{diagnosis, paths};

const RECORDS: usize = 10_000;
/// Secret that the operator makes for the user `payments-app` of the example.
const CREDENTIALS: &str = "payments-app-kafka-credentials";

pub fn apply_example(context: &Context) -> Result<()> {
    let path = paths::repository().join("examples/production.yaml");
    let yaml = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    context.restricted_namespace(NAMESPACE)?;
    context.apply(&yaml).context("apply examples/production.yaml").map(drop)
}

/// Waits for the cluster and says what the operator says that it does.
pub fn wait_ready(context: &Context, clock: &Clock) -> Result<()> {
    let mut said = String::new();
    context.wait_until("the ProductionKafka is Ready", Duration::from_mins(5), || {
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", "orders"])?;
        let next = resource
            .pointer("/status/nextAction")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !next.is_empty() && next != said {
            clock.say(&format!("  next: {next}"));
            next.clone_into(&mut said);
        }
        if diagnosis::holds(&resource, "Ready") {
            return Ok(Some(()));
        }
        sleep(Duration::from_secs(1));
        Ok(None)
    })?;
    clock.say("ProductionKafka orders is Ready");
    Ok(())
}

/// Waits until all resources of a kind are Ready.
pub fn wait_all_ready(context: &Context, kind: &str, timeout: Duration) -> Result<()> {
    context.wait_until(&format!("every {kind} is Ready"), timeout, || {
        let list = context.kubectl_json(&["-n", NAMESPACE, "get", kind])?;
        let waiting = diagnosis::items(&list)
            .iter()
            .find(|item| !diagnosis::holds(item, "Ready"));
        match waiting {
            Some(item) => bail!("{}", diagnosis::summary(item)),
            None => Ok(Some(())),
        }
    })
}

/// Kafka's own console tools as the user of the example.
pub fn write_and_read(context: &Context, clock: &Clock) -> Result<()> {
    let client = Client::start(context, NAMESPACE, "demo-client", &[CREDENTIALS])?;
    clock.say("a pod with Kafka's console tools runs, the user's Secret mounted");
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let connect = format!(
        "--bootstrap-server $(cat /secrets/{CREDENTIALS}/bootstrap.servers) \
         --command-config /secrets/{CREDENTIALS}/client.properties --topic payments"
    );
    let write = format!(
        "{} | {BIN}/kafka-console-producer.sh {connect}",
        numbered(&format!("payment {run}"), RECORDS)
    );
    client.run(90, &write).context("write as payments-app")?;
    clock.say(&format!("{RECORDS} records written over TLS with SCRAM-SHA-512"));
    let read = read(&client, &connect, &format!("payment {run} "))?;
    ensure!(read == RECORDS, "{read} of {RECORDS} different records were read");
    clock.say(&format!("{RECORDS} records read"));
    client.delete()
}

/// Different records of this run. Those of earlier runs that nobody read come first, hence the rounds.
fn read(client: &Client<'_>, connect: &str, tag: &str) -> Result<usize> {
    let line = format!(
        "{BIN}/kafka-console-consumer.sh {connect} --group payments-demo --from-beginning \
         --max-messages {RECORDS} --timeout-ms 30000"
    );
    let mut found = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let text = client.run(90, &line).context("read as payments-app")?;
        found.extend(text.lines().filter(|line| line.starts_with(tag)).map(str::to_owned));
        if found.len() >= RECORDS {
            break;
        }
    }
    Ok(found.len())
}

/// What a reader may do with what the demo leaves.
pub fn what_next(target: &Target) -> String {
    let (kubectl, end) = if target.use_current_context {
        ("kubectl".to_owned(), guest::how_to_leave(NAMESPACES))
    } else {
        let name = &target.name;
        (
            format!("cargo e2e --name {name} kubectl"),
            format!("cargo e2e --name {name} down"),
        )
    };
    format!(
        "Try next:
  {kubectl} -n kafka describe pk orders                       # conditions, quorum, nodes, events
  {kubectl} -n kafka delete service orders-scram-bootstrap    # it comes back at once
  {kubectl} -n kafka get secret payments-app-kafka-credentials -o yaml
  {kubectl} explain productionkafka.spec --recursive
Take it down:
  {end}"
    )
}
