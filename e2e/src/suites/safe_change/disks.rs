//! Disks under load: more room without a restart, one more and one less, another class, one that fails and one that is
//! lost. Kafka's own tools are the judges.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, brokers, generation, resource, say, settled, under_load, wait, watch};
use crate::admin::Admin;
use crate::harness::{Context, Report};
use crate::{diagnosis, install};

pub fn run(context: &Context, report: &mut Report) {
    report.test("disks: they grow and nothing restarts", || grown(context));
    if context.full {
        report.test("disks: one more for each broker, each restarts once", || more(context));
        report.test("disks: one that fails is named, and its broker serves on", || {
            failed(context)
        });
        report.test("disks: one less for each broker, one after the other", || less(context));
        report.test(
            "disks: of another class, one after the other, the former ones are deleted",
            || other_class(context),
        );
    }
    report.test(
        "disks: one that's being deleted keeps its pod; one that's lost fills up again",
        || lost(context),
    );
}

fn grown(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let generation = brokers(context, &json!({"storage": {"volumes": [{"size": "2Gi"}]}}))?;
    context.wait_until("the volumes have grown", Duration::from_mins(2), || {
        let sizes = of_claims(context, "/status/capacity/storage")?;
        if sizes.len() == 3 && sizes.iter().all(|size| size == "2Gi") {
            return Ok(Some(()));
        }
        bail!("capacities: {sizes:?}")
    })?;
    settled(context, generation)?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    Ok(())
}

/// What each claim of the brokers says there.
fn of_claims(context: &Context, pointer: &str) -> Result<Vec<String>> {
    let selector = format!("productionkafka.dev/cluster={CLUSTER},productionkafka.dev/pool=brokers");
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pvc", "-l", &selector])?;
    let word = |claim: &Value| {
        let word = claim.pointer(pointer).and_then(Value::as_str);
        word.unwrap_or_default().to_owned()
    };
    Ok(diagnosis::items(&list).iter().map(word).collect())
}

