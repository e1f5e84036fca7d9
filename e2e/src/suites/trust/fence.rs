//! Two operators, of which the leader is paused in the middle of its work: once the other has taken over, the API server itself
//! refuses whatever the former leader would still take away.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use super::held::without;
use super::{CLUSTER, NAMESPACE, pods, say, settled};
use crate::harness::{Context, Processes, Report};
use crate::{exec, install};

const BINDING: &str = "validatingadmissionpolicybinding/productionkafka-system-productionkafka-leader";
/// An API server looks every second which objects its policies need.
const FORGOTTEN: Duration = Duration::from_secs(3);
/// Three lease durations, on a busy machine.
const TAKEN_OVER: Duration = Duration::from_secs(45);
const SOON: Duration = Duration::from_secs(20);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "a leader that was paused may take nothing away after another took over",
        || {
            let before = pods(context)?;
            install::operator(context, "replicas: 2\n")?;
            let result = fenced(context);
            install::operator(context, "")?;
            result?;
            settled(context)?;
            ensure!(pods(context)? == before, "Kafka was restarted");
            Ok(())
        },
    );
}

fn fenced(context: &Context) -> Result<()> {
    let leader = context.wait_until("one of two operators leads", TAKEN_OVER, || leading(context, ""))?;
    let pods = install::pods(context)?;
    let mut names = pods.iter().filter_map(|pod| pod.pointer("/metadata/name")?.as_str());
    let standby = names.find(|name| *name != leader).context("a second operator")?;
    let (of_leader, of_standby) = (token(context, &leader)?, token(context, standby)?);
    // As after an uninstallation: what a policy needed is forgotten, for good where it's nothing that the API server needs itself.
    without(context, BINDING, || {
        std::thread::sleep(FORGOTTEN);
        Ok(())
    })?;
    context.wait_until("the policy is in force again", SOON, || {
        refused(context, &of_standby).map(Some)
    })?;
    evicts(context, &of_leader).context("the leader")?;

    let mut process = Processes::of_operator(context, install::NAMESPACE, &leader)?;
    process.stop()?;
    context.wait_until("the other takes over", TAKEN_OVER, || leading(context, &leader))?;
    // What the paused one has in hand arrives now.
    refused(context, &of_leader).context("the former leader")?;
    evicts(context, &of_standby).context("the new leader")?;
    // Unless its probe has had it killed by now.
    if process.go_on().is_ok() {
        refused(context, &of_leader).context("the former leader, awake")?;
    }
    say("a token of the former leader's pod was refused by the API server");
    Ok(())
}

/// Who leads, if it's another one than `former`.
fn leading(context: &Context, former: &str) -> Result<Option<String>> {
    let leader = install::leader(context)?;
    Ok(leader.filter(|name| name != former))
}

/// A token as the pod has one.
fn token(context: &Context, pod: &str) -> Result<String> {
    let bound = ["--bound-object-kind=Pod", &format!("--bound-object-name={pod}")];
    let words = [
        &["-n", install::NAMESPACE, "create", "token", "productionkafka"],
        &bound[..],
    ]
    .concat();
    Ok(context.kubectl(&words)?.trim().to_owned())
}

/// A deletion in the name of the token's pod, which isn't carried out.
fn try_to_delete(context: &Context, token: &str) -> Result<String> {
    let server = context.kubectl(&[
        "config",
        "view",
        "--minify",
        "-o",
        "jsonpath={.clusters[0].cluster.server}",
    ])?;
    // Not as an argument: what fails is told with its arguments.
    let access = json!({
        "clusters": [{"name": "it", "cluster": {"server": server.trim(), "insecure-skip-tls-verify": true}}],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    });
    let pod = format!("pod/{CLUSTER}-brokers-100-0");
    let words = [
        "kubectl",
        "--kubeconfig=/dev/stdin",
        "-n",
        NAMESPACE,
        "delete",
        &pod,
        "--dry-run=server",
        "--wait=false",
    ];
    exec::output_with_input(&mut context.command(&words)?, &access.to_string())
}

fn evicts(context: &Context, token: &str) -> Result<()> {
    // The API server's own watch brings the leader's name to the policy.
    context.wait_until("it may take a pod away", SOON, || {
        try_to_delete(context, token).map(Some)
    })?;
    Ok(())
}

fn refused(context: &Context, token: &str) -> Result<()> {
    match try_to_delete(context, token) {
        Ok(done) => bail!("it went through: {}", done.trim()),
        Err(error) => {
            let said = format!("{error:#}");
            ensure!(said.contains("this operator doesn't lead"), "{said}");
            Ok(())
        }
    }
}
