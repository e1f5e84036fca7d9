//! Networks: one bridge that the control plane and every node's own network namespace hang on.
//!
//! Everything lives in the cluster's network namespace, which has no way out, so addresses may repeat between clusters.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::spec::{CONTROL_ADDRESS, DNS_ADDRESS, DOMAIN, Node, Spec};
use crate::exec;

/// Sets up mounts and links; runs inside the cluster's namespaces.
pub fn prepare(spec: &Spec) -> Result<()> {
    private_mounts(spec)?;
    for link in [
        "link set lo up",
        "link add lan type bridge",
        &format!("addr add {CONTROL_ADDRESS}/24 dev lan"),
        "link set lan up",
        // The API server asks for a default route to learn its own address.
        "route add default dev lan",
    ] {
        ip(link)?;
    }
    forward(None)?;
    let nodes = spec.node_list();
    nodes.iter().try_for_each(|node| attach(node, &nodes))
}

/// A command that runs in the network of `node`. Not `ip netns exec`: that remounts /sys and hides the cgroups.
pub fn on(node: &Node, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{}", node.name)).arg(program);
    command
}

fn attach(node: &Node, all: &[Node]) -> Result<()> {
    let (name, link) = (&node.name, format!("lan{}", node.number));
    ip(&format!("netns add {name}"))?;
    ip(&format!("link add {link} type veth peer name eth0 netns {name}"))?;
    ip(&format!("link set {link} master lan up"))?;
    ip(&format!("-n {name} link set lo up"))?;
    ip(&format!("-n {name} addr add {}/24 dev eth0", node.address))?;
    ip(&format!("-n {name} link set eth0 up"))?;
    ip(&format!("-n {name} route add default via {CONTROL_ADDRESS}"))?;
    for other in all.iter().filter(|other| other.number != node.number) {
        ip(&format!(
            "-n {name} route add {} via {}",
            other.pod_network, other.address
        ))?;
    }
    ip(&format!("route add {} via {}", node.pod_network, node.address))?;
    forward(Some(node))
}

/// Folders that daemons write to outside of the cluster's own folder become private, so that nothing stays behind and
/// clusters do not meet there.
fn private_mounts(spec: &Spec) -> Result<()> {
    mount(&["--make-rprivate", "/"])?;
    for folder in ["/run", "/var/log", "/var/lib/cni"] {
        fs::create_dir_all(folder).with_context(|| format!("create {folder}"))?;
        mount(&["-t", "tmpfs", "tmpfs", folder])?;
    }
    let resolver = spec.folder.join("resolv.conf");
    let text = format!("nameserver {DNS_ADDRESS}\nsearch svc.{DOMAIN} {DOMAIN}\noptions ndots:5\n");
    fs::write(&resolver, text).with_context(|| format!("write {}", resolver.display()))?;
    mount(&["--bind", &resolver.to_string_lossy(), "/etc/resolv.conf"])
}

fn mount(arguments: &[&str]) -> Result<()> {
    exec::quietly(Command::new("mount").args(arguments))
}

fn forward(node: Option<&Node>) -> Result<()> {
    let mut command = node.map_or_else(|| Command::new("sysctl"), |node| on(node, Path::new("sysctl")));
    exec::quietly(command.args(["-qw", "net.ipv4.ip_forward=1"]))
}

fn ip(arguments: &str) -> Result<()> {
    exec::quietly(Command::new("ip").args(arguments.split_whitespace()))
}
