//! What a roll waits for, on real Kafka: a follower that lags, replicas that somebody else moves, and a broker that recovers
//! its logs after an unclean stop. It says so each time, takes no pod away meanwhile, and goes on by itself.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::disks::folder;
use super::{CLUSTER, NAMESPACE, ask_for_restart, change, generation, resource, say, settled, under_load, wait, watch};
use crate::admin::Admin;
use crate::harness::{Context, Processes, Report};

/// Long enough for a broker that's silent to be fenced (`broker.session.timeout.ms`, 9 s), and for a replica to be copied.
const OUT: Duration = Duration::from_mins(2);
const SAID: Duration = Duration::from_mins(2);
/// Bytes per second.
const SLOW: u32 = 1_000;
const FAST: u32 = 100_000_000;
/// Where the plan of a move lies in the administrator's pod.
const PLAN: &str = "/tmp/moving.json";
/// Bytes per second that a broker may read from its volume while it recovers.
const READ_SLOWLY: u32 = 3_000_000;

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "a follower lags, and replicas are being moved: the roll waits for both",
        || lagging(context),
    );
    report.test("a broker recovers its logs: the roll waits and counts down", || {
        recovering(context)
    });
}

fn admin(context: &Context) -> Result<Admin<'_>> {
    Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))
}

/// Writes so many records of 1000 bytes, for each of which one replica is enough.
fn fill(admin: &Admin<'_>, topic: &str, records: u32) -> Result<()> {
    let load = format!("--topic {topic} --num-records {records} --record-size 1000 --throughput -1");
    let properties = "--command-property acks=1 enable.idempotence=false";
    admin
        .tool("kafka-producer-perf-test.sh", &format!("{load} {properties}"))
        .map(drop)
}

/// Waits until the roll says that it's held for this reason.
fn held(context: &Context, why: &str) -> Result<Value> {
    let held = wait(context, &format!("it waits: {why}"), SAID, |resource| {
        let reasons = resource.pointer("/status/rollout/blockedBy").map(Value::to_string);
        reasons.is_some_and(|reasons| reasons.contains(why))
    })?;
    let reasons = held.pointer("/status/rollout/blockedBy").unwrap_or(&Value::Null);
    say(&format!("held: {reasons}"));
    Ok(held)
}

/// Nobody is taken away for a while.
fn nothing_goes(context: &Context, before: &watch::Pods) -> Result<()> {
    sleep(Duration::from_secs(15));
    let replaced = watch::replaced(before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced while it should wait: {replaced:?}");
    Ok(())
}

fn lagging(context: &Context) -> Result<()> {
    let admin = admin(context)?;
    let (before, since) = (watch::pods(context)?, Timestamp::now());
    under_load(context, "lagging", |_| {
        throttled_follower(context, &admin)?;
        slow_move(&admin)?;
        let config = json!({"group.initial.rebalance.delay.ms": "2750"});
        let generation = change(context, &json!({"tuning": {"config": config}}))?;
        held(context, "lagging-0")?;
        nothing_goes(context, &before)?;
        freed_follower(&admin)?;
        held(context, "being reassigned: moving-0")?;
        nothing_goes(context, &before)?;
        end_move(context, &admin)?;
        settled(context, generation).map(drop)
    })?;
    each_once(context, since, 3)?;
    for topic in ["lagging", "moving"] {
        admin.tool("kafka-topics.sh", &format!("--delete --topic {topic}"))?;
    }
    Ok(())
}

fn each_once(context: &Context, since: Timestamp, count: usize) -> Result<()> {
    let taken = watch::taken(context, since)?;
    ensure!(
        taken.len() == count && taken.values().all(|times| *times == 1),
        "pods taken away: {taken:?}"
    );
    Ok(())
}

/// Broker 101 lacks records of a topic, since it was paused, and gets them at a snail's pace. Kafka slows down only replicas
/// that aren't in sync.
fn throttled_follower(context: &Context, admin: &Admin<'_>) -> Result<()> {
    let topic =
        "--create --topic lagging --replica-assignment 100:101:102 --config follower.replication.throttled.replicas=*";
    admin.tool("kafka-topics.sh", topic)?;
    let rate = format!(
        "--alter --entity-type brokers --entity-name 101 --add-config follower.replication.throttled.rate={SLOW}"
    );
    admin.tool("kafka-configs.sh", &rate)?;
    let mut paused = Processes::of(context, NAMESPACE, &[&format!("{CLUSTER}-brokers-101-0")])?;
    paused.stop()?;
    context.wait_until("the follower leaves the ISR", OUT, || {
        let under = admin.tool("kafka-topics.sh", "--describe --under-replicated-partitions")?;
        Ok(under.contains("Topic: lagging").then_some(()))
    })?;
    fill(admin, "lagging", 20_000)?;
    paused.go_on()
}

fn freed_follower(admin: &Admin<'_>) -> Result<()> {
    let rate = "--alter --entity-type brokers --entity-name 101 --delete-config follower.replication.throttled.rate";
    admin.tool("kafka-configs.sh", rate)?;
    let throttled =
        "--alter --entity-type topics --entity-name lagging --delete-config follower.replication.throttled.replicas";
    admin.tool("kafka-configs.sh", throttled).map(drop)
}

/// Somebody moves a replica by hand, slowly. One replica is enough for this topic, so that only the move is in the way.
fn slow_move(admin: &Admin<'_>) -> Result<()> {
    let topic = "--create --topic moving --replica-assignment 100:101 --config min.insync.replicas=1";
    admin.tool("kafka-topics.sh", topic)?;
    fill(admin, "moving", 20_000)?;
    let plan = json!({"version": 1, "partitions": [{"topic": "moving", "partition": 0, "replicas": [100, 102]}]});
    admin.write(PLAN, &plan.to_string())?;
    reassign(admin, &format!("--execute --throttle {SLOW}"))
}

fn end_move(context: &Context, admin: &Admin<'_>) -> Result<()> {
    reassign(admin, &format!("--execute --additional --throttle {FAST}"))?;
    context.wait_until("the replica has moved", OUT, || {
        let moving = admin.tool("kafka-reassign-partitions.sh", "--list")?;
        Ok(moving.contains("No partition reassignments found").then_some(()))
    })?;
    // Takes the throttles back. The roll goes on by now, and the broker that's asked may be the one that restarts.
    context.wait_until("the throttles are taken back", OUT, || {
        reassign(admin, "--verify").map(Some)
    })
}

fn reassign(admin: &Admin<'_>, arguments: &str) -> Result<()> {
    let file = format!("--reassignment-json-file {PLAN}");
    admin
        .tool("kafka-reassign-partitions.sh", &format!("{file} {arguments}"))
        .map(drop)
}

/// Broker 101 is killed with 240 MB that were never flushed, and reads them slowly when it's back.
fn recovering(context: &Context) -> Result<()> {
    let admin = admin(context)?;
    let topic = "--create --topic recovery --partitions 60 --replication-factor 3";
    admin.tool("kafka-topics.sh", topic)?;
    fill(&admin, "recovery", 240_000)?;
    settled(context, generation(&resource(context)?))?;
    let (before, since) = (watch::pods(context)?, Timestamp::now());
    under_load(context, "recovering", |_| {
        let disk = SlowDisk::of(context, &format!("{CLUSTER}-brokers-101-0"))?;
        disk.killed()?;
        let generation = ask_for_restart(context)?;
        let counted = counted_down(context)?;
        say(&format!("logs left to recover: {counted:?}"));
        let replaced = watch::replaced(&before, &watch::pods(context)?);
        ensure!(replaced.is_empty(), "replaced while it should wait: {replaced:?}");
        disk.read_at(0)?;
        settled(context, generation).map(drop)
    })?;
    each_once(context, since, before.len())?;
    admin.tool("kafka-topics.sh", "--delete --topic recovery").map(drop)
}

/// Two different numbers of logs that the roll says it waits for, the second one smaller.
fn counted_down(context: &Context) -> Result<[u64; 2]> {
    let first = logs_left(&held(context, "recovers its logs after an unclean stop")?);
    let first = first.context("the roll says how many logs are left")?;
    let later = wait(context, "fewer logs are left", SAID, |resource| {
        logs_left(resource).is_some_and(|left| left < first)
    })?;
    Ok([first, logs_left(&later).unwrap_or_default()])
}

/// From `broker 101 recovers its logs after an unclean stop, 42 to go`.
fn logs_left(resource: &Value) -> Option<u64> {
    let reasons = resource.pointer("/status/rollout/blockedBy")?.as_array()?;
    let mut texts = reasons.iter().filter_map(Value::as_str);
    texts.find_map(|text| {
        let left = text.strip_suffix(" to go")?.rsplit_once(' ')?.1;
        left.parse().ok()
    })
}

/// The volume of one broker, read through the page cache of this machine.
struct SlowDisk<'a> {
    context: &'a Context,
    pod: String,
    uid: String,
    folder: String,
}

