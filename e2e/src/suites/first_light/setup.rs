//! A fresh start, and the way to a Ready cluster with its topic and users.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{CLUSTER, NAMESPACE, NAMESPACES, evidence};
use crate::harness::Context;
use crate::{diagnosis, install, paths, resources};

/// Longest that a cluster of this size may take.
pub const READY: Duration = Duration::from_mins(5);

/// Removes what an earlier run left.
pub fn clean(context: &Context) -> Result<()> {
    NAMESPACES
        .iter()
        .try_for_each(|namespace| resources::clean(context, namespace))
}

/// Installs, applies the example, and waits for the cluster, its topic and its users.
pub fn ready(context: &Context) -> Result<()> {
    let started = Instant::now();
    install::operator(context, "")?;
    evidence(format!(
        "charts installed after {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    let seconds = apply_and_wait(context)?;
    evidence(format!("applied → Ready in {seconds:.1} s"));
    wait_topics_and_users(context)
}

/// Applies the example; seconds until the cluster is Ready.
pub fn apply_and_wait(context: &Context) -> Result<f64> {
    context.restricted_namespace(NAMESPACE)?;
    context.apply(&example()?)?;
    let applied = Instant::now();
    wait_ready(context)?;
    Ok(applied.elapsed().as_secs_f64())
}

/// The text of `examples/production.yaml`.
pub fn example() -> Result<String> {
    let path = paths::repository().join("examples/production.yaml");
    std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// The `ProductionKafka` as it is now.
pub fn resource(context: &Context) -> Result<Value> {
    context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])
}

/// `kubectl wait` watches, which costs a loaded machine less than asking in turns; the generation is checked after it.
pub fn wait_ready(context: &Context) -> Result<()> {
    let object = format!("pk/{CLUSTER}");
    let watch = [
        "-n",
        NAMESPACE,
        "wait",
        "--for=condition=Ready",
        &object,
        "--timeout=10s",
    ];
    context.wait_until("the ProductionKafka is Ready", READY, || {
        let watched = context.kubectl(&watch);
        let resource = resource(context)?;
        if watched.is_ok() && diagnosis::holds(&resource, "Ready") {
            return Ok(Some(()));
        }
        bail!("{}", diagnosis::summary(&resource))
    })
}

/// Waits until every topic and user is Ready.
pub fn wait_topics_and_users(context: &Context) -> Result<()> {
    context.wait_until("topics and users are Ready", Duration::from_mins(2), || {
        let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pkt,pku"])?;
        let mut waiting = diagnosis::items(&list).iter();
        match waiting.find(|item| !diagnosis::holds(item, "Ready")) {
            Some(item) => bail!("{}", diagnosis::summary(item)),
            None => Ok(Some(())),
        }
    })
}
