//! The three containers of a node's pod: `prepare` and `format` before Kafka, then the unmodified Kafka image.

use super::{Input, environment, listener_properties, probes, security_context, volumes};
use crate::model::{Node, Pool, ports};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, Lifecycle, LifecycleHandler, ResourceRequirements, SleepAction,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

/// Init container that brings the static binary along.
pub const PREPARE: &str = "prepare";

/// Local disk of a container: logs that the kubelet keeps, and its scratch volumes.
const LOCAL_STORAGE: &str = "ephemeral-storage";
const LOCAL_STORAGE_REQUEST: &str = "64Mi";
const LOCAL_STORAGE_LIMIT: &str = "1Gi";
/// Seconds: a controlled shutdown takes 3 on a quiet machine (heartbeats every 2 s).
const CONTROLLERS_STOP_LATER: i64 = 6;
const TOOL: &str = "/opt/productionkafka/productionkafka";

/// Copies the static binary and the metrics agent out of the operator's image.
pub fn prepare(input: &Input<'_>, node: &Node<'_>) -> Container {
    Container {
        command: Some(command(&[
            "/productionkafka",
            "node-init",
            PREPARE,
            "--to",
            "/opt/productionkafka",
        ])),
        volume_mounts: Some(vec![volumes::tools(false)]),
        ..container(PREPARE, input.operator_image, node.pool)
    }
}

/// Checks and, once in their life, formats the disks, with the very Kafka that will run on them: a newer format isn't
/// readable by an older Kafka (KIP-1170).
pub fn format(input: &Input<'_>, node: &Node<'_>) -> Container {
    Container {
        command: Some(command(&[TOOL, "node-init", "format"])),
        env: Some(environment::format(input, node)),
        volume_mounts: Some(volumes::for_format(node)),
        ..container("format", &input.cluster.image, node.pool)
    }
}

/// Kafka.
pub fn kafka(input: &Input<'_>, node: &Node<'_>) -> Container {
    Container {
        // `exec`: the JVM must be the process that gets SIGTERM.
        command: Some(command(&["sh", "-c", &start(input, node)])),
        env: Some(environment::kafka(input, node)),
        ports: Some(container_ports(input, node)),
        volume_mounts: Some(volumes::for_kafka(input, node)),
        startup_probe: Some(probes::startup()),
        readiness_probe: Some(probes::readiness()),
        liveness_probe: Some(probes::liveness()),
        lifecycle: outlive_brokers(node),
        ..container("kafka", &input.cluster.image, node.pool)
    }
}

/// The address of a node port is that of the machine that the pod has come to. A key of delegation tokens is no part of a
/// ConfigMap, an argument or the environment: it's added to a copy of the other lines, in the pod's own scratch space.
fn start(input: &Input<'_>, node: &Node<'_>) -> String {
    let mut file = "/etc/kafka/operator/server.properties";
    let mut before = String::new();
    if input.cluster.security.delegation_tokens.is_some() {
        let (whole, key) = ("/tmp/server.properties", volumes::DELEGATION);
        before = format!("umask 077; cat {file} {key}/{} > {whole} && ", volumes::DELEGATION_FILE);
        file = whole;
    }
    let start = format!("{before}exec /opt/kafka/bin/kafka-server-start.sh {file}");
    if listener_properties::by_machine(input, node).is_some() {
        format!("{start} --override \"advertised.listeners=$PK_ADVERTISED_LISTENERS\"")
    } else {
        start
    }
}

/// When a whole cluster is deleted, brokers hand over to the controllers; one that finds none waits 5 minutes for them
/// (fixed in Kafka's BrokerServer). So controllers start to stop a little later.
fn outlive_brokers(node: &Node<'_>) -> Option<Lifecycle> {
    let roles = node.roles;
    let sleep = SleepAction {
        seconds: CONTROLLERS_STOP_LATER,
    };
    (roles.controller && !roles.broker).then(|| Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(sleep),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    })
}

/// What all containers share. Init containers ask for what Kafka asks for: that neither raises the pod's request nor
/// changes its quality of service.
fn container(name: &str, image: &str, pool: &Pool) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".into()),
        resources: Some(resources(pool)),
        security_context: Some(security_context::container()),
        ..Container::default()
    }
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The pool's amounts, and a bound on local disk; a pool that names only one of request and limit gets both.
fn resources(pool: &Pool) -> ResourceRequirements {
    let given = &pool.resources;
    let named = given.limits.get(LOCAL_STORAGE).or(given.requests.get(LOCAL_STORAGE));
    let amounts = |amounts: &BTreeMap<String, crate::api::Quantity>, default: &str| {
        let mut all: BTreeMap<String, Quantity> = amounts
            .iter()
            .map(|(name, quantity)| (name.clone(), Quantity(quantity.0.clone())))
            .collect();
        all.entry(LOCAL_STORAGE.into())
            .or_insert_with(|| Quantity(named.map_or(default, |quantity| &quantity.0).to_owned()));
        all
    };
    ResourceRequirements {
        requests: Some(amounts(&given.requests, LOCAL_STORAGE_REQUEST)),
        limits: Some(amounts(&given.limits, LOCAL_STORAGE_LIMIT)),
        claims: None,
    }
}

fn container_ports(input: &Input<'_>, node: &Node<'_>) -> Vec<ContainerPort> {
    let port = |name: &str, number| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    };
    let mut all = Vec::new();
    if node.roles.controller {
        all.push(port("controller", ports::CONTROLLER));
    }
    if node.roles.broker {
        all.push(port("replication", ports::REPLICATION));
        let clients = listener_properties::reachable(input, node);
        all.extend(clients.iter().map(|listener| port(&listener.name, listener.port)));
    }
    if input.cluster.jmx_exporter {
        all.push(port("metrics", ports::METRICS));
    }
    all
}
