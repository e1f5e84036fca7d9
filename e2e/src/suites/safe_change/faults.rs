//! A roll whose operator dies again and again, and one whose operator can't reach Kafka.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, all_new, ask_for_restart, change, say, settled, under_load, wait, watch};
use crate::harness::{Context, Report};
use crate::ledger::{Ledger, Load};
use crate::{diagnosis, install};

/// Most kills in one roll.
const KILLS: u32 = 6;
/// How much longer each operator lives than the one before.
const LATER: Duration = Duration::from_millis(1_100);
/// Port of the brokers' internal listener, and of the controllers'.
const INTERNAL: &str = "9090,9091";

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "the operator is killed through a whole roll: the same roll goes on",
        || killed(context),
    );
    report.test("other pods are killed through a whole roll: it waits for each", || {
        disturbed(context)
    });
    report.test("cut off from Kafka, the operator restarts nothing and says so", || {
        cut_off(context)
    });
}

/// A request by annotation rolls all six; meanwhile the operator is killed again and again, each time a little later
/// after it has begun to lead. Its successor waits for the lease to end, so a roll sees a handful of them.
fn killed(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let since = Timestamp::now();
    let kills = under_load(context, "killed", |_| {
        let generation = ask_for_restart(context)?;
        let kills = killed_through(context, KILLS, || all_new(context, &before, generation))?;
        context.wait_until("the roll is over", super::ROLLED, || {
            Ok(all_new(context, &before, generation)?.then_some(()))
        })?;
        Ok(kills)
    })?;
    say(&format!("the operator was killed {kills} times"));
    ensure!(kills > 1, "the operator was killed {kills} times only");
    let taken = watch::taken(context, since)?;
    ensure!(
        taken.len() == 6 && taken.values().all(|times| *times == 1),
        "pods taken away: {taken:?}"
    );
    Ok(())
}

/// Kills the operator that leads until it's over, at most so many times, each time a little later after it has begun to
/// lead; how many times that was.
fn killed_through(context: &Context, most: u32, over: impl Fn() -> Result<bool>) -> Result<u32> {
    let mut kills: u32 = 0;
    while kills < most && !over()? {
        let leader = leader(context)?;
        sleep(Duration::from_millis(500) + LATER * kills);
        kill(context, &leader)?;
        kills += 1;
    }
    Ok(kills)
}

/// Each time a broker is on its way back, another one is killed: with two of three brokers down, partitions are below
/// their minimum, by our hand. The roll goes on only when all are back, and nothing that was acknowledged is lost.
fn disturbed(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let since = Timestamp::now();
    let load = Load {
        rate: 1000,
        ..Load::new("disturbed")
    };
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load)?;
    let generation = ask_for_restart(context)?;
    let killed = kill_others(context, &before);
    let over = context.wait_until("the roll is over", super::ROLLED, || {
        Ok(all_new(context, &before, generation)?.then_some(()))
    });
    let report = ledger.finish()?;
    super::evidence(&report);
    let killed = killed?;
    over?;
    report.verdict()?;
    let evictions = watch::evictions(context, since)?;
    for Away { pod, from, to } in killed {
        say(&format!("{pod} was killed and away until {to}"));
        let early = evictions.iter().find(|(_, at)| from < *at && *at < to);
        ensure!(early.is_none(), "evicted while {pod} was away: {early:?}");
    }
    Ok(())
}

/// A pod that was killed, from then until it was ready again.
struct Away {
    pod: String,
    from: Timestamp,
    to: Timestamp,
}

/// Kills another broker while one is on its way back, twice.
fn kill_others(context: &Context, before: &watch::Pods) -> Result<Vec<Away>> {
    let brokers: Vec<&String> = before.keys().filter(|pod| pod.contains("-brokers-")).collect();
    let mut killed = Vec::new();
    for pod in brokers.into_iter().rev().take(2) {
        context.wait_until("another broker is on its way back", super::ROLLED, || {
            let resource = super::resource(context)?;
            let current = resource
                .pointer("/status/rollout/current")
                .and_then(Value::as_array)
                .cloned();
            let nodes = current
                .unwrap_or_default()
                .iter()
                .filter_map(|pod| pod.get("node")?.as_i64())
                .collect::<Vec<_>>();
            let other = nodes.iter().any(|id| *id >= 100 && !pod.contains(&format!("-{id}-")));
            Ok(other.then_some(()))
        })?;
        let from = Timestamp::now();
        context.kubectl(&["-n", NAMESPACE, "delete", "pod", pod, "--force", "--grace-period=0"])?;
        let to = context.wait_until("the killed broker is back", Duration::from_mins(3), || {
            let pod = context.kubectl_json(&["-n", NAMESPACE, "get", "pod", pod])?;
            Ok(ready_since(&pod).filter(|since| *since > from))
        })?;
        let pod = pod.clone();
        killed.push(Away { pod, from, to });
    }
    Ok(killed)
}

