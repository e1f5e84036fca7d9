//! Two ways in which a quorum could forget what it has promised, with real processes: a topic that was committed by a
//! majority of which only a late controller and an empty disk are left, and a vote over a restart.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{
    CLUSTER, MOVED, NAMESPACE, claim_of, disks, generation, is_settled, leaderless, resource, say, under_load, voters,
};
use crate::admin::Admin;
use crate::harness::{Context, Report};
use crate::suites::safe_change::disks::folder;
use crate::{diagnosis, suites::safe_change::settled};

/// Committed by two controllers of three.
const PROMISED: &str = "promised";
/// Longer than any election takes.
const PATIENCE: Duration = Duration::from_secs(45);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "a paused controller and an empty disk: nobody leads, and no topic vanishes",
        || blank(context),
    );
    report.test("a vote is remembered over a restart", || vote(context));
}

/// The topic is committed by A and B while C is paused. Then A is away, B's disk is lost and C is back: were B a voter with
/// its empty disk, it could elect C, which has never heard of the topic.
fn blank(context: &Context) -> Result<()> {
    let ids = in_turn(context)?;
    let [leader, second, third] = ids.map(|id| format!("{CLUSTER}-controllers-{id}-0"));
    let before = voters(context)?;
    under_load(context, "blank", |_| {
        let paused = processes(context, &third)?;
        signal(context, &paused, "STOP")?;
        let committed = commit(context);
        let node = node_of(context, &leader)?;
        context.kubectl(&["cordon", &node])?;
        let blocked = committed.and_then(|()| {
            let claim = claim_of(context, &second)?;
            context.kubectl(&["-n", NAMESPACE, "delete", "pvc", &claim, "--wait=false"])?;
            let force = [
                "-n",
                NAMESPACE,
                "delete",
                "pod",
                &leader,
                &second,
                "--force",
                "--grace-period=0",
            ];
            context.kubectl(&force)?;
            context.wait_until("the controller is back with an empty disk", MOVED, || {
                let pod = context.kubectl_json(&["-n", NAMESPACE, "get", "pod", &second])?;
                Ok(pod
                    .pointer("/status/phase")
                    .filter(|phase| *phase == "Running")
                    .map(drop))
            })
        });
        signal(context, &paused, "CONT")?;
        let blocked = blocked.and_then(|()| stays_leaderless(context));
        context.kubectl(&["uncordon", &node])?;
        blocked?;
        back(context, 3)
    })?;
    let after = voters(context)?;
    let changed: Vec<i64> = after
        .iter()
        .filter(|(id, disk)| before.get(id) != Some(disk))
        .map(|(id, _)| *id)
        .collect();
    ensure!(changed == [ids[1]], "voters: {after:?}, before {before:?}");
    ensure!(
        topics(context)?.contains(PROMISED),
        "a committed topic is gone: {}",
        topics(context)?
    );
    disks::know_all_topics(context)
}

/// The leader first.
fn in_turn(context: &Context) -> Result<[i64; 3]> {
    let resource = resource(context)?;
    let leader = resource
        .pointer("/status/quorum/leaderId")
        .and_then(Value::as_i64)
        .context("somebody leads")?;
    let others: Vec<i64> = voters(context)?.into_keys().filter(|id| *id != leader).collect();
    let [second, third] = others.as_slice() else {
        bail!("three vote, {others:?} don't lead")
    };
    Ok([leader, *second, *third])
}

fn commit(context: &Context) -> Result<()> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))?;
    let topic = format!("--create --topic {PROMISED} --partitions 3 --replication-factor 3");
    admin.tool("kafka-topics.sh", &topic).map(drop)
}

fn topics(context: &Context) -> Result<String> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))?;
    admin.tool("kafka-topics.sh", "--list")
}

fn stays_leaderless(context: &Context) -> Result<()> {
    say(&leaderless(context)?);
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let resource = resource(context)?;
        let leader = resource.pointer("/status/quorum/leaderId");
        ensure!(leader.is_none(), "somebody leads: {}", diagnosis::summary(&resource));
        sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn back(context: &Context, count: usize) -> Result<()> {
    context.wait_until("all vote again", MOVED, || {
        let resource = resource(context)?;
        let voters = resource
            .pointer("/status/quorum/voters")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if voters == count && is_settled(&resource, generation(&resource)) {
            return Ok(Some(()));
        }
        bail!("{}", diagnosis::summary(&resource))
    })
}

fn node_of(context: &Context, pod: &str) -> Result<String> {
    context.kubectl(&["-n", NAMESPACE, "get", "pod", pod, "-o", "jsonpath={.spec.nodeName}"])
}

/// Processes of a pod, as the machine numbers them.
fn processes(context: &Context, pod: &str) -> Result<String> {
    let uid = context.kubectl(&["-n", NAMESPACE, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}"])?;
    let line = format!(
        "find /sys/fs/cgroup -path '*/pod{uid}/*' -name cgroup.procs -exec cat {{}} + | sort -u | tr '\\n' ' '"
    );
    let found = context.sh(&line)?;
    ensure!(!found.trim().is_empty(), "no process of {pod}");
    Ok(found)
}

fn signal(context: &Context, processes: &str, signal: &str) -> Result<()> {
    context
        .sh(&format!("kill -{signal} {processes} 2>/dev/null; true"))
        .map(drop)
}

/// `quorum-state` is where a voter keeps whom it has elected in which epoch. It's never away, and never of an older epoch or
/// of another vote in the same one.
fn vote(context: &Context) -> Result<()> {
    let [_, second, _] = in_turn(context)?;
    let pod = format!("{CLUSTER}-controllers-{second}-0");
    let file = format!(
        "{}/kafka-log/__cluster_metadata-0/quorum-state",
        folder(context, &claim_of(context, &pod)?)?
    );
    let read = || -> Result<Value> { Ok(serde_json::from_str(&context.sh(&format!("cat {file}"))?)?) };
    let before = read()?;
    let killed = processes(context, &pod)?;
    under_load(context, "vote", |_| {
        signal(context, &killed, "KILL")?;
        context.kubectl(&["-n", NAMESPACE, "delete", "pod", &pod, "--force", "--grace-period=0"])?;
        context.wait_until("the controller is back", MOVED, || {
            read().context("the vote is away")?;
            let resource = resource(context)?;
            Ok(is_settled(&resource, generation(&resource)).then_some(()))
        })?;
        settled(context, generation(&resource(context)?)).map(drop)
    })?;
    let after = read()?;
    let number = |state: &Value, name: &str| state.get(name).and_then(Value::as_i64).unwrap_or(-1);
    let [then, now] = [&before, &after].map(|state| (number(state, "leaderEpoch"), number(state, "votedId")));
    ensure!(then.0 > 0, "nobody has ever been elected: {before}");
    ensure!(
        now.0 > then.0 || (now.0 == then.0 && (then.1 < 0 || now.1 == then.1)),
        "{before} became {after}"
    );
    say(&format!("{before} became {after}"));
    Ok(())
}
