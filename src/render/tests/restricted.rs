//! Every pod passes the restricted Pod Security profile and has a read-only root. The check is written from the profile's
//! own table (kubernetes.io/docs/concepts/security/pod-security-standards), not from the code under test.

use super::*;
use serde_json::json;

/// What the profile (and our read-only root) finds wrong with a pod spec.
fn violations(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        must(pod[field] != json!(true), field);
    }
    must(pod["automountServiceAccountToken"] == json!(false), "token");
    for volume in pod["volumes"].as_array().unwrap() {
        let allowed = ["configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim"];
        let sources: Vec<&String> = volume
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "name")
            .collect();
        must(sources.iter().all(|s| allowed.contains(&s.as_str())), "volume type");
        let projected = volume["projected"]["sources"].as_array();
        let token = |source: &Value| source.get("serviceAccountToken").is_some();
        must(!projected.is_some_and(|all| all.iter().any(token)), "projected token");
    }
    let context = &pod["securityContext"];
    must(context["seLinuxOptions"].is_null(), "seLinuxOptions");
    must(context["sysctls"].is_null(), "sysctls");
    let inits = pod["initContainers"].as_array().cloned().unwrap_or_default();
    for container in inits.iter().chain(pod["containers"].as_array().unwrap()) {
        let own = &container["securityContext"];
        let either = |field: &str| {
            if own[field].is_null() {
                &context[field]
            } else {
                &own[field]
            }
            .clone()
        };
        must(own["privileged"] != json!(true), "privileged");
        must(
            own["allowPrivilegeEscalation"] == json!(false),
            "allowPrivilegeEscalation",
        );
        must(own["capabilities"]["drop"] == json!(["ALL"]), "capabilities.drop");
        must(own["capabilities"]["add"].is_null(), "capabilities.add");
        must(own["procMount"].is_null(), "procMount");
        must(either("runAsNonRoot") == json!(true), "runAsNonRoot");
        must(either("runAsUser").as_i64().is_some_and(|user| user > 0), "runAsUser");
        must(
            either("seccompProfile")["type"] == json!("RuntimeDefault"),
            "seccompProfile",
        );
        must(own["readOnlyRootFilesystem"] == json!(true), "readOnlyRootFilesystem");
        let ports = container["ports"].as_array().cloned().unwrap_or_default();
        must(ports.iter().all(|port| port["hostPort"].is_null()), "hostPort");
        for amount in ["memory", "ephemeral-storage"] {
            must(!container["resources"]["limits"][amount].is_null(), amount);
        }
    }
    found
}

#[test]
fn every_pod_is_restricted() {
    let mut all = demo().children();
    all.extend(combined().children());
    all.extend(demo_acl_job());
    let pods = pod_specs(&all);
    assert_eq!(pods.len(), 8);
    for pod in pods {
        assert_eq!(violations(pod), Vec::<String>::new());
    }
}

#[test]
fn the_check_sees_each_violation() {
    let good = demo().template(100)["spec"].clone();
    for (pointer, value, expected) in [
        ("/hostNetwork", json!(true), "hostNetwork"),
        ("/hostPID", json!(true), "hostPID"),
        ("/automountServiceAccountToken", json!(true), "token"),
        ("/volumes/0/hostPath", json!({"path": "/"}), "volume type"),
        (
            "/volumes/0/projected",
            json!({"sources": [{"serviceAccountToken": {}}]}),
            "projected token",
        ),
        ("/securityContext/sysctls", json!([]), "sysctls"),
        ("/securityContext/runAsUser", json!(0), "runAsUser"),
        (
            "/securityContext/seccompProfile",
            json!({"type": "Unconfined"}),
            "seccompProfile",
        ),
        ("/containers/0/securityContext/privileged", json!(true), "privileged"),
        (
            "/containers/0/securityContext/runAsNonRoot",
            json!(false),
            "runAsNonRoot",
        ),
        (
            "/containers/0/securityContext/readOnlyRootFilesystem",
            json!(false),
            "readOnlyRootFilesystem",
        ),
        (
            "/initContainers/1/securityContext/allowPrivilegeEscalation",
            json!(true),
            "allowPrivilegeEscalation",
        ),
        (
            "/initContainers/0/securityContext/capabilities/add",
            json!(["SYS_ADMIN"]),
            "capabilities.add",
        ),
        (
            "/initContainers/0/securityContext/capabilities/drop",
            json!([]),
            "capabilities.drop",
        ),
        ("/containers/0/ports/0/hostPort", json!(9092), "hostPort"),
        (
            "/containers/0/resources/limits",
            json!({"memory": "1Gi"}),
            "ephemeral-storage",
        ),
    ] {
        let mut bad = good.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[field] = value;
        let found = violations(&bad);
        assert!(
            found.iter().all(|one| one == expected) && !found.is_empty(),
            "{pointer}: {found:?}"
        );
    }
}
