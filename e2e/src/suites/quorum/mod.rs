//! Controllers that come and go, move and lose their disk, while producers and a consumer work: nothing lost, no topic
//! gone, nothing restarted for it. `kafka-metadata-quorum.sh` is the judge.

mod adopted;
mod bench;
mod combined;
mod departed;
mod disks;
mod killed;
mod promises;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::Suite;
use super::safe_change::{
    CLUSTER, NAMESPACE, change, generation, is_settled, pools as asked_pools, resource, say, settled, start,
    under_load, watch,
};
use crate::admin::Admin;
use crate::harness::{Context, Report};
use crate::{diagnosis, exec, paths, resources};

pub const SUITE: Suite = Suite {
    name: "quorum",
    about: "controllers grow, shrink, move and lose their disks under load, one change of voters at a time",
    nodes: 3,
    kafka: &["4.2.1", "4.3.1", "4.4.0"],
    operator: true,
    namespaces: &[NAMESPACE],
    run,
    bench: Some(bench::run),
};

const MOVED: Duration = Duration::from_mins(10);

/// Directory id by voter.
type Voters = BTreeMap<i64, String>;

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    if context.audit.is_none() {
        report.skip(
            "controllers under load",
            "needs the images and processes of the local cluster",
        );
        return Ok(report);
    }
    resources::clean(context, NAMESPACE)?;
    if report.setup("three controllers and three brokers are Ready", || start(context)) {
        report.long(
            "the disk of one controller is lost: it votes again with another",
            "three minutes",
            || lost(context),
        );
        report.test("what forms the addresses of a pool's nodes can't be changed", || {
            addressed(context)
        });
        report.test("three controllers become five and three again", || {
            scaled(context, 5)?;
            scaled(context, 3)
        });
        if context.full {
            report.test(
                "two of three controllers are away: it blocks, says what is left, and goes on",
                || away(context),
            );
            promises::run(context, &mut report);
            report.test(
                "two of three disks are lost for good: nothing happens until a person gives them up",
                || given_up(context),
            );
            report.test("the leader is replaced by another controller", || leader(context));
            report.test("all controllers move to another pool", || moved(context));
            report.test("one controller is enough, and three again", || {
                scaled(context, 1)?;
                scaled(context, 3)
            });
            killed::run(context, &mut report);
            departed::run(context, &mut report);
            adopted::run(context, &mut report);
            combined::run(context, &mut report);
        } else {
            report.skip(
                "controllers away, paused, moved, one alone; the leader goes",
                "takes half an hour: --full",
            );
        }
    }
    resources::end(context, NAMESPACE, report)
}

/// Changes the pools under load, and waits until exactly so many vote; nothing restarts for it.
fn voting(context: &Context, name: &str, count: usize, pools: impl Fn(&mut Vec<Value>)) -> Result<Voters> {
    let before = watch::pods(context)?;
    let took = under_load(context, name, |_| repooled(context, pools))?;
    say(&format!("{name}: {took:.1} s"));
    let after = kept(context, &before)?;
    let voters = voters(context)?;
    ensure!(voters.len() == count, "voters: {voters:?}");
    let pods = after.keys().filter(|pod| !pod.contains("-brokers-")).count();
    ensure!(pods == count, "pods of controllers: {after:?}");
    Ok(voters)
}

/// The pods that there are; those that were there before are the same.
fn kept(context: &Context, before: &watch::Pods) -> Result<watch::Pods> {
    let after = watch::pods(context)?;
    let replaced: Vec<String> = watch::replaced(before, &after)
        .into_iter()
        .filter(|pod| after.contains_key(pod))
        .collect();
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    Ok(after)
}

