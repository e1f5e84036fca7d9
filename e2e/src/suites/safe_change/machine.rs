//! A machine that is lost with a controller and a broker on it: the operator frees nothing by force and touches nothing
//! else, says what a person can do, and all comes back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::{NAMESPACE, ROLLED, all_new, ask_for_restart, say, under_load, wait, watch};
use crate::diagnosis;
use crate::harness::{Context, Report};
use crate::install;

/// Kubernetes' own proof that a machine is off: its pods may be freed.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// A kubelet that is silent for 40 s is missed, and a pod counts as overdue a minute after its time.
const NOTICED: Duration = Duration::from_mins(4);

pub fn run(context: &Context, report: &mut Report) {
    report.test("a lost machine: nothing is freed by force, and all comes back", || {
        lost(context)
    });
}

fn lost(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let since = Timestamp::now();
    under_load(context, "lost", |_| {
        let mut machine = Machine::pick(context)?;
        let pods = machine.kafka_pods()?;
        say(&format!("{} is lost with {}", machine.name, pods.join(", ")));
        machine.stop()?;
        let missed = format!("machine {} doesn't answer", machine.name);
        wait(context, "the machine is missed", NOTICED, |resource| {
            nodes(resource).contains(&missed)
        })?;
        let generation = ask_for_restart(context)?;
        for pod in &pods {
            context.kubectl(&["-n", NAMESPACE, "delete", "pod", pod, "--wait=false"])?;
        }
        let says = wait(context, "it says what a person can do", NOTICED, |resource| {
            nodes(resource).contains(OUT_OF_SERVICE)
        })?;
        say(&diagnosis::summary(&says));
        let replaced = watch::replaced(&before, &watch::pods(context)?);
        ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
        let taken = watch::taken(context, since)?;
        ensure!(taken.is_empty(), "pods taken away: {taken:?}");
        machine.declare_off()?;
        context.wait_until("Kubernetes frees the pods", NOTICED, || {
            let replaced = watch::replaced(&before, &watch::pods(context)?);
            Ok((replaced.len() == pods.len()).then_some(()))
        })?;
        machine.start()?;
        context.wait_until("all is back", ROLLED, || {
            Ok(all_new(context, &before, generation)?.then_some(()))
        })
    })?;
    let taken = watch::taken(context, since)?;
    ensure!(
        taken.len() == before.len() - 2 && taken.values().all(|times| *times == 1),
        "pods taken away: {taken:?}"
    );
    Ok(())
}

fn nodes(resource: &Value) -> String {
    resource
        .pointer("/status/nodes")
        .map(Value::to_string)
        .unwrap_or_default()
}

/// A machine of the local cluster that can be switched off.
struct Machine<'a> {
    context: &'a Context,
    name: String,
    is_off: bool,
}

impl<'a> Machine<'a> {
    /// One that neither the load nor the operator runs on.
    fn pick(context: &'a Context) -> Result<Self> {
        let busy = [
            (install::NAMESPACE, "app.kubernetes.io/name"),
            (NAMESPACE, "!productionkafka.dev/node-id"),
        ];
        let mut taken = Vec::new();
        for (namespace, selector) in busy {
            let list = context.kubectl_json(&["-n", namespace, "get", "pods", "-l", selector])?;
            let name = |pod: &Value| pod.pointer("/spec/nodeName").and_then(Value::as_str).map(str::to_owned);
            taken.extend(diagnosis::items(&list).iter().filter_map(name));
        }
        let name = (1..=3)
            .map(|number| format!("node-{number}"))
            .find(|name| !taken.contains(name));
        Ok(Self {
            context,
            name: name.context("a machine without load and operator")?,
            is_off: false,
        })
    }

    fn kafka_pods(&self) -> Result<Vec<String>> {
        let field = format!("spec.nodeName={}", self.name);
        let words = [
            "-n",
            NAMESPACE,
            "get",
            "pods",
            "-l",
            "productionkafka.dev/node-id",
            "--field-selector",
            &field,
        ];
        let list = self.context.kubectl_json(&words)?;
        let name = |pod: &Value| pod.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
        Ok(diagnosis::items(&list).iter().filter_map(name).collect())
    }

    /// The kubelet stops where it stands, and every process of its pods ends.
    fn stop(&mut self) -> Result<()> {
        self.is_off = true;
        self.kubelet("STOP")?;
        let groups = format!(
            "*/productionkafka-{}/{}/kubepods/*",
            self.context.target().name,
            self.name
        );
        let line = format!(
            "find /sys/fs/cgroup -path '{groups}' -name cgroup.procs -exec cat {{}} + | sort -u | xargs -r kill -9; true"
        );
        self.context.sh(&line).map(drop)
    }

    fn declare_off(&self) -> Result<()> {
        let taint = format!("{OUT_OF_SERVICE}=nodeshutdown:NoExecute");
        self.context.kubectl(&["taint", "node", &self.name, &taint]).map(drop)
    }

    /// On again, and no longer declared off.
    fn start(&mut self) -> Result<()> {
        self.is_off = false;
        self.kubelet("CONT")?;
        let taint = format!("{OUT_OF_SERVICE}-");
        // Without the taint that is an error, which is fine.
        let _ = self.context.kubectl(&["taint", "node", &self.name, &taint]);
        Ok(())
    }

    fn kubelet(&self, signal: &str) -> Result<()> {
        // The brackets keep the pattern from finding the shell that carries it.
        let line = format!("pkill -{signal} -f 'hostname-overrid[e]={} --node-ip'", self.name);
        self.context.sh(&line).map(drop)
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        if self.is_off {
            // The suite has failed already; others want the machine back.
            let _ = self.start();
        }
    }
}
