//! Tests of the rendered objects: goldens, and what must hold for any cluster.

mod golden;
mod listeners;
mod network;
mod posture;
mod restricted;
mod revision;

use super::*;
use crate::model::identity::Plan;
use crate::model::validate::tests::{facts, valid_cluster};
use crate::model::{Node, validate};
use serde_json::Value;

/// One node with both roles and two disks.
const COMBINED: &str = "
apiVersion: productionkafka.dev/v1alpha1
kind: ProductionKafka
metadata: {name: small, namespace: lab, uid: 99999999-2222-4333-8444-555555555555, generation: 1}
spec:
  version: 4.4.0
  image: registry.example/kafka@sha256:0000000000000000000000000000000000000000000000000000000000000000
  nodePools:
  - name: all
    roles: [Controller, Broker]
    replicas: 1
    storage: {volumes: [{size: 10Gi, storageClassName: standard}, {size: 20Gi}]}
    resources: {requests: {cpu: '6', memory: 32Gi, ephemeral-storage: 1Gi}}
    template:
      labels: {team: data, app.example/tier: '1'}
      annotations: {note: hello}
      nodeSelector: {disk: fast}
      tolerations: [{key: dedicated, operator: Equal, value: kafka, effect: NoSchedule}]
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions: [{key: arch, operator: In, values: [amd64]}]
            - matchExpressions: [{key: arch, operator: In, values: [arm64]}]
      priorityClassName: high
  highAvailability: {replicationFactor: 1, minInSyncReplicas: 1, rack: {topologyKey: zone}}
  security:
    tls: {minimumVersion: TLSv1.2}
    authorization: {superUsers: ['User:root'], audit: All}
  listeners:
  - name: apps
    port: 9093
    authentication: {type: Mtls}
    allowedPeers:
    - podSelector: {matchLabels: {app: billing}}
      namespaceSelector: {matchLabels: {team: data}}
  tuning:
    config: {num.partitions: '6', num.io.threads: '16'}
    jvm: {options: ['-XX:+UseZGC']}
  monitoring: {jmxExporter: false}
";

pub fn combined_cluster() -> Cluster {
    validate(&crate::cli::yaml::from_str(COMBINED).unwrap(), &facts()).unwrap()
}

/// Identity of the first day, with counted instead of random ids.
pub fn identity_of(cluster: &Cluster) -> Identity {
    let zones: Vec<String> = match cluster.topology_key {
        Some(_) => ["a", "b", "c"].map(String::from).to_vec(),
        None => Vec::new(),
    };
    let plan = Plan {
        names: &cluster.names,
        pools: &cluster.pools,
        zones: &zones,
    };
    let mut next = 0_u8;
    plan.complete(None, &mut || {
        next += 1;
        [next; 16]
    })
}

/// Everything that an [`Input`] borrows.
pub struct World {
    pub cluster: Cluster,
    pub identity: Identity,
    pub operator_image: String,
    pub certificates: BTreeMap<i32, String>,
    pub withhold_voters: BTreeSet<i32>,
    pub found: Found,
}

impl World {
    pub fn of(cluster: Cluster) -> Self {
        let identity = identity_of(&cluster);
        let ids: Vec<i32> = cluster.nodes(&identity).iter().map(|node| node.id).collect();
        Self {
            identity,
            operator_image: "docker.io/productionkafka/operator:0.1.0".into(),
            certificates: ids.into_iter().map(|id| (id, format!("0{id}af"))).collect(),
            withhold_voters: BTreeSet::new(),
            found: Found::default(),
            cluster,
        }
    }

    pub fn input(&self) -> Input<'_> {
        Input {
            cluster: &self.cluster,
            identity: &self.identity,
            operator_image: &self.operator_image,
            certificates: &self.certificates,
            withhold_voters: &self.withhold_voters,
            found: &self.found,
        }
    }

    pub fn children(&self) -> Vec<Child> {
        children(&self.input())
    }

    pub fn node(&self, id: i32) -> Node<'_> {
        let nodes = self.cluster.nodes(&self.identity);
        nodes.into_iter().find(|node| node.id == id).unwrap()
    }

    /// Pod template of one node's StatefulSet.
    pub fn template(&self, id: i32) -> Value {
        let name = self.node(id).names.stateful_set;
        let children = self.children();
        let of_node = |child: &&Child| child.kind == Kind::StatefulSet && child.name == name;
        children.iter().find(of_node).unwrap().body["spec"]["template"].clone()
    }

    pub fn revision(&self, id: i32) -> String {
        let template = self.template(id);
        template["metadata"]["annotations"][labels::REVISION]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

pub fn demo() -> World {
    World::of(valid_cluster())
}

pub fn combined() -> World {
    World::of(combined_cluster())
}

/// An ACL Job of the demo.
pub fn demo_acl_job() -> Vec<Child> {
    let host = "orders-brokers-100-0.orders-nodes.kafka.svc:9091";
    acl_job(
        &valid_cluster(),
        "operator:1",
        host,
        "0123456789abcdef",
        &["{\"acls\":[]}".to_owned(), "{}".to_owned()],
    )
}

/// Pod specs of all StatefulSets and Jobs.
pub fn pod_specs(children: &[Child]) -> Vec<&Value> {
    children
        .iter()
        .filter(|child| matches!(child.kind, Kind::StatefulSet | Kind::Job))
        .map(|child| &child.body["spec"]["template"]["spec"])
        .collect()
}
