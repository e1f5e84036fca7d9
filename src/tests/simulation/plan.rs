//! `plan` in the simulation: the context of the subcommand, with the simulated apiserver and Kafka behind it.

use super::clock;
use super::kafka_admin::SimulatedConnector;
use super::world::{CLUSTER, Simulation};
use crate::cli::plan::context;
use crate::controller::plan::{Plan, draft};
use crate::controller::{Settings, World};
use serde_json::Value;
use std::sync::Arc;

impl Simulation {
    /// The resource as somebody would write it: what is there, without what the apiserver and the operator add.
    pub fn file(&self) -> Value {
        let mut resource = self.get(CLUSTER.0, CLUSTER.1).unwrap();
        let fields = resource.as_object_mut().unwrap();
        fields.remove("status");
        let metadata = fields["metadata"].as_object_mut().unwrap();
        metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "annotations" | "labels"));
        resource
    }

    /// What `plan` says of a resource; accuses when it changes anything.
    pub async fn plan(&self, file: Value) -> Plan {
        let settings = Settings {
            operator_image: "docker.io/productionkafka/operator:0.1.0".into(),
            cluster_domain: "cluster.local".into(),
            may_delete_volumes: true,
            protects: true,
        };
        let world = World {
            now: clock::now,
            random: clock::random,
        };
        let connector = Arc::new(SimulatedConnector(Arc::clone(&self.kafka)));
        let context = context(self.api.client(), settings, connector, world);
        let before = (self.writes(), self.end_state());
        let resource = serde_json::from_value(file).unwrap();
        let plan = Box::pin(draft(&context, &resource, None)).await.unwrap();
        assert_eq!(self.trace().split_off(before.0), Vec::<String>::new(), "a plan writes");
        assert_eq!(self.end_state(), before.1, "a plan changes nothing");
        plan
    }

    /// Applies a resource as it was planned.
    pub fn apply(&self, file: &Value) {
        self.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"] = file["spec"].clone();
            if let Some(annotations) = file.pointer("/metadata/annotations") {
                resource["metadata"]["annotations"] = annotations.clone();
            }
        });
    }
}
