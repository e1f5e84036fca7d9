//! containerd of one node: its configuration, its start, and importing images into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::spec::{Node, Spec};
use super::{daemon, network};
use crate::build::{store, system};
use crate::exec;

fn folder(node: &Node) -> PathBuf {
    node.folder.join("containerd")
}

/// The address that kubelet and `ctr` use.
pub fn socket(node: &Node) -> PathBuf {
    folder(node).join("socket")
}

/// Starts containerd and waits until it answers.
pub fn start(spec: &Spec, node: &Node) -> Result<()> {
    let folder = folder(node);
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    store::link(&spec.store, &folder.join("root"))?;
    write_network(node)?;
    let config = folder.join("config.toml");
    fs::write(&config, configuration(node, store::snapshotter(&folder)))?;
    let mut command = network::on(node, Path::new("containerd"));
    daemon::start(
        spec,
        &format!("containerd-{}", node.number),
        command.arg("--config").arg(config),
    )?;
    let deadline = Instant::now() + Duration::from_secs(30);
    while !exec::succeeds(ctr(node).arg("version")) {
        if Instant::now() > deadline {
            bail!(
                "containerd of {} does not answer: see {}",
                node.name,
                spec.logs().display()
            );
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Imports one docker archive for the kubelet to use.
pub fn import(node: &Node, archive: &Path) -> Result<()> {
    let mut command = ctr(node);
    command
        .args(["--namespace=k8s.io", "images", "import"])
        .arg(format!("--snapshotter={}", store::snapshotter(&folder(node))));
    exec::quietly(command.arg(archive)).with_context(|| format!("import {} on {}", archive.display(), node.name))
}

fn ctr(node: &Node) -> Command {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(socket(node));
    command
}

fn configuration(node: &Node, snapshotter: &str) -> String {
    let (folder, pause) = (folder(node), system::pause_image());
    let (folder, base) = (folder.display(), node.folder.display());
    // Lowering a process's oom_score_adj needs CAP_SYS_RESOURCE, which a container host may not give.
    format!(
        r#"version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{folder}/socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  enable_unprivileged_ports = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{base}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"#
    )
}

/// The pod network of the node: a bridge of its own; routes between nodes are set up with the links.
fn write_network(node: &Node) -> Result<()> {
    let folder = node.folder.join("cni");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let list = network_list(node);
    fs::write(folder.join("10-bridge.conflist"), serde_json::to_vec_pretty(&list)?)
        .context("write the CNI configuration")
}

fn network_list(node: &Node) -> serde_json::Value {
    serde_json::json!({"cniVersion": "1.0.0", "name": "local", "plugins": [
        {"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true, "ipMasq": false,
         "ipam": {"type": "host-local", "ranges": [[{"subnet": node.pod_network}]], "dataDir": node.folder.join("ipam")}},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Node {
        Node {
            number: 2,
            name: "node-2".into(),
            address: "172.31.0.12".into(),
            pod_network: "10.244.2.0/24".into(),
            zone: 'b',
            folder: "/c/x/node-2".into(),
        }
    }

    #[test]
    fn everything_of_containerd_stays_in_the_nodes_folder() {
        let text = configuration(&node(), "overlayfs");
        for line in [
            "root = \"/c/x/node-2/containerd/root\"",
            "conf_dir = \"/c/x/node-2/cni\"",
            "restrict_oom_score_adj = true",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
    }

    #[test]
    fn pods_get_addresses_of_their_nodes_network() {
        let list = network_list(&node());
        assert_eq!(list["plugins"][0]["ipam"]["ranges"][0][0]["subnet"], "10.244.2.0/24");
        assert_eq!(list["plugins"][0]["ipam"]["dataDir"], "/c/x/node-2/ipam");
    }
}
