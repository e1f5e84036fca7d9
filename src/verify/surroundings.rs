//! Controls of what is around the pods: the operator's account, admission, networks, volumes, and what the status says.

use super::pods::selects;
use super::{Judged, Rule, Seen, Verdict, items, name, text, unless};
use crate::api::DELETION_PROTECTION;

fn rules(seen: &Seen, against: impl Fn(&[Rule]) -> Vec<String>, fine: &str) -> Judged {
    match &seen.rules {
        None => (
            Verdict::NotChecked,
            "asking in the name of the operator's account isn't allowed".into(),
        ),
        Some(rules) if rules.is_empty() => (Verdict::NotChecked, "no such account has rights here".into()),
        Some(rules) => unless(&against(rules), fine.to_owned()),
    }
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|one| one == wanted || one == "*")
}

/// Everything that `verbs` on `resources` come to.
fn may<'a>(rules: &'a [Rule], verbs: &'a [&'a str], resources: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    let pairs = resources
        .iter()
        .flat_map(move |resource| verbs.iter().map(move |verb| (*verb, *resource)));
    let allowed = move |(verb, resource): &(&str, &str)| {
        rules
            .iter()
            .any(|rule| has(&rule.verbs, verb) && has(&rule.resources, resource))
    };
    pairs
        .filter(allowed)
        .map(|(verb, resource)| format!("it may {verb} {resource}"))
}

pub fn no_wildcards(seen: &Seen) -> Judged {
    let against = |rules: &[Rule]| {
        let wild = |rule: &&Rule| {
            [&rule.groups, &rule.resources, &rule.verbs]
                .into_iter()
                .any(|list| list.iter().any(|one| one == "*"))
        };
        rules
            .iter()
            .filter(wild)
            .map(|rule| format!("a rule on {} has *", rule.resources.join(", ")))
            .collect()
    };
    rules(seen, against, "no rule of the operator's account has *")
}

pub fn no_roles(seen: &Seen) -> Judged {
    const ROLES: &[&str] = &["roles", "rolebindings", "clusterroles", "clusterrolebindings"];
    const VERBS: &[&str] = &["create", "update", "patch", "delete", "bind", "escalate"];
    rules(
        seen,
        |rules| may(rules, VERBS, ROLES).collect(),
        "the operator's account can't change rights",
    )
}

pub fn no_exec(seen: &Seen) -> Judged {
    const INTO: &[&str] = &[
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "nodes/proxy",
        "serviceaccounts/token",
    ];
    let against = |rules: &[Rule]| {
        let other = may(rules, &["impersonate"], &["users", "groups", "serviceaccounts"]);
        may(rules, &["create", "get"], INTO).chain(other).collect()
    };
    rules(
        seen,
        against,
        "the operator's account can't enter pods or act as somebody else",
    )
}

pub fn no_listing_of_secrets(seen: &Seen) -> Judged {
    rules(
        seen,
        |rules| may(rules, &["list", "watch"], &["secrets"]).collect(),
        "the operator's account reads Secrets by name only",
    )
}

fn policy(seen: &Seen, ends: &[&str], fine: &str) -> Judged {
    let Some(bound) = &seen.admission else {
        return (Verdict::NotChecked, "admission policies can't be read".into());
    };
    let missing = ends.iter().filter(|end| !bound.iter().any(|name| name.ends_with(*end)));
    let against: Vec<String> = missing
        .map(|end| format!("no admission policy …{end} is bound"))
        .collect();
    unless(&against, fine.to_owned())
}

pub fn jailed(seen: &Seen) -> Judged {
    policy(
        seen,
        &["-workloads", "-objects", "-resources"],
        "the operator's account is kept to its own objects and harmless pods",
    )
}

pub fn protected(seen: &Seen) -> Judged {
    let on = seen
        .resource
        .pointer("/spec/maintenance/deletionProtection")
        .and_then(serde_json::Value::as_bool);
    if on != Some(true) {
        return (Verdict::Fail, "maintenance.deletionProtection is off".into());
    }
    let finalizers = seen
        .resource
        .pointer("/metadata/finalizers")
        .and_then(serde_json::Value::as_array);
    let held = finalizers.is_some_and(|all| all.iter().any(|one| one == DELETION_PROTECTION));
    if !held {
        let why = format!("the finalizer {DELETION_PROTECTION} isn't set; the operator's log says why");
        return (Verdict::Fail, why);
    }
    let owned = seen
        .claims
        .iter()
        .filter(|claim| items(claim, "/metadata/ownerReferences").next().is_some());
    let owned: Vec<String> = owned
        .map(|claim| format!("volume claim {} goes with its owner", name(claim)))
        .collect();
    if !owned.is_empty() {
        return unless(&owned, String::new());
    }
    policy(
        seen,
        &["-protected-clusters", "-protected-data"],
        "protected by policies and a finalizer, and volumes have no owner",
    )
}

fn condition(seen: &Seen, kind: &str, is_fine: impl Fn(&str, &str) -> bool) -> Judged {
    let mut all = items(&seen.resource, "/status/conditions").filter(|one| text(one, "/type") == kind);
    let Some(found) = all.next() else {
        return (Verdict::Fail, format!("the status has no condition {kind}"));
    };
    let (status, reason) = (text(found, "/status"), text(found, "/reason"));
    let evidence = format!("{kind}={status}, {reason}: {}", text(found, "/message"));
    let verdict = if status == "Unknown" {
        Verdict::NotChecked
    } else if is_fine(status, reason) {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    (verdict, evidence.chars().take(300).collect())
}

pub fn version(seen: &Seen) -> Judged {
    condition(seen, "Upgradeable", |_, reason| reason != "Vulnerable")
}

pub fn certificates(seen: &Seen) -> Judged {
    condition(seen, "CertificatesValid", |status, _| status == "True")
}

pub fn at_rest(seen: &Seen) -> Judged {
    condition(seen, "EncryptedAtRest", |status, _| status == "True")
}

/// Every pod is selected for both directions, which closes all that no policy opens.
pub fn default_deny(seen: &Seen) -> Judged {
    let closed = |pod: &serde_json::Value, direction: &str| {
        seen.policies.iter().any(|policy| {
            selects(policy.pointer("/spec/podSelector"), pod)
                && items(policy, "/spec/policyTypes").any(|one| one == direction)
        })
    };
    let mut against = Vec::new();
    for pod in &seen.pods {
        let open = ["Ingress", "Egress"]
            .into_iter()
            .find(|direction| !closed(pod, direction));
        against.extend(open.map(|direction| format!("no NetworkPolicy selects {} for {direction}", name(pod))));
    }
    let wide = seen.policies.iter().filter(|policy| {
        let mut rules = items(policy, "/spec/ingress");
        rules.any(|rule| rule.get("ports").is_none())
    });
    against.extend(wide.map(|policy| format!("NetworkPolicy {} opens every port", name(policy))));
    unless(
        &against,
        format!(
            "{} NetworkPolicies select every pod for both directions",
            seen.policies.len()
        ),
    )
}
