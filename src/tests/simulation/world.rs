//! The whole simulation, driven tick by tick: deliver events, run what is due, let Kubernetes act, move the clock.

use super::apiserver::Apiserver;
use super::call::Key;
use super::gate::{Fault, Gate};
use super::kafka::Kafka;
use super::operator::Operator;
use super::oracles::Actor;
use super::{actuator, clock, end_state, secrets};
use crate::cli::yaml;
use serde_json::{Value, json};
use std::sync::Arc;

pub const NAMESPACE: &str = "kafka";
/// Kind and name of the example's cluster.
pub const CLUSTER: (&str, &str) = ("productionkafkas", "orders");
const TICK: i64 = 2;
/// Longer than anything waits while all is well.
const LONG: i64 = 660;
/// Ticks without a write after which nothing more is expected.
const QUIET: usize = 16;

pub struct Simulation {
    pub api: Arc<Apiserver>,
    pub kafka: Arc<Kafka>,
    gate: Arc<Gate>,
    operator: Option<Operator>,
    /// The operator's watches are behind: they bring nothing.
    pub is_deaf: bool,
    pub deaths: usize,
}

impl Simulation {
    /// A Kubernetes with nodes and a storage class, and an operator to which `fault` happens at the write of that number.
    pub fn new(fault: Option<(usize, Fault)>) -> Self {
        clock::reset();
        let gate = Arc::new(Gate::new(fault));
        let api = Apiserver::new(Arc::clone(&gate));
        for zone in ["a", "b", "c"] {
            let labels = json!({"topology.kubernetes.io/zone": zone});
            let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"labels": labels}});
            api.state().put(Actor::Other, &Key::new("nodes", zone), node);
        }
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "simulated",
            "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        });
        api.state()
            .put(Actor::Other, &Key::new("storageclasses", "standard"), class);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {}});
        api.state()
            .put(Actor::Other, &Key::new("namespaces", NAMESPACE), namespace);
        Self {
            kafka: Kafka::new(&api, &gate),
            api,
            gate,
            operator: None,
            is_deaf: false,
            deaths: 0,
        }
    }

    /// The example, settled.
    pub async fn ready() -> Self {
        let mut simulation = Self::new(None);
        simulation.create();
        simulation.settle().await.unwrap();
        simulation
    }

    /// A cluster that is ready, and a new operator that learns from the identity that its voters are a list.
    pub async fn with_listed_voters() -> Self {
        let mut simulation = Self::ready().await;
        simulation.kafka.state().features.insert("kraft.version".into(), 0);
        simulation.edit("configmaps", "orders-identity", |map| {
            let text = map["data"]["identity.json"].as_str().unwrap();
            let mut identity: Value = serde_json::from_str(text).unwrap();
            identity["staticVoters"] = json!([0, 1, 2]);
            map["data"]["identity.json"] = json!(identity.to_string());
        });
        simulation.kill();
        simulation
    }

    /// Fails when something happened that never should have.
    pub fn blameless(&self) {
        assert_eq!(self.accusations(), Vec::<String>::new());
    }

    /// `kubectl apply` of the example that the documentation shows.
    pub fn create(&self) {
        for document in include_str!("../../../examples/production.yaml").split("\n---\n") {
            let object: Value = yaml::from_str(document).unwrap();
            let plural = match object["kind"].as_str().unwrap() {
                "ProductionKafka" => "productionkafkas",
                "KafkaUser" => "kafkausers",
                "KafkaTopic" => "kafkatopics",
                _ => continue,
            };
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            self.api.state().put(Actor::Other, &Key::new(plural, &name), object);
        }
    }

    pub fn get(&self, plural: &str, name: &str) -> Option<Value> {
        self.api.state().get(&Key::new(plural, name)).cloned()
    }

    /// Somebody else edits an object.
    pub fn edit(&self, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.get(plural, name).unwrap();
        change(&mut object);
        self.api.state().put(Actor::Other, &Key::new(plural, name), object);
    }

    /// Somebody else creates an object.
    pub fn put(&self, plural: &str, name: &str, object: Value) {
        self.api.state().put(Actor::Other, &Key::new(plural, name), object);
    }

    /// Somebody else creates one more object with the spec of another one.
    pub fn put_like(&self, plural: &str, example: &str, name: &str) {
        let example = self.get(plural, example).unwrap();
        let object = json!({
            "apiVersion": example["apiVersion"], "kind": example["kind"], "metadata": {}, "spec": example["spec"],
        });
        self.put(plural, name, object);
    }

    /// The volume claim of a pod is lost; another of the same name takes its place, with an empty disk.
    pub fn replace_disk(&self, pod: &str) {
        let name = format!("data-0-{pod}");
        let mut claim = self.get("persistentvolumeclaims", &name).unwrap();
        self.delete("persistentvolumeclaims", &name);
        claim["metadata"].as_object_mut().unwrap().remove("uid");
        self.put("persistentvolumeclaims", &name, claim);
    }

    /// What the operator made, but for what runs.
    pub fn children(&self) -> Vec<(String, String)> {
        let kinds = [
            "configmaps",
            "secrets",
            "services",
            "networkpolicies",
            "poddisruptionbudgets",
        ];
        let state = self.api.state();
        let all = kinds.iter().flat_map(|kind| state.of_kind(kind));
        all.map(|(key, _)| (key.plural.clone(), key.name.clone())).collect()
    }

    pub fn pod_uids(&self) -> Vec<Value> {
        self.api
            .state()
            .of_kind("pods")
            .map(|(_, pod)| pod["metadata"]["uid"].clone())
            .collect()
    }

    /// Somebody else deletes an object.
    pub fn delete(&self, plural: &str, name: &str) {
        self.api.state().delete(Actor::Other, &Key::new(plural, name));
    }

    /// An admission webhook takes nothing of an object but its status, or anything again.
    pub fn deny(&self, plural: &str, name: &str, denied: bool) {
        let (key, words) = (
            Key::new(plural, name),
            "admission webhook denied the request: no labels",
        );
        let all = &mut self.api.state().denied;
        if denied {
            all.insert(key, words.to_owned());
        } else {
            all.remove(&key);
        }
    }

    /// Waits until a denied object is told `NotHeld` in the webhook's words; nothing more is written of it afterwards.
    pub async fn told_not_held(&mut self, plural: &str, name: &str) {
        let says = |simulation: &Self| simulation.condition(plural, name, "Ready");
        let is_told = |simulation: &Self| {
            let generation = simulation.get(plural, name).unwrap()["metadata"]["generation"].clone();
            let ready = says(simulation);
            ready["reason"] == "NotHeld" && ready["observedGeneration"] == generation
        };
        assert!(self.until(is_told).await);
        let told = says(self)["message"].to_string();
        assert!(told.contains("no labels"), "the API server's words: {told}");
        let before = self.trace().len();
        for _ in 0..20 {
            self.tick().await;
            assert_eq!(says(self)["reason"], "NotHeld", "it's told once and stays");
        }
        let again = self.trace().split_off(before);
        let status = format!("{plural}/{name}/status");
        assert!(!again.iter().any(|call| call.contains(&status)), "{again:?}");
    }

    /// Ends the operator's process; the next tick starts another.
    pub fn kill(&mut self) {
        self.operator = None;
        self.gate.revive();
    }

    pub async fn tick(&mut self) {
        self.tick_of(TICK).await;
    }

    async fn tick_of(&mut self, seconds: i64) {
        clock::advance(seconds);
        let operator = self
            .operator
            .get_or_insert_with(|| Operator::start(&self.api, &self.kafka));
        if !self.is_deaf {
            operator.feed();
        }
        tokio::select! {
            biased;
            () = self.gate.death() => {}
            () = operator.work() => {}
        }
        if self.gate.is_dead() {
            self.deaths += 1;
            self.kill();
        }
        actuator::step(&self.api, &self.kafka);
    }

    /// What the operator's metrics say of the cluster.
    pub fn gauge(&self, name: &str) -> String {
        let text = self.operator.as_ref().unwrap().context.metrics.encode().unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("productionkafka_cluster_{name}{{")));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    }

    /// The operator's watches bring what has happened; it doesn't act yet.
    pub fn hear(&mut self) {
        self.operator.iter_mut().for_each(Operator::feed);
    }

    /// Time passes, and nobody does anything.
    pub fn pass_time(seconds: i64) {
        clock::advance(seconds);
    }

    /// Kubernetes alone for a tick, without an operator.
    pub fn tick_without_operator(&mut self) {
        self.kill();
        clock::advance(TICK);
        actuator::step(&self.api, &self.kafka);
    }

    /// Ticks until `done` holds; false if it never does.
    pub async fn until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..150 {
            if done(self) {
                return true;
            }
            self.tick().await;
        }
        false
    }

    pub fn writes(&self) -> usize {
        self.gate.writes()
    }

    pub fn trace(&self) -> Vec<String> {
        self.gate.trace()
    }

    pub fn condition(&self, plural: &str, name: &str, kind: &str) -> Value {
        let object = self.get(plural, name).unwrap_or_default();
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == kind)
            .cloned()
            .unwrap_or_default()
    }

    fn is_ready(&self) -> bool {
        let is = |(plural, name): &(&str, &str)| self.condition(plural, name, "Ready")["status"] == "True";
        [
            ("productionkafkas", "orders"),
            ("kafkausers", "payments-app"),
            ("kafkausers", "payments-mtls"),
            ("kafkatopics", "payments"),
        ]
        .iter()
        .all(is)
    }

    /// Strikes at the write of that number, counted from the first of all.
    pub fn strike(&self, fault: (usize, Fault)) {
        self.gate.arm(fault);
    }

    /// Runs until everything is ready and nothing has been written for a while; says what is in the way if that never is.
    pub async fn settle(&mut self) -> Result<(), String> {
        let mut last = (0, 0);
        for tick in 0..150 {
            self.tick().await;
            if self.writes() != last.0 || !self.is_ready() {
                last = (self.writes(), tick);
            }
            if tick - last.1 >= QUIET {
                return Ok(());
            }
        }
        let recent = self.trace().split_off(self.writes().saturating_sub(8));
        let state = |name: &str| self.condition("productionkafkas", "orders", name).to_string();
        Err(format!(
            "never settled: {} {}; last writes {recent:?}",
            state("Ready"),
            state("Reconciling")
        ))
    }

    /// Nothing is written, over 20 ticks of which one is long, nor by a new process.
    pub async fn stay_quiet(&mut self) -> Result<(), String> {
        for process in ["the same", "a new"] {
            let before = self.writes();
            for tick in 0..20 {
                self.tick_of(if tick == 10 { LONG } else { TICK }).await;
            }
            if self.writes() != before {
                return Err(format!("{process} process wrote: {:?}", self.trace().split_off(before)));
            }
            self.kill();
        }
        Ok(())
    }

    /// Everything as comparable text.
    pub fn end_state(&self) -> String {
        end_state::text(&self.api.state(), &self.kafka.state())
    }

    pub fn difference(expected: &str, actual: &str) -> String {
        end_state::difference(expected, actual)
    }

    /// What Kafka's disks should never have been, and were.
    pub fn accusations_of_kafka(&self) -> Vec<String> {
        self.kafka.state().accusations.iter().cloned().collect()
    }

    /// Jobs that haven't ended.
    pub fn running_jobs(&self) -> usize {
        let state = self.api.state();
        state
            .of_kind("jobs")
            .filter(|(_, job)| job["status"]["endedAt"].is_null())
            .count()
    }

    /// What should never have happened and did.
    pub fn accusations(&self) -> Vec<String> {
        let kafka = self.kafka.state();
        let state = self.api.state();
        let mut all: Vec<String> = state
            .oracles
            .accusations()
            .iter()
            .chain(&kafka.accusations)
            .cloned()
            .collect();
        all.extend(secrets::problems(&state, &kafka));
        all
    }

    /// How often the operator took each pod away.
    pub fn disruptions(&self) -> std::collections::BTreeMap<String, usize> {
        self.api.state().oracles.disruptions().clone()
    }

    /// Pods in the order in which the operator took them away.
    pub fn taken(&self) -> Vec<String> {
        let pod = |line: &String| {
            let name = line
                .strip_prefix("POST pods/")
                .and_then(|rest| rest.strip_suffix("/eviction"));
            name.or_else(|| line.strip_prefix("DELETE pods/")).map(str::to_owned)
        };
        self.trace().iter().filter_map(pod).collect()
    }

    /// Objects created more than once, and objects deleted, by the operator.
    pub fn repeated(&self) -> (Vec<String>, Vec<String>) {
        self.api.state().oracles.repeated()
    }
}
