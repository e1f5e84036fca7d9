//! An apiserver in memory: objects with versions, uids and generations; conflicts, preconditions, finalizers and
//! server-side apply as the real one has them. It defaults nothing and validates nothing.

use super::apply::applied;
use super::call::{Call, Key};
use super::clock;
use super::gate::{Fault, Gate, Passage};
use super::oracles::{Actor, Oracles};
use crate::api::Quantity;
use crate::model::measure;
use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tower::BoxError;

/// One committed change, in order: what a watch would tell.
#[derive(Clone)]
pub struct Change {
    pub key: Key,
    /// The object after the change, or as it last was.
    pub object: Value,
    pub deleted: bool,
}

#[derive(Default)]
pub struct State {
    objects: BTreeMap<Key, Value>,
    /// Last wish of each manager, by object and whether it's the status.
    wishes: HashMap<(Key, String, bool), Value>,
    versions: u64,
    pub log: Vec<Change>,
    pub oracles: Oracles,
    /// Why no pod may be created, in an admission webhook's words.
    pub no_more_pods: Option<String>,
    /// Objects of which an admission webhook takes nothing but statuses, and its words.
    pub denied: BTreeMap<Key, String>,
}

pub struct Apiserver {
    state: Mutex<State>,
    gate: Arc<Gate>,
    /// Milliseconds that each answer takes, on a runtime whose time is paused.
    pub latency: AtomicU64,
}

type Answer = (u16, Value);

fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
    });
    (code, status)
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// Ready, and nobody has asked it to go.
fn covers(budget: &Value, pod: &Value) -> bool {
    let labels = budget.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    labels.is_some_and(|labels| {
        labels
            .iter()
            .all(|(label, value)| pod["metadata"]["labels"][label] == *value)
    })
}

fn is_up(pod: &Value) -> bool {
    pod["status"]["conditions"][0]["status"] == "True" && pod.pointer("/metadata/deletionTimestamp").is_none()
}

/// Kinds whose apiserver counts changes of the spec.
fn has_generation(plural: &str) -> bool {
    !matches!(
        plural,
        "configmaps" | "secrets" | "services" | "pods" | "persistentvolumeclaims" | "nodes"
    )
}

