//! How soon a broker that is gone is told: from the kill of its process to the status, and to the alert that waits for its time. And
//! that a steady cluster with all of this on costs no write.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::prometheus::Prometheus;
use super::{CLUSTER, NAMESPACE, READY, resource, say};
use crate::harness::{Context, Processes, Report};
use crate::{install, resources};

/// Broker that's killed.
const POD: &str = "orders-brokers-102-0";
/// Nothing is expected to be slower than this.
const SOON: Duration = Duration::from_mins(1);
const CONTROLLER: &str = "orders-controllers-0-0";
/// Since the last change: from then on the operator looks twice a minute.
const CALM: Duration = Duration::from_secs(40);
const STEADY: Duration = Duration::from_mins(5);
/// One look at the disks, one at the lag of groups, and the usual ones.
const SHORT: Duration = Duration::from_mins(1);

/// Seconds from the kill of a broker's process.
pub struct Detected {
    pub status: f64,
    pub metric: f64,
    pub alert: f64,
}

pub fn run(context: &Context, prometheus: &Prometheus<'_>, report: &mut Report) {
    report.test("a broker that is killed is told, and its alert is pending", || {
        let detected = detect(context, prometheus)?;
        say(&format!(
            "after the kill: status {:.1} s, metric {:.1} s, alert pending {:.1} s",
            detected.status, detected.metric, detected.alert
        ));
        Ok(())
    });
    report.long(
        "a broker that Kafka fences is told, although its pod still looks well",
        "a minute and a half",
        || {
            let (kafka, status) = fenced(context)?;
            say(&format!(
                "stopped; Kafka fenced it after {kafka:.1} s, the status said so {:.1} s later",
                status - kafka
            ));
            Ok(())
        },
    );
    report.test("alerts that should be silent are", || silent(context, prometheus));
    let window = if context.full { STEADY } else { SHORT };
    report.test("a steady cluster that is watched costs no write", || {
        steady(context, window)
    });
}

/// Kills a broker's process, which the kubelet starts again, and waits until it's back.
pub fn detect(context: &Context, prometheus: &Prometheus<'_>) -> Result<Detected> {
    let mut processes = Processes::of(context, NAMESPACE, &[POD])?;
    processes.kill()?;
    let start = Instant::now();
    let seen = || {
        let told = |what: &str, check: &dyn Fn() -> Result<bool>| {
            context.wait_until(what, SOON, || Ok(check()?.then_some(())))?;
            Ok::<f64, anyhow::Error>(start.elapsed().as_secs_f64())
        };
        let status = told("the status says it", &|| Ok(down(&resource(context)?)))?;
        let down = format!(
            "productionkafka_cluster_brokers_desired{{name=\"{CLUSTER}\"}} - productionkafka_cluster_brokers_ready > 0"
        );
        let metric = told("the metric says it", &|| Ok(!prometheus.query(&down)?.is_empty()))?;
        let pending = r#"ALERTS{alertname="KafkaBrokerDown", alertstate="pending"}"#;
        let alert = told("the alert is pending", &|| Ok(!prometheus.query(pending)?.is_empty()))?;
        Ok(Detected { status, metric, alert })
    };
    let detected = seen();
    resources::wait_ready(context, NAMESPACE, &format!("pk/{CLUSTER}"), READY)?;
    detected
}

/// Freezes a broker's process in a calm cluster: seconds until Kafka's controller fences it, by its own log, and until the status
/// says that it isn't in service.
pub fn fenced(context: &Context) -> Result<(f64, f64)> {
    std::thread::sleep(CALM);
    let mut processes = Processes::of(context, NAMESPACE, &[POD])?;
    let stopped = Timestamp::now();
    processes.stop()?;
    let told = context.wait_until("the status says it", SOON, || {
        Ok(down(&resource(context)?).then(Timestamp::now))
    });
    processes.go_on()?;
    let log = [
        "-n",
        NAMESPACE,
        "logs",
        CONTROLLER,
        "-c",
        "kafka",
        "--timestamps",
        "--since=3m",
    ];
    let log = context.kubectl(&log)?;
    resources::wait_ready(context, NAMESPACE, &format!("pk/{CLUSTER}"), READY)?;
    let fenced = log
        .lines()
        .filter(|line| line.contains("Fencing broker 102 "))
        .filter_map(|line| {
            let at: Timestamp = line.split(' ').next()?.parse().ok()?;
            (at >= stopped).then_some(at)
        });
    let fenced = fenced.min().context("the controller's log doesn't tell of a fence")?;
    let since = |at: Timestamp| at.duration_since(stopped).as_secs_f64();
    Ok((since(fenced), since(told?)))
}

/// A broker isn't in service any more.
fn down(resource: &Value) -> bool {
    resource.pointer("/status/brokers").and_then(Value::as_str) == Some("2/3")
}

/// All of them but those about the disk that the machine shares, once the broker is back.
fn silent(context: &Context, prometheus: &Prometheus<'_>) -> Result<()> {
    context.wait_until("no alert fires", Duration::from_mins(3), || {
        let firing = prometheus.query(r#"ALERTS{alertstate="firing", alertname!~"KafkaDisk.*|KafkaCapacity.*"}"#)?;
        ensure!(firing.is_empty(), "{firing:?}");
        Ok(Some(()))
    })
}

fn steady(context: &Context, window: Duration) -> Result<()> {
    let Some(audit) = &context.audit else {
        return Ok(());
    };
    std::thread::sleep(Duration::from_secs(20));
    let since = Timestamp::now();
    std::thread::sleep(window);
    let entries = audit.since(since, install::ACCOUNT)?;
    let writes: Vec<String> = entries
        .iter()
        .filter(|entry| entry.is_write() && !entry.resource().contains("leases"))
        .map(|entry| format!("{} {}", entry.resource(), entry.name()))
        .collect();
    ensure!(writes.is_empty(), "it wrote {writes:?}");
    say(&format!("no write in {} s", window.as_secs()));
    Ok(())
}
