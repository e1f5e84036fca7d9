//! Signals to processes of Kafka and of the operator, from outside of their containers: the first process of a container cannot be
//! stopped or killed from inside. Only where the cluster's processes run on this machine.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Context;

/// The processes of some pods. What was stopped goes on when this is dropped.
pub struct Processes<'a> {
    context: &'a Context,
    /// Numbers inside the cluster's namespace, separated by spaces.
    numbers: String,
    stopped: bool,
}

impl<'a> Processes<'a> {
    /// Those of the pods' container `kafka`, one per pod.
    pub fn of(context: &'a Context, namespace: &str, pods: &[&str]) -> Result<Self> {
        Self::find(context, (namespace, pods), ("kafka", "java"))
    }

    /// That of the operator's pod.
    pub fn of_operator(context: &'a Context, namespace: &str, pod: &str) -> Result<Self> {
        Self::find(context, (namespace, &[pod]), ("operator", "productionkafka"))
    }

    /// By the name of the container and that of its program.
    fn find(context: &'a Context, (namespace, pods): (&str, &[&str]), (name, program): (&str, &str)) -> Result<Self> {
        ensure!(context.audit.is_some(), "the cluster's processes are out of reach");
        let mut numbers = Vec::new();
        for pod in pods {
            let container = container(context, (namespace, pod), name)?;
            let line = format!(
                "for file in $(grep -ls {container} /proc/[0-9]*/cgroup); do
                   folder=${{file%/cgroup}}; [ \"$(cat $folder/comm)\" = {program} ] && echo ${{folder#/proc/}}
                 done; true"
            );
            let found = context.sh(&line)?;
            ensure!(found.lines().count() == 1, "processes of {pod}: {found:?}");
            numbers.push(found.trim().to_owned());
        }
        Ok(Self {
            context,
            numbers: numbers.join(" "),
            stopped: false,
        })
    }

    /// SIGSTOP: they answer nothing, and their connections stay open.
    pub fn stop(&mut self) -> Result<()> {
        let line = self.line("STOP");
        self.context.sh(&line).map(drop)
    }

    /// SIGCONT.
    pub fn go_on(&mut self) -> Result<()> {
        let line = self.line("CONT");
        self.context.sh(&line)?;
        self.stopped = false;
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        let line = self.line("KILL");
        self.context.sh(&line).map(drop)
    }

    /// The shell command, for steps that must follow each other faster than this program can call.
    pub fn line(&mut self, signal: &str) -> String {
        self.stopped |= signal == "STOP";
        format!("kill -{signal} {}", self.numbers)
    }
}

impl Drop for Processes<'_> {
    fn drop(&mut self) {
        if self.stopped {
            // A process that is gone by now has nothing to go on with.
            let _ = self.go_on();
        }
    }
}

/// Id of the running container, which its control group's name holds.
fn container(context: &Context, (namespace, pod): (&str, &str), name: &str) -> Result<String> {
    let object = context.kubectl_json(&["-n", namespace, "get", "pod", pod])?;
    let statuses = object
        .pointer("/status/containerStatuses")
        .and_then(Value::as_array)
        .cloned();
    let found = statuses
        .into_iter()
        .flatten()
        .find(|status| status.get("name") == Some(&name.into()));
    let id = found.and_then(|status| status.get("containerID").and_then(Value::as_str).map(str::to_owned));
    let id = id.with_context(|| format!("pod {pod} has a container {name}"))?;
    Ok(id.rsplit('/').next().unwrap_or_default().to_owned())
}