impl State {
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// All objects of a kind, by name.
    pub fn of_kind<'a>(&'a self, plural: &'a str) -> impl Iterator<Item = (&'a Key, &'a Value)> + use<'a> {
        let first = Key {
            plural: plural.to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        self.objects
            .range(first..)
            .take_while(move |(key, _)| key.plural == plural)
    }

    /// Copies of all objects of a kind, by name.
    pub fn list(&self, plural: &str) -> Vec<(Key, Value)> {
        self.of_kind(plural)
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect()
    }

    pub fn all(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.objects.iter()
    }

    /// Stores an object; without a difference nothing happens. Returns it as stored.
    pub fn put(&mut self, actor: Actor, key: &Key, mut object: Value) -> Value {
        let before = self.objects.get(key).cloned();
        let meta = |before: &Option<Value>, field: &str| before.as_ref().map(|it| it["metadata"][field].clone());
        let fresh = || json!(format!("00000000-0000-4000-8000-{:012}", self.versions + 1));
        let born = || json!(clock::now().to_string());
        object["metadata"]["name"] = json!(key.name);
        if !key.namespace.is_empty() {
            object["metadata"]["namespace"] = json!(key.namespace);
        }
        object["metadata"]["uid"] = meta(&before, "uid").unwrap_or_else(fresh);
        object["metadata"]["creationTimestamp"] = meta(&before, "creationTimestamp").unwrap_or_else(born);
        if let Some(version) = meta(&before, "resourceVersion") {
            object["metadata"]["resourceVersion"] = version;
        }
        if has_generation(&key.plural) {
            let same = before.as_ref().is_none_or(|before| wish_of(before) == wish_of(&object));
            let old = before.as_ref().and_then(|it| it["metadata"]["generation"].as_i64());
            let marked = |object: &Value| object.pointer("/metadata/deletionTimestamp").is_some();
            let goes = marked(&object) && before.as_ref().is_some_and(|before| !marked(before));
            object["metadata"]["generation"] = json!(old.unwrap_or(1) + i64::from(!same || goes));
        }
        if before.as_ref() == Some(&object) {
            return object;
        }
        self.versions += 1;
        object["metadata"]["resourceVersion"] = json!(self.versions.to_string());
        self.oracles
            .stored(actor, key, (before.as_ref(), &object), &self.objects);
        self.objects.insert(key.clone(), object.clone());
        self.log.push(Change {
            key: key.clone(),
            object: object.clone(),
            deleted: false,
        });
        // A pod that is being deleted goes when its kubelet has ended it.
        let leaving = object.pointer("/metadata/deletionTimestamp").is_some() && key.plural != "pods";
        let held = object
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .is_some_and(|all| !all.is_empty());
        if leaving && !held {
            self.take(actor, key);
        }
        object
    }

    fn take(&mut self, actor: Actor, key: &Key) {
        let Some(object) = self.objects.remove(key) else { return };
        self.versions += 1;
        self.oracles.removed(actor, key, &object, &self.objects);
        self.wishes.retain(|(of, _, _), _| of != key);
        self.log.push(Change {
            key: key.clone(),
            object,
            deleted: true,
        });
    }

    /// A pod's kubelet has ended it.
    pub fn end(&mut self, key: &Key) {
        self.take(Actor::Other, key);
    }

    /// Deletes an object, or marks it while it has finalizers.
    pub fn delete(&mut self, actor: Actor, key: &Key) {
        let Some(mut object) = self.objects.get(key).cloned() else {
            return;
        };
        let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
        let by_kubelet = key.plural == "pods" && actor == Actor::Operator;
        if by_kubelet || finalizers.is_some_and(|all| !all.is_empty()) {
            object["metadata"]["deletionTimestamp"] = json!(clock::now().to_string());
            self.put(actor, key, object);
        } else {
            self.take(actor, key);
        }
    }

    fn answer(&mut self, call: &Call) -> Answer {
        let key = &call.key;
        let known = self.objects.get(key).cloned();
        match (call.method.clone(), known) {
            (Method::GET, _) if key.name.is_empty() => (200, self.listed(call)),
            (Method::GET, Some(object)) => (200, object),
            (Method::POST, Some(pod)) if call.subresource.as_deref() == Some("eviction") => self.evict(call, &pod),
            (Method::POST, None) if call.subresource.is_some() => refusal(404, "NotFound", &format!("{key} not found")),
            (Method::POST, _) => self.create(call),
            (Method::PATCH, known) => self.patch(call, known),
            (Method::PUT, Some(known)) => self.replace(call, &known),
            (Method::DELETE, Some(known)) => self.answer_delete(call, &known),
            (_, None) => refusal(404, "NotFound", &format!("{key} not found")),
            (method, _) => refusal(405, "MethodNotAllowed", &format!("{method} {key}")),
        }
    }

    fn listed(&self, call: &Call) -> Value {
        let selector = call.query.get("labelSelector").map(String::as_str).unwrap_or_default();
        let selected = |object: &Value| {
            selector.split(',').filter(|part| !part.is_empty()).all(|part| {
                let (label, wanted) = part
                    .split_once('=')
                    .map_or((part, None), |(label, value)| (label, Some(value)));
                let value = object["metadata"]["labels"].get(label).and_then(Value::as_str);
                value.is_some() && (wanted.is_none() || value == wanted)
            })
        };
        let shape = |object: &Value| {
            if call.metadata_only {
                json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
            } else {
                object.clone()
            }
        };
        let here = |key: &Key| call.key.namespace.is_empty() || key.namespace == call.key.namespace;
        let items: Vec<Value> = self
            .of_kind(&call.key.plural)
            .filter(|(key, object)| here(key) && selected(object))
            .map(|(_, object)| shape(object))
            .collect();
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": self.versions.to_string()}, "items": items})
    }

    fn create(&mut self, call: &Call) -> Answer {
        let name = text(&call.body, "/metadata/name").unwrap_or_default().to_owned();
        let key = Key {
            name,
            ..call.key.clone()
        };
        if key.plural == "pods" {
            return self.rehearse(call);
        }
        if self.objects.contains_key(&key) {
            return refusal(409, "AlreadyExists", &format!("{key} already exists"));
        }
        (201, self.put(Actor::Operator, &key, call.body.clone()))
    }

    /// The operator asks whether a pod would be admitted, and creates none.
    fn rehearse(&mut self, call: &Call) -> Answer {
        if call.query.get("dryRun").map(String::as_str) != Some("All") {
            self.oracles.accuse(format!("{call} creates a pod"));
        }
        match &self.no_more_pods {
            Some(why) => refusal(403, "Forbidden", why),
            None => (201, call.body.clone()),
        }
    }

    /// Eviction as the apiserver has it: a pod that is ready goes when its budget allows one more to be down.
    fn evict(&mut self, call: &Call, pod: &Value) -> Answer {
        let wanted = text(&call.body, "/deleteOptions/preconditions/uid");
        if wanted.is_none() {
            self.oracles.accuse(format!("{call} without the uid as precondition"));
        }
        if wanted.is_some() && wanted != text(pod, "/metadata/uid") {
            return refusal(409, "Conflict", &format!("{}: other uid", call.key));
        }
        if let Some(why) = self.denied.get(&call.key) {
            return refusal(403, "Forbidden", why);
        }
        let budgets = self.of_kind("poddisruptionbudgets");
        if budgets.filter(|(_, budget)| covers(budget, pod)).count() > 1 {
            let why =
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return refusal(500, "InternalError", why);
        }
        if self.is_over_budget(pod) {
            let why = "Cannot evict pod as it would violate the pod's disruption budget.";
            return refusal(429, "TooManyRequests", why);
        }
        self.disrupt(&call.key, pod);
        (201, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
    }

    fn is_over_budget(&self, pod: &Value) -> bool {
        let sets = |budget: &Value| {
            let of = |set: &Value| json!({"metadata": set["spec"]["template"]["metadata"]});
            self.of_kind("statefulsets")
                .filter(|(_, set)| covers(budget, &of(set)))
                .count()
        };
        let up = |budget: &Value| {
            let counted = |pod: &Value| covers(budget, pod) && is_up(pod);
            self.of_kind("pods").filter(|(_, pod)| counted(pod)).count()
        };
        is_up(pod)
            && self
                .of_kind("poddisruptionbudgets")
                .filter(|(_, budget)| covers(budget, pod))
                .any(|(_, budget)| {
                    let allowed = budget["spec"]["maxUnavailable"].as_u64().unwrap();
                    sets(budget).saturating_sub(up(budget)) >= usize::try_from(allowed).unwrap()
                })
    }

    /// The operator takes a pod away.
    fn disrupt(&mut self, key: &Key, pod: &Value) {
        let expected = self.of_kind("statefulsets").count();
        let up = self.of_kind("pods").filter(|(_, pod)| is_up(pod)).count();
        self.oracles.disrupted(key, is_up(pod), expected - up);
        self.delete(Actor::Operator, key);
    }

    fn replace(&mut self, call: &Call, known: &Value) -> Answer {
        let version = text(&call.body, "/metadata/resourceVersion");
        if version.is_none() {
            self.oracles.accuse(format!("{call} without resourceVersion"));
        }
        if version != text(known, "/metadata/resourceVersion") {
            return refusal(409, "Conflict", &format!("{} was modified", call.key));
        }
        let mut object = call.body.clone();
        if let Some(status) = known.get("status") {
            object["status"] = status.clone();
        }
        (200, self.put(Actor::Operator, &call.key, object))
    }

    fn patch(&mut self, call: &Call, known: Option<Value>) -> Answer {
        let is_apply = call.content_type == "application/apply-patch+yaml";
        if !(is_apply || takes_finalizers_off(call)) || call.manager().is_empty() {
            self.oracles
                .accuse(format!("{call} isn't a server-side apply by a named manager"));
        }
        let is_status = call.subresource.as_deref() == Some("status");
        if known.is_none() && is_status {
            return refusal(404, "NotFound", &format!("{} not found", call.key));
        }
        if let Some(why) = self.denied.get(&call.key).filter(|_| !is_status) {
            return refusal(403, "Forbidden", why);
        }
        let asked = text(&call.body, "/metadata/uid");
        let there = known.as_ref().and_then(|known| text(known, "/metadata/uid"));
        if asked.is_some() && asked != there {
            return refusal(409, "Conflict", &format!("{}: other uid", call.key));
        }
        let version = text(&call.body, "/metadata/resourceVersion");
        if version.is_some()
            && version
                != known
                    .as_ref()
                    .and_then(|known| text(known, "/metadata/resourceVersion"))
        {
            return refusal(409, "Conflict", &format!("{} was modified", call.key));
        }
        if known.as_ref().is_some_and(|known| shrinks(known, &call.body)) {
            return refusal(
                422,
                "Invalid",
                "spec.resources.requests.storage: field can not be less than status.capacity",
            );
        }
        if let Some(mut object) = known.clone().filter(|_| !is_apply) {
            object["metadata"]["finalizers"] = call.body["metadata"]["finalizers"].clone();
            return (200, self.put(Actor::Operator, &call.key, object));
        }
        let wish = wish_in(&call.body, is_status);
        let slot = (call.key.clone(), call.manager().to_owned(), is_status);
        let is_new = known.is_none();
        let object = applied(&known.unwrap_or_else(|| json!({})), self.wishes.get(&slot), &wish);
        self.wishes.insert(slot, wish);
        (
            if is_new { 201 } else { 200 },
            self.put(Actor::Operator, &call.key, object),
        )
    }

    fn answer_delete(&mut self, call: &Call, known: &Value) -> Answer {
        let wanted = text(&call.body, "/preconditions/uid");
        if wanted.is_none() {
            self.oracles.accuse(format!("{call} without the uid as precondition"));
        }
        if wanted.is_some() && wanted != text(known, "/metadata/uid") {
            return refusal(409, "Conflict", &format!("{}: other uid", call.key));
        }
        if let Some(why) = self.denied.get(&call.key) {
            return refusal(403, "Forbidden", why);
        }
        if call.key.plural == "pods" {
            self.disrupt(&call.key, known);
        } else {
            self.delete(Actor::Operator, &call.key);
        }
        (200, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
    }
}

/// A merge patch of the version that was read, of finalizers and nothing else.
fn takes_finalizers_off(call: &Call) -> bool {
    let fields = call.body["metadata"].as_object().unwrap();
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    call.content_type == "application/merge-patch+json"
        && call.body.as_object().unwrap().len() == 1
        && call.subresource.is_none()
        && names == ["finalizers", "resourceVersion", "uid"]
}

/// What an apply may set: all but the status, or the status alone.
fn wish_in(body: &Value, is_status: bool) -> Value {
    let mut wish = body.clone();
    let fields = wish.as_object_mut().unwrap();
    if is_status {
        fields.retain(|field, _| field == "status");
    } else {
        fields.remove("status");
        let metadata = wish["metadata"].as_object_mut().unwrap();
        metadata.retain(|field, _| !["uid", "resourceVersion"].contains(&field.as_str()));
    }
    wish
}

/// A volume claim that would ask for less than it has.
fn shrinks(known: &Value, asked: &Value) -> bool {
    let bytes = |claim: &Value| {
        let size = text(claim, "/spec/resources/requests/storage")?;
        measure::bytes(&Quantity(size.to_owned()))
    };
    asked["kind"] == "PersistentVolumeClaim" && bytes(asked) < bytes(known)
}

/// Everything whose change raises the generation.
fn wish_of(object: &Value) -> Value {
    let mut wish = object.clone();
    for field in ["metadata", "status"] {
        wish.as_object_mut().unwrap().remove(field);
    }
    wish
}

impl Apiserver {
    pub fn new(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            gate,
            latency: AtomicU64::new(0),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A client of this apiserver.
    pub fn client(self: &Arc<Self>) -> kube::Client {
        let server = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = Arc::clone(&server);
            async move { server.serve(request).await }
        });
        kube::Client::new(service, super::world::NAMESPACE)
    }

    async fn serve(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let call = Call::read(request).await;
        let latency = self.latency.load(Ordering::Relaxed);
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        // Events may get lost, so nobody may depend on them.
        if call.key.plural == "events" {
            return Ok(response((201, call.body)));
        }
        let passage = if call.is_write() {
            self.gate.write(call.to_string())
        } else {
            self.gate.read()
        };
        let answer = match passage {
            Passage::Closed => return std::future::pending().await,
            Passage::Struck(Fault::Refuse(code)) => refusal(code, reason(code), "struck"),
            Passage::Free | Passage::Struck(_) => self.state().answer(&call),
        };
        match passage {
            Passage::Struck(Fault::KillUnanswered) => {
                self.gate.die();
                std::future::pending().await
            }
            Passage::Struck(Fault::LoseAnswer) => Err("connection reset by peer".into()),
            _ => Ok(response(answer)),
        }
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "InternalError",
    }
}

fn response((code, body): Answer) -> Response<Body> {
    Response::builder()
        .status(code)
        .body(Body::from(serde_json::to_vec(&body).unwrap()))
        .unwrap()
}
