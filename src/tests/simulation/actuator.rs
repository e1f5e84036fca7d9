//! What Kubernetes does by itself: garbage collection, one pod and its volumes per StatefulSet, kubelets that start them,
//! Jobs that run, finish and expire. One step at a time.

use super::apiserver::{Apiserver, State};
use super::call::Key;
use super::clock;
use super::kafka::{Kafka, metadata_claim, node_id};
use super::oracles::Actor;
use super::secrets::{self, Credentials};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Lets everything happen once.
pub fn step(api: &Apiserver, kafka: &Kafka) {
    collect_garbage(&mut api.state());
    end_pods(&mut api.state(), &kafka.state().unreachable.clone());
    let leads = kafka.quorum().1.is_some();
    let dead = kafka.state().dead.clone();
    let starting = starting_pods(api).into_iter();
    for (key, pod) in starting.filter(|(_, pod)| !dead.contains(&node_id(pod))) {
        kubelet(api, kafka, &key, pod, leads);
    }
    pods_of_stateful_sets(&mut api.state());
    bring_files(api, kafka);
    judge_trust(api, kafka);
    kafka.step();
    let jobs = api.state().list("jobs");
    for (key, job) in jobs {
        run(api, kafka, &key, job);
    }
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"][0]["status"] == "True"
}

fn starting_pods(api: &Apiserver) -> Vec<(Key, Value)> {
    let state = api.state();
    let starting = state.of_kind("pods").filter(|(_, pod)| !is_ready(pod));
    starting.map(|(key, pod)| (key.clone(), pod.clone())).collect()
}

/// Kubelets end the pods that are to go, if they can be reached.
fn end_pods(state: &mut State, unreachable: &BTreeSet<i32>) {
    let ended = state.list("pods").into_iter();
    let ended = ended.filter(|(_, pod)| {
        pod.pointer("/metadata/deletionTimestamp").is_some() && !unreachable.contains(&node_id(pod))
    });
    for (key, _) in ended {
        state.end(&key);
    }
}

/// Objects all of whose owners are gone go too.
fn collect_garbage(state: &mut State) {
    let alive: BTreeSet<&str> = state
        .all()
        .map(|(_, object)| object["metadata"]["uid"].as_str().unwrap())
        .collect();
    let orphaned = |object: &Value| {
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        owners.is_some_and(|all| {
            !all.is_empty() && all.iter().all(|owner| !alive.contains(owner["uid"].as_str().unwrap()))
        })
    };
    let gone: Vec<Key> = state
        .all()
        .filter(|(_, object)| orphaned(object))
        .map(|(key, _)| key.clone())
        .collect();
    for key in gone {
        state.delete(Actor::Other, &key);
    }
}

fn pods_of_stateful_sets(state: &mut State) {
    let done = |key: &Key, set: &Value| {
        let pod = state.get(&Key::new("pods", &format!("{}-0", key.name)));
        pod.is_some_and(is_ready)
            && set["status"]["readyReplicas"] == 1
            && set["status"]["observedGeneration"] == set["metadata"]["generation"]
    };
    let open = state.of_kind("statefulsets").filter(|(key, set)| !done(key, set));
    let sets: Vec<(Key, Value)> = open.map(|(key, set)| (key.clone(), set.clone())).collect();
    for (key, set) in sets {
        let pod_name = format!("{}-0", key.name);
        let pod = Key::new("pods", &pod_name);
        if state.get(&pod).is_none() {
            let template = &set["spec"]["template"];
            let owner = json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": key.name, "uid": set["metadata"]["uid"], "controller": true,
            });
            let metadata = json!({
                "labels": template["metadata"]["labels"],
                "annotations": template["metadata"]["annotations"],
                "ownerReferences": [owner],
            });
            let mut spec = template["spec"].clone();
            spec["nodeName"] = json!("a");
            let body = json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
                "status": {"phase": "Pending"},
            });
            state.put(Actor::Other, &pod, body);
        }
        status_of_set(state, &key, set);
    }
}

fn status_of_set(state: &mut State, key: &Key, mut set: Value) {
    let pod = state.get(&Key::new("pods", &format!("{}-0", key.name)));
    let ready = pod.is_some_and(is_ready);
    let generation = &set["metadata"]["generation"];
    set["status"] = json!({"replicas": 1, "readyReplicas": i32::from(ready), "observedGeneration": generation});
    state.put(Actor::Other, key, set);
}

/// Pending, then formatted and running, then ready once the quorum leads.
fn kubelet(api: &Apiserver, kafka: &Kafka, key: &Key, mut pod: Value, leads: bool) {
    let running = pod.pointer("/status/containerStatuses/0/state/running").is_some();
    if kafka.state().unreachable.contains(&node_id(&pod)) {
        return;
    }
    if !running && is_image_missing(&pod) {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        pod["status"] = json!({
            "phase": "Pending",
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": pod["metadata"]["creationTimestamp"]}],
            "containerStatuses": [{"name": "kafka", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": waiting}],
        });
        api.state().put(Actor::Other, key, pod);
        return;
    }
    if !running {
        let claim = metadata_claim(&pod).and_then(|key| api.state().get(&key).cloned());
        let Some(claim) = claim.filter(|_| mounts_exist(&api.state(), &pod)) else {
            return;
        };
        if !kafka.format(&pod, &claim) {
            return;
        }
    }
    let now = json!(clock::now().to_string());
    let before = pod.pointer("/status/containerStatuses/0/state/running/startedAt");
    let started = before.cloned().unwrap_or_else(|| now.clone());
    let ready = running && leads && !kafka.state().slow.contains(&node_id(&pod));
    let container = json!({
        "name": "kafka", "image": "kafka", "imageID": "kafka", "ready": ready, "restartCount": 0,
        "state": {"running": {"startedAt": started}},
    });
    pod["status"] = json!({
        "phase": "Running",
        "podIP": format!("10.0.0.{}", node_id(&pod)),
        "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": now}],
        "containerStatuses": [container],
    });
    api.state().put(Actor::Other, key, pod);
}

