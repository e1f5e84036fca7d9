//! One node: containerd with its images, kubelet and service proxy in the node's own network.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::spec::{DNS_ADDRESS, DOMAIN, Node, Spec};
use super::{cgroup, containerd, control_plane, daemon, network, pki};

/// containerd up, with all images; needs no API server.
pub fn prepare(spec: &Spec, node: &Node) -> Result<()> {
    cgroup::create(&spec.name, node)?;
    containerd::start(spec, node)
}

/// Kubelet and proxy; the API server answers already.
pub fn join(spec: &Spec, node: &Node) -> Result<()> {
    start_kubelet(spec, node)?;
    let mut proxy = network::on(node, &spec.program("kube-proxy")?);
    proxy
        .arg(control_plane::kubeconfig(spec, "proxy"))
        .args(control_plane::proxy_flags(&node.name));
    daemon::start(spec, &format!("proxy-{}", node.number), &mut proxy)
}

/// The kubelet, also after it ended.
pub fn start_kubelet(spec: &Spec, node: &Node) -> Result<()> {
    let config = node.folder.join("kubelet.json");
    fs::write(&config, serde_json::to_vec_pretty(&kubelet_configuration(spec, node))?)
        .with_context(|| format!("write {}", config.display()))?;
    let root = node.folder.join("kubelet");
    let mut kubelet = network::on(node, &spec.program("kubelet")?);
    kubelet
        .arg(format!("--config={}", config.display()))
        .arg(control_plane::kubeconfig(spec, &node.name));
    kubelet
        .arg(format!("--root-dir={}", root.display()))
        .arg(format!("--cert-dir={}/pki", root.display()));
    kubelet
        .arg(format!("--hostname-override={}", node.name))
        .arg(format!("--node-ip={}", node.address));
    kubelet.arg(format!(
        "--node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone={}",
        node.zone
    ));
    daemon::start(spec, &format!("kubelet-{}", node.number), &mut kubelet)
}

fn kubelet_configuration(spec: &Spec, node: &Node) -> Value {
    let (certificate, key) = pki::files(spec, &node.name);
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": spec.certificates().join("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": certificate,
        "tlsPrivateKeyFile": key,
        "cgroupDriver": "cgroupfs",
        // Kubelets on one machine must not see each other's pods.
        "cgroupRoot": cgroup::node_group(&spec.name, node),
        "enforceNodeAllocatable": ["pods"],
        "failCgroupV1": false,
        "failSwapOn": false,
        "containerRuntimeEndpoint": format!("unix://{}", containerd::socket(node).display()),
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": DOMAIN,
        "resolvConf": "",
        "evictionHard": {"nodefs.available": "1Gi"},
        "imageGCHighThresholdPercent": 100,
        "maxPods": 110,
        // Changed Secrets and ConfigMaps reach a pod within seconds instead of a minute.
        "configMapAndSecretChangeDetectionStrategy": "Watch",
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "4s",
        // Kubelets that share /var/log/pods delete each other's logs.
        "podLogsDir": node.folder.join("pod-logs"),
        "volumePluginDir": node.folder.join("volume-plugins"),
        "serializeImagePulls": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_share_nothing_that_kubelets_fight_over() {
        let spec = Spec {
            name: "probe".into(),
            nodes: 2,
            kafka: vec![],
            folder: "/c/probe".into(),
            program_folders: vec![],
            store: "/store".into(),
        };
        let nodes = spec.node_list();
        let rendered: Vec<Value> = nodes.iter().map(|node| kubelet_configuration(&spec, node)).collect();
        for key in [
            "address",
            "cgroupRoot",
            "containerRuntimeEndpoint",
            "podLogsDir",
            "tlsCertFile",
        ] {
            assert_ne!(rendered[0][key], rendered[1][key], "{key}");
        }
        assert_eq!(rendered[1]["cgroupRoot"], "/productionkafka-probe/node-2");
    }
}