fn ready_since(pod: &Value) -> Option<Timestamp> {
    let conditions = pod.pointer("/status/conditions")?.as_array()?;
    let ready = conditions
        .iter()
        .find(|one| one.get("type").is_some_and(|kind| kind == "Ready"))?;
    let since = ready.get("lastTransitionTime")?.as_str()?;
    (ready.get("status")? == "True").then(|| since.parse().ok())?
}

/// The pod that leads, once there's one that stays.
pub(in crate::suites) fn leader(context: &Context) -> Result<String> {
    context.wait_until("an operator leads", Duration::from_mins(2), || install::leader(context))
}

fn end_process(context: &Context) -> Result<()> {
    context.sh("pkill -KILL -f '^/productionkafka run'; true").map(drop)
}

/// SIGKILL to the process, and its pod goes with it, so that the successor isn't held back for the crash.
pub(in crate::suites) fn kill(context: &Context, pod: &str) -> Result<()> {
    end_process(context)?;
    let words = [
        "-n",
        install::NAMESPACE,
        "delete",
        "pod",
        pod,
        "--force",
        "--grace-period=0",
        "--ignore-not-found",
    ];
    context.kubectl(&words).map(drop)
}

/// Whoever leads is killed, and its lease goes with it.
pub(in crate::suites) fn kill_at_once(context: &Context) -> Result<()> {
    end_process(context)?;
    context
        .sh(&format!(
            "kubectl -n {0} delete pods -l {1} --force --grace-period=0 --wait=false >/dev/null 2>&1
             kubectl -n {0} delete lease --all >/dev/null",
            install::NAMESPACE,
            install::SELECTOR
        ))
        .map(drop)
}

fn cut_off(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let since = Timestamp::now();
    let mut wall = Wall::build(context)?;
    let config = json!({"group.initial.rebalance.delay.ms": "2500"});
    let generation = change(context, &json!({"tuning": {"config": config}}))?;
    let says = wait(
        context,
        "the status says that Kafka is out of reach",
        Duration::from_mins(2),
        |resource| {
            let blocked = resource.pointer("/status/rollout/blockedBy").map(Value::to_string);
            blocked.is_some_and(|text| text.contains("reached"))
        },
    )?;
    sleep(Duration::from_secs(if context.full { 300 } else { 20 }));
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced while cut off: {replaced:?}");
    ensure!(watch::taken(context, since)?.is_empty(), "pods were taken away");
    say(&diagnosis::summary(&says));
    wall.fall()?;
    settled(context, generation)?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.len() == 3, "replaced pods: {replaced:?}");
    Ok(())
}

/// Drops what the operator sends to Kafka, in the operator's own network namespace.
struct Wall<'a> {
    context: &'a Context,
    process: String,
    stands: bool,
}

impl<'a> Wall<'a> {
    fn build(context: &'a Context) -> Result<Self> {
        let process = context.wait_until("the operator runs", Duration::from_mins(1), || {
            let found = context.sh("pgrep -f '^/productionkafka run' | head -1")?;
            Ok(Some(found.trim().to_owned()).filter(|found| !found.is_empty()))
        })?;
        let wall = Self {
            context,
            process,
            stands: true,
        };
        wall.rule("-A").context("keep the operator from Kafka")?;
        Ok(wall)
    }

    fn rule(&self, verb: &str) -> Result<()> {
        let rule = format!("OUTPUT -p tcp -m multiport --dports {INTERNAL} -j DROP");
        let line = format!("nsenter -t {} -n iptables {verb} {rule}", self.process);
        self.context.sh(&line).map(drop)
    }

    fn fall(&mut self) -> Result<()> {
        self.stands = false;
        self.rule("-D")
    }
}

impl Drop for Wall<'_> {
    fn drop(&mut self) {
        if self.stands {
            // The operator may be gone, and its namespace with it.
            let _ = self.rule("-D");
        }
    }
}
