//! Brokers that come and go under load: new ones get their share when it's asked for, others leave once nothing is on
//! them, and a removal that would lose a rack moves nothing. Kafka's own tools are the judges.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, brokers, change, resource, say, settled, under_load, wait, watch};
use crate::admin::Admin;
use crate::harness::{Context, Report};

const MOVED: Duration = Duration::from_mins(10);

pub fn run(context: &Context, report: &mut Report) {
    report.test("scaling: two brokers come and get their share", || grown(context));
    report.test(
        "scaling: brokers of one rack restart together where that's allowed",
        || together(context),
    );
    report.test("scaling: nothing is moved when a rack would be lost", || {
        refused(context)
    });
    report.test("scaling: brokers 101 and 103 of 100 to 104 leave", || left(context));
}

fn grown(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    under_load(context, "grow", |_| {
        let generation = pool(context, 5, &[])?;
        settled(context, generation)?;
        let admin = admin(context)?;
        let here = counts(&admin)?;
        ensure!(
            !here.contains_key(&104),
            "replicas moved without being asked for: {here:?}"
        );
        let begun = Instant::now();
        ask_for_balance(context)?;
        let done = wait(context, "replicas are spread", MOVED, |resource| {
            resource.pointer("/status/rebalance/phase") == Some(&json!("Finished"))
        })?;
        say(&format!(
            "spread in {:.1} s: {}",
            begun.elapsed().as_secs_f64(),
            done.pointer("/status/rebalance").unwrap_or(&Value::Null)
        ));
        let counts = counts(&admin)?;
        say(&format!("replicas by broker: {counts:?}"));
        let fair = counts.values().sum::<usize>() / counts.len();
        ensure!(
            counts.len() == 5 && counts.values().all(|count| *count * 2 >= fair),
            "replicas by broker: {counts:?}"
        );
        clean(&admin)
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    Ok(())
}

/// Five brokers in three racks: with two of a rack allowed, some rack goes at once, and never two racks.
fn together(context: &Context) -> Result<()> {
    let since = Timestamp::now();
    under_load(context, "together", |_| {
        let config = json!({"group.initial.rebalance.delay.ms": "3500"});
        let begun = Instant::now();
        let spec = json!({"tuning": {"config": config}, "highAvailability": {"maxUnavailable": 2}});
        let generation = change(context, &spec)?;
        settled(context, generation)?;
        say(&format!(
            "five brokers restarted in {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    })?;
    let racks = racks(&resource(context)?);
    let evictions = watch::evictions(context, since)?;
    ensure!(evictions.len() == 5, "pods taken away: {evictions:?}");
    let mut pairs = 0;
    for (one, other) in evictions.iter().zip(evictions.iter().skip(1)) {
        let at_once = other.1.duration_since(one.1) < SignedDuration::from_secs(2);
        ensure!(
            !at_once || racks.get(&one.0) == racks.get(&other.0),
            "two racks at once: {one:?} {other:?} {racks:?}"
        );
        pairs += usize::from(at_once);
    }
    say(&format!("{pairs} times two at once"));
    ensure!(pairs > 0, "one after the other: {evictions:?}");
    change(context, &json!({"highAvailability": {"maxUnavailable": 1}})).map(drop)
}

/// Rack of each pod, as the status has it.
fn racks(resource: &Value) -> BTreeMap<String, String> {
    let nodes = resource.pointer("/status/nodes").and_then(Value::as_array);
    let text = |node: &Value, field: &str| node.get(field).and_then(Value::as_str).map(str::to_owned);
    let rack = |node: &Value| Some((text(node, "pod")?, text(node, "rack")?));
    nodes.into_iter().flatten().filter_map(rack).collect()
}

/// 101 and 104 are the brokers of zone b.
fn refused(context: &Context) -> Result<()> {
    let admin = admin(context)?;
    let before = (watch::pods(context)?, admin.replicas()?);
    pool(context, 3, &[101])?;
    let says = wait(context, "the removal is held", Duration::from_mins(1), |resource| {
        resource
            .pointer("/status/rebalance/blockedBy/0")
            .is_some_and(|reason| reason.to_string().contains("rack"))
    })?;
    let reasons = says.pointer("/status/rebalance/blockedBy").unwrap_or(&Value::Null);
    say(&format!("held: {reasons}"));
    std::thread::sleep(Duration::from_secs(15));
    ensure!(
        before == (watch::pods(context)?, admin.replicas()?),
        "something has moved"
    );
    Ok(())
}

fn left(context: &Context) -> Result<()> {
    let stay = BTreeSet::from([100, 102, 104]);
    under_load(context, "leave", |_| {
        let begun = Instant::now();
        let generation = pool(context, 3, &[101, 103])?;
        settled(context, generation)?;
        wait(context, "the brokers are gone", MOVED, |resource| {
            resource.pointer("/status/rebalance/phase") == Some(&json!("Finished"))
                && resource.pointer("/status/rebalance/leaving").is_none()
        })?;
        say(&format!("two brokers left in {:.1} s", begun.elapsed().as_secs_f64()));
        let admin = admin(context)?;
        let counts = counts(&admin)?;
        ensure!(
            counts.keys().copied().collect::<BTreeSet<_>>() == stay,
            "replicas by broker: {counts:?}"
        );
        ensure!(admin.brokers()? == stay, "registered: {:?}", admin.brokers()?);
        clean(&admin)
    })?;
    let pods = watch::pods(context)?;
    let gone = ["101", "103"].map(|id| format!("{CLUSTER}-brokers-{id}"));
    let left = pods
        .keys()
        .filter(|pod| gone.iter().any(|name| pod.starts_with(name.as_str())));
    ensure!(left.count() == 0, "pods: {pods:?}");
    let sets = context.kubectl(&["-n", NAMESPACE, "get", "sts", "-o", "name"])?;
    ensure!(!gone.iter().any(|name| sets.contains(name.as_str())), "{sets}");
    let claims = context.kubectl(&["-n", NAMESPACE, "get", "pvc", "-o", "name"])?;
    ensure!(
        gone.iter().all(|name| claims.contains(name.as_str())),
        "volumes are kept: {claims}"
    );
    Ok(())
}

fn admin(context: &Context) -> Result<Admin<'_>> {
    Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))
}

/// Replicas by broker.
fn counts(admin: &Admin<'_>) -> Result<BTreeMap<i32, usize>> {
    let mut counts = BTreeMap::new();
    for id in admin.replicas()?.into_values().flatten() {
        *counts.entry(id).or_default() += 1;
    }
    Ok(counts)
}

/// What was set while replicas moved is gone again.
fn clean(admin: &Admin<'_>) -> Result<()> {
    for kind in ["topics", "brokers"] {
        let text = admin.tool("kafka-configs.sh", &format!("--describe --entity-type {kind}"))?;
        for key in ["throttled", "cordoned"] {
            ensure!(!text.contains(key), "left over: {text}");
        }
    }
    let moving = admin.tool("kafka-reassign-partitions.sh", "--list")?;
    ensure!(moving.contains("No partition reassignments found"), "{moving}");
    Ok(())
}

fn ask_for_balance(context: &Context) -> Result<()> {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotation = format!("productionkafka.dev/rebalance={now}");
    context
        .kubectl(&["-n", NAMESPACE, "annotate", "pk", CLUSTER, "--overwrite", &annotation])
        .map(drop)
}

/// Changes the pool of brokers; returns the new generation.
fn pool(context: &Context, replicas: u8, excluded: &[i32]) -> Result<i64> {
    brokers(context, &json!({"replicas": replicas, "excludedNodeIds": excluded}))
}
