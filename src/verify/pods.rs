//! Controls of the namespace and of what pods may do on their machine.

use super::{Judged, Seen, Verdict, items, name, text, unless};
use serde_json::Value;
use std::collections::BTreeMap;

const ENFORCE: &str = "/metadata/labels/pod-security.kubernetes.io~1enforce";

pub fn namespace_enforces(seen: &Seen) -> Judged {
    let level = text(&seen.namespace, ENFORCE);
    let against = (level != "restricted").then(|| format!("pod-security.kubernetes.io/enforce is {level:?}"));
    unless(
        &Vec::from_iter(against),
        "the namespace enforces the restricted profile".into(),
    )
}

/// Every container of a pod with its own name.
fn containers(pod: &Value) -> impl Iterator<Item = (String, &Value)> {
    let all = items(pod, "/spec/initContainers").chain(items(pod, "/spec/containers"));
    all.map(|container| (format!("{}/{}", name(pod), text(container, "/name")), container))
}

/// Fails for each container of which `what` says something.
fn each_container(seen: &Seen, what: impl Fn(&Value) -> Option<String>, fine: &str) -> Judged {
    let all = seen.pods.iter().flat_map(containers);
    let mut count = 0;
    let mut against = Vec::new();
    for (at, container) in all {
        count += 1;
        against.extend(what(container).map(|why| format!("{at} {why}")));
    }
    if count == 0 {
        return (Verdict::Fail, "there are no pods".into());
    }
    unless(&against, format!("{count} containers {fine}"))
}

fn each_pod(seen: &Seen, what: impl Fn(&Value) -> Option<String>, fine: &str) -> Judged {
    if seen.pods.is_empty() {
        return (Verdict::Fail, "there are no pods".into());
    }
    let of = |pod: &Value| what(pod).map(|why| format!("{} {why}", name(pod)));
    let against: Vec<String> = seen.pods.iter().filter_map(of).collect();
    unless(&against, format!("{} pods {fine}", seen.pods.len()))
}

fn is(object: &Value, pointer: &str, wanted: bool) -> bool {
    object.pointer(pointer).and_then(Value::as_bool) == Some(wanted)
}

pub fn restricted(seen: &Seen) -> Judged {
    let of_container = each_container(
        seen,
        |container| {
            let drops: Vec<&Value> = items(container, "/securityContext/capabilities/drop").collect();
            if !is(container, "/securityContext/allowPrivilegeEscalation", false) {
                Some("may gain privileges".into())
            } else if is(container, "/securityContext/privileged", true) {
                Some("is privileged".into())
            } else if !drops.iter().any(|one| **one == "ALL")
                || container.pointer("/securityContext/capabilities/add").is_some()
            {
                Some("keeps capabilities".into())
            } else {
                None
            }
        },
        "drop all capabilities and gain no privileges",
    );
    if of_container.0 == Verdict::Fail {
        return of_container;
    }
    each_pod(
        seen,
        |pod| {
            let host = ["hostNetwork", "hostPID", "hostIPC"]
                .into_iter()
                .find(|field| is(pod, &format!("/spec/{field}"), true));
            let path = items(pod, "/spec/volumes").any(|volume| volume.get("hostPath").is_some());
            let seccomp = text(pod, "/spec/securityContext/seccompProfile/type");
            match (host, path, seccomp) {
                (Some(field), _, _) => Some(format!("has {field}")),
                (None, true, _) => Some("mounts a hostPath".into()),
                (None, false, "RuntimeDefault" | "Localhost") => None,
                _ => Some("has no seccomp profile".into()),
            }
        },
        "satisfy the restricted profile",
    )
}

pub fn read_only_root(seen: &Seen) -> Judged {
    let writable = |container: &Value| {
        let fixed = is(container, "/securityContext/readOnlyRootFilesystem", true);
        (!fixed).then(|| "has a writable root file system".to_owned())
    };
    each_container(seen, writable, "have a read-only root file system")
}

pub fn unprivileged_user(seen: &Seen) -> Judged {
    each_pod(
        seen,
        |pod| {
            let number = |field: &str| {
                pod.pointer(&format!("/spec/securityContext/{field}"))
                    .and_then(Value::as_i64)
            };
            let root = number("runAsUser").is_none_or(|user| user < 1_000)
                || number("fsGroup").is_none_or(|group| group < 1_000);
            root.then(|| "has no user and fsGroup of 1000 or more".to_owned())
        },
        "run as an unprivileged user with an fsGroup",
    )
}

pub fn user_namespaces(_: &Seen) -> Judged {
    (
        Verdict::NotApplicable,
        "the operator doesn't ask for user namespaces yet".into(),
    )
}

