//! Two ways in which a quorum could forget what it has promised, with real processes: a topic that was committed by a
//! majority of which only a late controller and an empty disk are left, and a vote over a restart.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{
    CLUSTER, MOVED, NAMESPACE, active, claim_of, disks, generation, is_settled, leaderless, lose_claim, resource, say,
    under_load, voters,
};
use crate::admin::Admin;
use crate::harness::{Context, Processes, Report};
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
    report.test(
        "all controllers start while no name resolves: they go on once names do",
        || nameless(context),
    );
}

/// Names of pods that start are known to DNS a while later, and all three wait for all three.
fn nameless(context: &Context) -> Result<()> {
    let before = voters(context)?;
    let pods: Vec<String> = before
        .keys()
        .map(|id| format!("{CLUSTER}-controllers-{id}-0"))
        .collect();
    under_load(context, "nameless", |_| {
        let mut silence = Silence::begin(context)?;
        let mut words = vec!["-n", NAMESPACE, "delete", "pod", "--force", "--grace-period=0"];
        words.extend(pods.iter().map(String::as_str));
        context.kubectl(&words)?;
        sleep(Duration::from_secs(20));
        let ready = context.kubectl(&[
            "-n",
            NAMESPACE,
            "get",
            "pods",
            "-l",
            "productionkafka.dev/controller=true",
            "-o",
            "jsonpath={.items[*].status.containerStatuses[*].ready}",
        ])?;
        ensure!(!ready.contains("true"), "ready without names: {ready}");
        silence.end()?;
        let begun = Instant::now();
        back(context, before.len())?;
        say(&format!(
            "all vote again {:.1} s after names resolve",
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    })?;
    ensure!(voters(context)? == before, "the voters are others than {before:?}");
    Ok(())
}

/// No question to DNS is let through.
struct Silence<'a> {
    context: &'a Context,
    lasts: bool,
}

impl<'a> Silence<'a> {
    fn begin(context: &'a Context) -> Result<Self> {
        let silence = Self { context, lasts: true };
        silence.rule("-I")?;
        Ok(silence)
    }

    fn rule(&self, verb: &str) -> Result<()> {
        let line = format!(
            "for kind in udp tcp; do iptables -t raw {verb} PREROUTING -p $kind --dport 53 -j DROP || exit 1; done"
        );
        self.context.sh(&line).map(drop)
    }

    fn end(&mut self) -> Result<()> {
        self.lasts = false;
        self.rule("-D")
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        if self.lasts {
            // Whatever failed says more than this.
            let _ = self.end();
        }
    }
}

/// The topic is committed by A and B while C is paused. Then A is away, B's disk is lost and C is back: were B a voter with
/// its empty disk, it could elect C, which has never heard of the topic.
fn blank(context: &Context) -> Result<()> {
    let ids = in_turn(context)?;
    let [leader, second, third] = ids.map(|id| format!("{CLUSTER}-controllers-{id}-0"));
    let before = voters(context)?;
    under_load(context, "blank", |_| {
        let mut paused = Processes::of(context, NAMESPACE, &[&third])?;
        paused.stop()?;
        let committed = commit(context);
        let node = node_of(context, &leader)?;
        context.kubectl(&["cordon", &node])?;
        let blocked = committed.and_then(|()| {
            lose_claim(context, &second)?;
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
        paused.go_on()?;
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
    let leader = active(&resource(context)?)?;
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

/// Waits until so many vote and nothing is on its way.
pub fn back(context: &Context, count: usize) -> Result<()> {
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
    let mut process = Processes::of(context, NAMESPACE, &[&pod])?;
    under_load(context, "vote", |_| {
        process.kill()?;
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