/// Changes the disks of all brokers under load; each broker restarts once.
fn rolled(context: &Context, name: &str, storage: &Value) -> Result<()> {
    let before = watch::pods(context)?;
    let since = jiff::Timestamp::now();
    under_load(context, name, |_| {
        let begun = Instant::now();
        let generation = brokers(context, &json!({"storage": storage}))?;
        settled(context, generation)?;
        say(&format!("done in {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(())
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(
        replaced.len() == 3 && replaced.iter().all(|pod| pod.contains("-brokers-")),
        "replaced pods: {replaced:?}"
    );
    let taken = watch::taken(context, since)?;
    ensure!(taken.values().all(|times| *times == 1), "pods taken away: {taken:?}");
    Ok(())
}

fn more(context: &Context) -> Result<()> {
    rolled(
        context,
        "more-disks",
        &json!({"volumes": [{"size": "2Gi"}, {"size": "1Gi"}]}),
    )?;
    directories(context, 2)
}

fn less(context: &Context) -> Result<()> {
    rolled(context, "fewer-disks", &json!({"volumes": [{"size": "2Gi"}]}))?;
    directories(context, 1)
}

/// How many log directories each broker has, by Kafka's own tool, and that none has failed.
fn directories(context: &Context, count: usize) -> Result<()> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))?;
    let said = admin.tool("kafka-log-dirs.sh", "--describe")?;
    let line = said.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let said: Value = serde_json::from_str(line)?;
    let brokers = said
        .pointer("/brokers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    ensure!(brokers.len() == 3, "brokers that answer: {said}");
    for broker in brokers {
        let folders = broker
            .pointer("/logDirs")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let well = folders
            .iter()
            .all(|folder| folder.get("error").is_none_or(Value::is_null));
        ensure!(folders.len() == count && well, "log directories of {broker}");
    }
    Ok(())
}

/// Kafka can't write to the second disk of one broker any more. Topics of this load are spread over both disks.
fn failed(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let (pod, claim) = (
        format!("{CLUSTER}-brokers-101-0"),
        format!("data-1-{CLUSTER}-brokers-101-0"),
    );
    under_load(context, "failed-disk", |_| {
        let folder = folder(context, &claim)?;
        context.sh(&format!(
            "chown root:root {folder}/kafka-log && chmod 555 {folder}/kafka-log"
        ))?;
        let healed = || {
            context.sh(&format!(
                "chmod 750 {folder}/kafka-log && chown 1000:1000 {folder}/kafka-log"
            ))
        };
        let said = wait(
            context,
            "the failed disk is named",
            Duration::from_mins(2),
            |resource| {
                let nodes = resource
                    .pointer("/status/nodes")
                    .map(Value::to_string)
                    .unwrap_or_default();
                nodes.contains("Kafka has given up") && nodes.contains(&claim)
            },
        );
        let after = said.and_then(|said| {
            say(&diagnosis::summary(&said));
            sleep(Duration::from_secs(20));
            watch::pods(context)
        });
        healed()?;
        ensure!(before == after?, "pods were replaced");
        let generation = generation(&resource(context)?);
        let restart = "productionkafka.dev/restart=now";
        context.kubectl(&["-n", NAMESPACE, "annotate", "pod", &pod, restart])?;
        context.wait_until("the broker restarts", Duration::from_mins(2), || {
            Ok((!watch::replaced(&before, &watch::pods(context)?).is_empty()).then_some(()))
        })?;
        settled(context, generation).map(drop)
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced == [pod], "replaced pods: {replaced:?}");
    directories(context, 2)
}

/// Where the local cluster keeps a volume.
pub(in crate::suites) fn folder(context: &Context, claim: &str) -> Result<String> {
    let claim = context.kubectl_json(&["-n", NAMESPACE, "get", "pvc", claim])?;
    let volume = claim
        .pointer("/spec/volumeName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let volume = context.kubectl_json(&["get", "pv", volume])?;
    let path = ["/spec/local/path", "/spec/hostPath/path"];
    let path = path.iter().find_map(|at| volume.pointer(at).and_then(Value::as_str));
    Ok(path.context("the volume is a folder")?.to_owned())
}

fn other_class(context: &Context) -> Result<()> {
    install::operator(context, "rbac: {deleteVolumes: true}\n")?;
    let generation = brokers(
        context,
        &json!({"storage": {"volumes": [{"size": "2Gi"}], "reclaim": "Delete"}}),
    )?;
    settled(context, generation)?;
    let former = claims(context)?;
    let encrypted = json!({"volumes": [{"size": "2Gi", "storageClassName": "encrypted"}], "reclaim": "Delete"});
    rolled(context, "other-class", &encrypted)?;
    directories(context, 1)?;
    context.wait_until("the former disks are deleted", Duration::from_mins(1), || {
        let claims = claims(context)?;
        let data_0 = |claim: &&String| claim.starts_with("data-0-");
        ensure!(claims.iter().filter(data_0).count() == 3, "claims: {claims:?}");
        ensure!(
            !claims.iter().filter(data_0).any(|claim| former.contains(claim)),
            "claims: {claims:?}"
        );
        Ok(Some(()))
    })
}

/// Names of the brokers' claims.
fn claims(context: &Context) -> Result<Vec<String>> {
    of_claims(context, "/metadata/name")
}

/// The volume is there as long as the pod is, so a restart that's asked for waits and says why.
fn kept(context: &Context, pod: &str) -> Result<()> {
    let before = watch::pods(context)?;
    let says = |word: &str| {
        context.wait_until(&format!("the status says {word:?}"), Duration::from_mins(1), || {
            let resource = resource(context)?;
            let next = resource.pointer("/status/nextAction").and_then(Value::as_str);
            let next = next.unwrap_or_default();
            if next.contains(word) && next.contains("is being deleted") {
                return Ok(Some(()));
            }
            bail!("it says {next:?}")
        })
    };
    says("node 102")?;
    context.kubectl(&[
        "-n",
        NAMESPACE,
        "annotate",
        "pod",
        pod,
        "productionkafka.dev/restart=now",
    ])?;
    says("would refuse the new pod of node 102")?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    Ok(())
}

/// A person takes a broker's claim and then its pod away, as after the loss of a disk. In between nobody else takes the pod away.
fn lost(context: &Context) -> Result<()> {
    let pod = format!("{CLUSTER}-brokers-102-0");
    let claim = claims(context)?
        .into_iter()
        .find(|claim| claim.contains("-brokers-102-0"));
    let claim = claim.context("the broker has a claim")?;
    let uid = || {
        let words = [
            "-n",
            NAMESPACE,
            "get",
            "pvc",
            &claim,
            "--ignore-not-found",
            "-o",
            "jsonpath={.metadata.uid}",
        ];
        context.kubectl(&words)
    };
    let before = uid()?;
    under_load(context, "lost-disk", |_| {
        context.kubectl(&["-n", NAMESPACE, "delete", "pvc", &claim, "--wait=false"])?;
        kept(context, &pod)?;
        context.kubectl(&["-n", NAMESPACE, "delete", "pod", &pod])?;
        context.wait_until("there is another disk", Duration::from_mins(2), || {
            let now = uid()?;
            Ok((now != before && !now.is_empty()).then_some(()))
        })?;
        let generation = generation(&resource(context)?);
        settled(context, generation).map(drop)
    })?;
    directories(context, 1)
}