pub fn no_token(seen: &Seen) -> Judged {
    each_pod(
        seen,
        |pod| {
            let mounted = !is(pod, "/spec/automountServiceAccountToken", false);
            let mut sources = items(pod, "/spec/volumes").flat_map(|volume| items(volume, "/projected/sources"));
            let projected = sources.any(|source| source.get("serviceAccountToken").is_some());
            (mounted || projected).then(|| "has a service account token".to_owned())
        },
        "have no service account token",
    )
}

pub fn limits(seen: &Seen) -> Judged {
    let lacks = |container: &Value| {
        let mut kinds = ["memory", "ephemeral-storage"].into_iter();
        let missing = kinds.find(|kind| text(container, &format!("/resources/limits/{kind}")).is_empty());
        missing.map(|kind| format!("has no limit of {kind}"))
    };
    each_container(seen, lacks, "have limits of memory and local storage")
}

pub fn digests(seen: &Seen) -> Judged {
    let by_tag = |container: &Value| {
        let image = text(container, "/image");
        (!image.contains("@sha256:")).then(|| format!("runs {image}, by tag"))
    };
    each_container(seen, by_tag, "run images by digest")
}

fn value_of<'a>(pod: &'a Value, label: &str) -> Option<&'a str> {
    pod.pointer("/metadata/labels")?.get(label)?.as_str()
}

pub fn budgets(seen: &Seen) -> Judged {
    let mut against = Vec::new();
    for role in ["broker", "controller"] {
        let label = format!("productionkafka.dev/{role}");
        let mut pods = seen.pods.iter().filter(|pod| value_of(pod, &label) == Some("true"));
        let Some(pod) = pods.next() else { continue };
        let covered = seen
            .budgets
            .iter()
            .any(|budget| selects(budget.pointer("/spec/selector"), pod));
        if !covered {
            against.push(format!("no PodDisruptionBudget covers {role}s"));
        }
    }
    unless(&against, format!("{} PodDisruptionBudgets", seen.budgets.len()))
}

/// By `matchLabels` alone, which is all that the operator writes.
pub fn selects(selector: Option<&Value>, pod: &Value) -> bool {
    let labels = selector
        .and_then(|selector| selector.get("matchLabels"))
        .and_then(Value::as_object);
    labels.is_some_and(|labels| labels.iter().all(|(key, value)| value_of(pod, key) == value.as_str()))
}

pub fn spread(seen: &Seen) -> Judged {
    let mut racks: BTreeMap<&str, usize> = BTreeMap::new();
    let nodes = items(&seen.resource, "/status/nodes").filter(|node| text(node, "/roles").contains("Controller"));
    let mut voters = 0;
    for node in nodes {
        voters += 1;
        *racks.entry(text(node, "/rack")).or_default() += 1;
    }
    if voters < 3 || racks.contains_key("") {
        return (
            Verdict::NotApplicable,
            "there are fewer than three controllers, or no racks".into(),
        );
    }
    let most = racks.iter().max_by_key(|(_, count)| **count);
    let against = most
        .filter(|(_, count)| **count * 2 > voters)
        .map(|(rack, count)| format!("rack {rack} holds {count} of {voters} controllers"));
    unless(
        &Vec::from_iter(against),
        format!("no rack holds most of the {voters} controllers"),
    )
}

pub fn keys_of_one_pod(seen: &Seen) -> Judged {
    let mut holders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut against = Vec::new();
    for pod in &seen.pods {
        for volume in
            items(pod, "/spec/volumes").filter(|volume| ["tls", "server-tls"].contains(&text(volume, "/name")))
        {
            holders
                .entry(text(volume, "/secret/secretName"))
                .or_default()
                .push(name(pod));
            let mode = volume.pointer("/secret/defaultMode").and_then(Value::as_i64);
            if mode != Some(0o440) && mode != Some(0o400) {
                against.push(format!("{} mounts its keys readable by others", name(pod)));
            }
        }
    }
    let shared = holders.iter().filter(|(_, pods)| pods.len() > 1);
    against.extend(shared.map(|(secret, pods)| format!("Secret {secret} is mounted by {}", pods.join(", "))));
    unless(
        &against,
        format!("{} Secrets with keys, each mounted by one pod", holders.len()),
    )
}

pub fn no_passwords(seen: &Seen) -> Judged {
    const WORDS: [&str; 4] = ["password", "secret=", "-----begin", "sasl.jaas"];
    let tells = |container: &Value| {
        let texts = items(container, "/env")
            .map(|variable| format!("{}={}", text(variable, "/name"), text(variable, "/value")));
        let words = ["/command", "/args"]
            .into_iter()
            .flat_map(|field| items(container, field));
        let words = words.filter_map(Value::as_str).map(str::to_owned);
        let mut all = texts.chain(words).map(|text| text.to_lowercase());
        let bad = all.find(|text| WORDS.iter().any(|word| text.contains(word)));
        bad.map(|_| "has something like a password in its environment or arguments".to_owned())
    };
    each_container(seen, tells, "have no password in environment or arguments")
}