/// Changes the pools, and waits until all is as they ask; how many seconds that took.
fn repooled(context: &Context, pools: impl Fn(&mut Vec<Value>)) -> Result<f64> {
    let mut all = asked_pools(context)?;
    pools(&mut all);
    let begun = Instant::now();
    let generation = change(context, &json!({"nodePools": all}))?;
    settled(context, generation)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Addresses of voters are in Kafka's own log.
fn addressed(context: &Context) -> Result<()> {
    let begin_at = |id: i32| {
        let change = json!([{"op": "add", "path": "/spec/nodePools/0/firstNodeId", "value": id}]).to_string();
        context.kubectl(&["-n", NAMESPACE, "patch", "pk", CLUSTER, "--type=json", "-p", &change])
    };
    begin_at(0).context("name the ids that the pool has")?;
    let refused = begin_at(20).err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(refused.contains("firstNodeId is part of the names"), "{refused}");
    Ok(())
}

fn scaled(context: &Context, count: usize) -> Result<()> {
    let pool = |pools: &mut Vec<Value>| set(pools, "replicas", &json!(count));
    voting(context, &format!("voters-{count}"), count, pool).map(drop)
}

fn leader(context: &Context) -> Result<()> {
    let leader = active(&resource(context)?)?;
    let voters = voting(context, "leader", 3, |pools| {
        set(pools, "excludedNodeIds", &json!([leader]));
    })?;
    ensure!(!voters.contains_key(&leader), "voters: {voters:?}");
    Ok(())
}

/// Id of the active controller.
fn active(resource: &Value) -> Result<i64> {
    let leader = resource.pointer("/status/quorum/leaderId").and_then(Value::as_i64);
    leader.context("somebody leads")
}

fn moved(context: &Context) -> Result<()> {
    let before = voters(context)?;
    let after = voting(context, "moved", 3, |pools| {
        let mut other = pools.first().cloned().unwrap_or_default();
        if let Some(fields) = other.as_object_mut() {
            fields.insert("name".into(), json!("quorum"));
            fields.remove("excludedNodeIds");
        }
        set(pools, "replicas", &json!(0));
        pools.push(other);
    })?;
    ensure!(
        !after.keys().any(|id| before.contains_key(id)),
        "voters: {after:?}, before {before:?}"
    );
    let generation = {
        let mut all = asked_pools(context)?;
        let emptied = all.remove(0);
        say(&format!("taken out: {}", emptied.get("name").unwrap_or(&Value::Null)));
        all.swap(0, 1);
        change(context, &json!({"nodePools": all}))?
    };
    settled(context, generation).map(drop)
}

fn set(pools: &mut [Value], field: &str, value: &Value) {
    if let Some(pool) = pools.first_mut().and_then(Value::as_object_mut) {
        pool.insert(field.to_owned(), value.clone());
    }
}

fn lost(context: &Context) -> Result<()> {
    let before = voters(context)?;
    let (id, took) = under_load(context, "lost-voter", |_| replaced(context, &before))?;
    say(&format!("controller {id} votes again after {took:.1} s"));
    let after = voters(context)?;
    ensure!(
        after.len() == 3 && after.get(&id) != before.get(&id),
        "voters: {after:?}, before {before:?}"
    );
    disks::know_all_topics(context)
}

/// A person takes the claim and the pod of a controller that doesn't lead away, as after the loss of a disk. Which one, and
/// after how many seconds it votes again.
fn replaced(context: &Context, before: &Voters) -> Result<(i64, f64)> {
    let leader = active(&resource(context)?)?;
    let id = before
        .keys()
        .find(|id| **id != leader)
        .copied()
        .context("a voter that doesn't lead")?;
    let pod = format!("{CLUSTER}-controllers-{id}-0");
    let begun = Instant::now();
    lose_claim(context, &pod)?;
    context.kubectl(&["-n", NAMESPACE, "delete", "pod", &pod])?;
    context.wait_until("the other disk votes", MOVED, || {
        let resource = resource(context)?;
        let voters = resource
            .pointer("/status/quorum/voters")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let directory = voters
            .iter()
            .find(|voter| voter.get("id").and_then(Value::as_i64) == Some(id))
            .and_then(|voter| voter.get("directoryId")?.as_str().map(str::to_owned));
        let other = directory.is_some_and(|directory| before.get(&id) != Some(&directory));
        if other && is_settled(&resource, generation(&resource)) {
            return Ok(Some(()));
        }
        bail!("{}", diagnosis::summary(&resource))
    })?;
    Ok((id, begun.elapsed().as_secs_f64()))
}

/// Two controllers' pods find no machine for a while: their disks are intact.
fn away(context: &Context) -> Result<()> {
    let before = voters(context)?;
    let lost: Vec<String> = before
        .keys()
        .take(2)
        .map(|id| format!("{CLUSTER}-controllers-{id}-0"))
        .collect();
    under_load(context, "away", |_| {
        let nodes = (1..=3).map(|number| format!("node-{number}"));
        let nodes: Vec<String> = nodes.collect();
        for node in &nodes {
            context.kubectl(&["cordon", node])?;
        }
        let mut words = vec!["-n", NAMESPACE, "delete", "pod", "--force", "--grace-period=0"];
        words.extend(lost.iter().map(String::as_str));
        let told = context.kubectl(&words).and_then(|_| leaderless(context));
        for node in &nodes {
            context.kubectl(&["uncordon", node])?;
        }
        say(&told?);
        let generation = generation(&resource(context)?);
        settled(context, generation).map(drop)
    })?;
    ensure!(voters(context)? == before, "the voters are others than {before:?}");
    Ok(())
}

/// Two controllers lose their disks at once. Kafka can't go on, the operator doesn't by itself, and with the decision of a
/// person the third one does, with every topic that it knows.
fn given_up(context: &Context) -> Result<()> {
    let before = voters(context)?;
    let (survivor, lost) = {
        let mut ids = before.keys().copied();
        (ids.next_back().context("a voter")?, ids.collect::<Vec<_>>())
    };
    under_load(context, "given-up", |_| {
        for id in &lost {
            let pod = format!("{CLUSTER}-controllers-{id}-0");
            lose_claim(context, &pod)?;
            context.kubectl(&["-n", NAMESPACE, "delete", "pod", &pod, "--force", "--grace-period=0"])?;
        }
        say(&leaderless(context)?);
        sleep(Duration::from_secs(30));
        say(&explained(context, &[])?);
        let id = survivor.to_string();
        ensure!(
            explained(context, &["--go-on-with", &id]).is_err(),
            "it was given up without the flag"
        );
        let other = lost.first().map(ToString::to_string).unwrap_or_default();
        let wrong = explained(context, &["--go-on-with", &other, "--accept-metadata-loss"]);
        ensure!(wrong.is_err(), "an empty disk was chosen");
        let begun = Instant::now();
        say(&explained(context, &["--go-on-with", &id, "--accept-metadata-loss"])?);
        promises::back(context, before.len())?;
        say(&format!(
            "three vote again after {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    })?;
    let after = voters(context)?;
    ensure!(
        after.get(&survivor) == before.get(&survivor),
        "voters: {after:?}, before {before:?}"
    );
    ensure!(
        lost.iter()
            .all(|id| after.contains_key(id) && after.get(id) != before.get(id)),
        "voters: {after:?}"
    );
    disks::know_all_topics(context)
}

/// A person deletes the claim of a pod, which goes once the pod does.
fn lose_claim(context: &Context, pod: &str) -> Result<()> {
    let claim = claim_of(context, pod)?;
    context
        .kubectl(&["-n", NAMESPACE, "delete", "pvc", &claim, "--wait=false"])
        .map(drop)
}

/// The claim that a pod has its metadata on.
fn claim_of(context: &Context, pod: &str) -> Result<String> {
    let path = "jsonpath={.spec.volumes[?(@.name==\"data-0\")].persistentVolumeClaim.claimName}";
    context.kubectl(&["-n", NAMESPACE, "get", "pod", pod, "-o", path])
}

/// What the command line says of the quorum.
fn explained(context: &Context, more: &[&str]) -> Result<String> {
    let binary = paths::repository().join("target/e2e/operator-image/productionkafka");
    let binary = binary.to_string_lossy();
    let mut words = vec![&*binary, "quorum", CLUSTER, "--namespace", NAMESPACE];
    words.extend(more);
    exec::output(&mut context.command(&words)?)
}

/// Waits until the status says that nobody leads and what the one that's left has.
fn leaderless(context: &Context) -> Result<String> {
    context.wait_until("the status says that nobody leads", Duration::from_mins(3), || {
        let resource = resource(context)?;
        let healthy = diagnosis::condition(&resource, "QuorumHealthy")
            .cloned()
            .unwrap_or_default();
        let survivors = resource.pointer("/status/quorum/survivors").and_then(Value::as_array);
        if healthy.get("reason").is_some_and(|reason| reason == "NoLeader")
            && survivors.is_some_and(|all| !all.is_empty())
        {
            return Ok(Some(healthy.get("message").map(Value::to_string).unwrap_or_default()));
        }
        bail!("{}", diagnosis::summary(&resource))
    })
}

/// As Kafka's own tool says.
fn voters(context: &Context) -> Result<Voters> {
    voters_by(context, &format!("{CLUSTER}-brokers-100-0"))
}

/// The same, asked of this broker's pod.
fn voters_by(context: &Context, broker: &str) -> Result<Voters> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, broker)?;
    let status = admin.tool("kafka-metadata-quorum.sh", "describe --status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("CurrentVoters:"));
    let list: Value = serde_json::from_str(line.context("CurrentVoters is listed")?.trim())?;
    let voter = |one: &Value| {
        let disk = one.get("directoryId").and_then(Value::as_str);
        Some((one.get("id")?.as_i64()?, disk.unwrap_or_default().to_owned()))
    };
    Ok(list.as_array().into_iter().flatten().filter_map(voter).collect())
}