impl<'a> SlowDisk<'a> {
    fn of(context: &'a Context, pod: &str) -> Result<Self> {
        let uid = ["-n", NAMESPACE, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}"];
        let claim = "jsonpath={.spec.volumes[?(@.name==\"data-0\")].persistentVolumeClaim.claimName}";
        let claim = context.kubectl(&["-n", NAMESPACE, "get", "pod", pod, "-o", claim])?;
        Ok(Self {
            context,
            pod: pod.to_owned(),
            uid: context.kubectl(&uid)?,
            folder: folder(context, &claim)?,
        })
    }

    /// The process is killed; the one that follows it in the same pod finds nothing in memory, and reads slowly.
    fn killed(&self) -> Result<()> {
        self.context.sh("sync")?;
        let started = self.started()?;
        Processes::of(self.context, NAMESPACE, &[&self.pod])?.kill()?;
        let forget = "dd if=\"$file\" iflag=nocache count=0 status=none";
        let line = format!("for file in $(find {} -name '*.log'); do {forget}; done", self.folder);
        self.context.sh(&line)?;
        self.context
            .wait_until("another process of the broker runs", SAID, || {
                let now = self.started()?;
                Ok((!now.is_empty() && now != started).then_some(()))
            })?;
        self.read_at(READ_SLOWLY)
    }

    /// Limits what the pod's containers read from the volume's device, in bytes per second; 0 is no limit.
    fn read_at(&self, bytes: u32) -> Result<()> {
        let device = format!("$(stat -c %Hd:%Ld {})", self.folder);
        let found = format!(
            "find /sys/fs/cgroup -path '*pod{}*' -name blkio.throttle.read_bps_device",
            self.uid.replace('-', "[-_]")
        );
        let line = format!("for file in $({found}); do echo {device} {bytes} > $file; echo $file; done");
        let limited = self.context.sh(&line)?;
        ensure!(!limited.trim().is_empty(), "no control group of {}", self.pod);
        Ok(())
    }

    /// When the container that runs was started, empty while none does.
    fn started(&self) -> Result<String> {
        let at = "jsonpath={.status.containerStatuses[0].state.running.startedAt}";
        self.context
            .kubectl(&["-n", NAMESPACE, "get", "pod", &self.pod, "-o", at])
    }
}

impl Drop for SlowDisk<'_> {
    fn drop(&mut self) {
        // Whatever failed says more than this; once more does no harm.
        let _ = self.read_at(0);
    }
}