/// Nobody ever shows a certificate that somebody else who runs doesn't accept.
fn judge_trust(api: &Apiserver, kafka: &Kafka) {
    let operator = Credentials::of(&api.state(), "orders-operator-tls", ("tls.crt", "ca.crt"));
    let running: BTreeSet<i32> = kafka.processes().iter().map(|process| process.id).collect();
    let mut state = kafka.state();
    let nodes = state.between_nodes.iter().filter(|(id, _)| running.contains(id));
    let all: Vec<(String, Credentials)> = nodes
        .map(|(id, one)| (format!("node {id}"), one.clone()))
        .chain(operator.map(|one| ("the operator".to_owned(), one)))
        .collect();
    for (index, (name, one)) in all.iter().enumerate() {
        for (other_name, _) in all[index + 1..].iter().filter(|(_, other)| !one.get_along(other)) {
            state
                .accusations
                .insert(format!("{name} and {other_name} don't trust each other"));
        }
    }
}

/// Kubelets bring changed Secrets into pods that run, once a minute.
fn bring_files(api: &Apiserver, kafka: &Kafka) {
    let state = api.state();
    for (_, pod) in state.of_kind("pods") {
        let id = node_id(pod);
        let runs = pod.pointer("/status/containerStatuses/0/state/running").is_some();
        let files = secrets::certificates_of(&state, pod);
        let mut of_kafka = kafka.state();
        if !runs {
            // The process reads them when it starts.
            let node = pod["metadata"]["name"].as_str().unwrap().trim_end_matches("-0");
            let between = Credentials::of(&state, &format!("{node}-tls"), ("node.pem", "cluster-ca.crt"));
            of_kafka.between_nodes.extend(between.map(|one| (id, one)));
            of_kafka.mounted.insert(id, files.clone());
            of_kafka.read.insert(id, files);
        } else if clock::seconds() % 60 < 2 {
            of_kafka.mounted.insert(id, files);
        }
    }
}

fn is_image_missing(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut images = containers.filter_map(|container| container["image"].as_str());
    images.any(|image| image.contains("no-such"))
}

fn mounts_exist(state: &State, pod: &Value) -> bool {
    let there = |plural: &str, name: &Value| {
        name.as_str()
            .is_none_or(|name| state.get(&Key::new(plural, name)).is_some())
    };
    pod["spec"]["volumes"].as_array().into_iter().flatten().all(|volume| {
        let projected = volume["projected"]["sources"].as_array().into_iter().flatten();
        there("configmaps", &volume["configMap"]["name"])
            && there("persistentvolumeclaims", &volume["persistentVolumeClaim"]["claimName"])
            && there("secrets", &volume["secret"]["secretName"])
            && projected.into_iter().all(|source| {
                there("configmaps", &source["configMap"]["name"]) && there("secrets", &source["secret"]["name"])
            })
    })
}

/// A Job waits a step, does its work, and goes when its time to live is over.
fn run(api: &Apiserver, kafka: &Kafka, key: &Key, mut job: Value) {
    if let Some(ended) = job["status"]["endedAt"].as_i64() {
        let lives = job["spec"]["ttlSecondsAfterFinished"].as_i64().unwrap();
        if clock::seconds() >= ended + lives {
            api.state().delete(Actor::Other, key);
        }
        return;
    }
    let steps = job["status"]["steps"].as_i64().unwrap_or_default() + 1;
    job["status"] = json!({"active": 1, "steps": steps});
    let pod = json!({"spec": job["spec"]["template"]["spec"]});
    let documents = documents(&api.state(), &pod);
    let mounted = mounts_exist(&api.state(), &pod) && has_key(api, "orders-acl-sync-tls", "tls.key");
    if steps > 1 && kafka.state().jobs_fail {
        let failed =
            json!({"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"});
        job["status"] = json!({"failed": 4, "endedAt": clock::seconds(), "conditions": [failed]});
    } else if steps > 1 && mounted && kafka.sync(&documents) {
        let complete = json!({"type": "Complete", "status": "True"});
        job["status"] = json!({"succeeded": 1, "endedAt": clock::seconds(), "conditions": [complete]});
    }
    api.state().put(Actor::Other, key, job);
}

/// What the Job's pod finds in its directory.
fn documents(state: &State, pod: &Value) -> Vec<String> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let sources = volumes.flat_map(|volume| volume["projected"]["sources"].as_array().into_iter().flatten());
    let names = sources.filter_map(|source| source["configMap"]["name"].as_str());
    let maps = names.filter_map(|name| state.get(&Key::new("configmaps", name)));
    maps.filter_map(|map| map["data"]["acls.json"].as_str())
        .map(str::to_owned)
        .collect()
}

fn has_key(api: &Apiserver, secret: &str, key: &str) -> bool {
    let state = api.state();
    let secret = state.get(&Key::new("secrets", secret));
    let data = secret
        .and_then(|secret| secret["data"][key].as_str())
        .unwrap_or_default();
    STANDARD.decode(data).is_ok_and(|bytes| !bytes.is_empty())
}
