//! What a cluster is made of, written once by `up` and read by everything that runs inside or looks at it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::paths;

/// Address of the control plane, on the bridge that all nodes hang on.
pub const CONTROL_ADDRESS: &str = "172.31.0.1";
pub const POD_NETWORK: &str = "10.244.0.0/16";
pub const SERVICE_NETWORK: &str = "10.96.0.0/16";
/// First address of the service network: the API server seen from pods.
pub const API_SERVICE_ADDRESS: &str = "10.96.0.1";
pub const DNS_ADDRESS: &str = "10.96.0.10";
pub const DOMAIN: &str = "cluster.local";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    pub name: String,
    pub nodes: u8,
    /// Kafka releases whose images were imported.
    pub kafka: Vec<String>,
    pub folder: PathBuf,
    pub program_folders: Vec<PathBuf>,
    /// Images that every node has from the start, as containerd keeps them.
    #[serde(default)]
    pub store: PathBuf,
}

/// One node: its number counts from 1.
#[derive(Clone, Debug)]
pub struct Node {
    pub number: u8,
    pub name: String,
    pub address: String,
    pub pod_network: String,
    pub zone: char,
    pub folder: PathBuf,
}

impl Spec {
    pub fn read(name: &str) -> Result<Self> {
        let path = paths::cluster(name)?.join("cluster.json");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }

    pub fn write(&self) -> Result<()> {
        let path = self.folder.join("cluster.json");
        fs::write(&path, serde_json::to_vec_pretty(self)?).with_context(|| format!("write {}", path.display()))
    }

    pub fn node_list(&self) -> Vec<Node> {
        (1..=self.nodes).map(|number| self.node(number)).collect()
    }

    fn node(&self, number: u8) -> Node {
        let name = format!("node-{number}");
        Node {
            number,
            address: format!("172.31.0.{}", 10 + u16::from(number)),
            pod_network: format!("10.244.{number}.0/24"),
            zone: char::from(b'a' + (number - 1) % 26),
            folder: self.folder.join(&name),
            name,
        }
    }

    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let found = self
            .program_folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        found.with_context(|| format!("{name} is not among the built programs"))
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub fn certificates(&self) -> PathBuf {
        self.folder.join("pki")
    }

    /// Credentials of the administrator, usable inside the cluster's network.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.kubeconfig("admin")
    }

    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.kubeconfig"))
    }

    pub fn audit_log(&self) -> PathBuf {
        audit_log(&self.folder)
    }

    /// Exists once the cluster serves: DNS answers, volumes are made, nodes are Ready.
    pub fn ready_mark(&self) -> PathBuf {
        self.folder.join("ready")
    }
}

/// Every request to the API server at Metadata level, one JSON object per line.
pub fn audit_log(folder: &Path) -> PathBuf {
    folder.join("audit.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_have_addresses_networks_and_zones_of_their_own() {
        let spec = Spec {
            name: "x".into(),
            nodes: 3,
            kafka: vec![],
            folder: "/c/x".into(),
            program_folders: vec![],
            store: PathBuf::new(),
        };
        let nodes = spec.node_list();
        let third = nodes.last().unwrap();
        assert_eq!(
            (third.name.as_str(), third.address.as_str(), third.zone),
            ("node-3", "172.31.0.13", 'c')
        );
        assert_eq!(third.pod_network, "10.244.3.0/24");
        assert_eq!(nodes.first().unwrap().zone, 'a');
    }
}
