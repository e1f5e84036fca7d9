//! `cargo e2e demo`: from nothing to an application that writes and reads over TLS, one line per step with the time
//! since the start. It changes nothing that it did not create, and it leaves everything running.

mod steps;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::cli::{Target, UpArgs};
use crate::cluster::{enter, up};
use crate::harness::{Context, guest};
use crate::{commands, diagnosis, install, versions};

/// Namespace of the resources in `examples/production.yaml`.
const NAMESPACE: &str = "kafka";
/// All that the demo makes.
const NAMESPACES: &[&str] = &[NAMESPACE, install::NAMESPACE];
/// The local cluster that is started, unless `--name` names another.
const CLUSTER: &str = "demo";

/// Runs the whole demo.
pub fn demo(target: &Target) -> Result<()> {
    let clock = Clock(Instant::now());
    let target = chosen(target);
    cluster(&clock, &target)?;
    let context = Context::new(target.clone(), false, Vec::new())?;
    if !context.is_local() {
        guest::arrive(&context, NAMESPACES)?;
        clock.say("this cluster must be able to pull the images of operator and Kafka");
    }
    let result = on_cluster(&clock, &context);
    if result.is_err() {
        diagnosis::print(&context, NAMESPACE, install::NAMESPACE);
    }
    result?;
    println!("{}", steps::what_next(&target));
    Ok(())
}

/// The default name is for people's own experiments; the demo has a cluster of its own.
fn chosen(target: &Target) -> Target {
    let mut target = target.clone();
    if target.name == "local" {
        CLUSTER.clone_into(&mut target.name);
    }
    target
}

fn cluster(clock: &Clock, target: &Target) -> Result<()> {
    if target.use_current_context {
        return Ok(());
    }
    if !enter::is_up(&target.name)? {
        clock.say(&format!(
            "starting the local Kubernetes `{}`; the first time builds it",
            target.name
        ));
        let arguments = UpArgs {
            nodes: 1,
            kafka: vec![versions::DEFAULT_KAFKA.to_owned()],
        };
        up::up(&target.name, &arguments).context("start the local cluster")?;
    }
    clock.say(&format!(
        "Kubernetes `{}` is up; building the operator's image",
        target.name
    ));
    let archive = crate::build::operator::image()?;
    commands::load(&target.name, &archive)?;
    clock.say("the images of operator and Kafka are in");
    Ok(())
}

fn on_cluster(clock: &Clock, context: &Context) -> Result<()> {
    install::operator(context, "")?;
    clock.say(&format!(
        "charts productionkafka-crds and productionkafka are installed in {}",
        install::NAMESPACE
    ));
    steps::apply_example(context)?;
    clock.say("examples/production.yaml is applied: 3 controllers, 3 brokers, a topic, two users");
    steps::wait_ready(context, clock)?;
    for kind in ["KafkaTopic", "KafkaUser"] {
        steps::wait_all_ready(context, kind, Duration::from_mins(2))?;
        clock.say(&format!("every {kind} is Ready"));
    }
    steps::write_and_read(context, clock)?;
    println!("{}", context.kubectl(&["get", "pk,pkt,pku", "-A"])?);
    Ok(())
}

/// Prints lines with the time since the start.
pub struct Clock(Instant);

impl Clock {
    pub fn say(&self, line: &str) {
        println!("[{:6.1} s] {line}", self.0.elapsed().as_secs_f64());
    }
}
