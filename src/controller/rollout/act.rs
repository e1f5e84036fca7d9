//! The three things that the rollout asks of Kubernetes: would the replacement be admitted, evict this pod, delete this
//! pod. Always exactly the pod that was chosen.

use crate::controller::apply::bounded;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::runtime::metrics::Verb;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use kube::api::{Api, DeleteParams, PostParams};

/// Characters of an answer that a status takes: a webhook can say as much as it likes.
const LONGEST: usize = 400;

/// Asks Kubernetes whether it would admit the pod that the StatefulSet is about to make in place of `pod`. `Some`: why
/// not, or not yet.
pub async fn rehearse(
    context: &Context,
    (namespace, set): (&str, &str),
    pod: Option<&Pod>,
) -> Result<Option<String>, PassError> {
    let sets: Api<StatefulSet> = Api::namespaced(context.client.clone(), namespace);
    let live = bounded("get", "StatefulSet", (namespace, set), sets.get(set)).await?;
    let seen = live.status.as_ref().and_then(|status| status.observed_generation);
    if seen < live.metadata.generation {
        return Ok(Some(format!("StatefulSet {set} hasn't taken the change over yet")));
    }
    let Some(spec) = live.spec else { return Ok(None) };
    let replacement = replacement((namespace, set), spec);
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let created = pods.create(&parameters, &replacement);
    match bounded("rehearse", "Pod", (namespace, set), created).await {
        Ok(_) => Ok(None),
        Err(error) => match refusal(&error) {
            // The pod that goes frees what its replacement needs.
            Some((403, message))
                if message.contains("exceeded quota") && pod.is_some_and(|pod| fits(pod, &replacement)) =>
            {
                Ok(None)
            }
            // Whoever says no at creation would say no to the replacement; being too busy is no answer.
            Some((code, message)) if (400..500).contains(&code) && code != 429 => Ok(Some(message)),
            _ => Err(error),
        },
    }
}

fn refusal(error: &PassError) -> Option<(u16, String)> {
    match error {
        PassError::Kubernetes { source, .. } => match source.as_ref() {
            kube::Error::Api(status) => Some((status.code, status.message.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The pod as the controller of StatefulSets would make it, under a name of its own.
fn replacement((namespace, set): (&str, &str), spec: StatefulSetSpec) -> Pod {
    let mut metadata = spec.template.metadata.unwrap_or_default();
    metadata.name = Some(format!("{set}-rehearsal"));
    metadata.namespace = Some(namespace.to_owned());
    Pod {
        metadata,
        spec: spec.template.spec,
        status: None,
    }
}

/// The new pod asks for the very resources that the old one has.
fn fits(old: &Pod, new: &Pod) -> bool {
    let resources = |pod: &Pod| -> Vec<_> {
        let containers = |spec: &PodSpec| {
            let init = spec.init_containers.clone().unwrap_or_default();
            init.into_iter().chain(spec.containers.clone())
        };
        let all = pod.spec.iter().flat_map(containers);
        all.map(|container| (container.name, container.resources)).collect()
    };
    resources(old) == resources(new)
}

/// Takes one pod away, if it's still the one with this uid. `Some`: why Kubernetes doesn't let it go now.
pub async fn remove(
    context: &Context,
    (namespace, name): (&str, &str),
    uid: &str,
    evict: bool,
) -> Result<Option<String>, PassError> {
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let result = if evict {
        let evicted = self::evict(&pods, name, uid);
        bounded("evict", "Pod", (namespace, name), evicted).await
    } else {
        let parameters = DeleteParams {
            preconditions: Some(kube::api::Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let deleted = pods.delete(name, &parameters);
        bounded("delete", "Pod", (namespace, name), deleted).await.map(drop)
    };
    match result {
        Ok(()) => {
            let verb = if evict { Verb::Evict } else { Verb::Delete };
            context.metrics.kube_write("Pod", verb);
            Ok(None)
        }
        Err(error) => {
            let answer = refusal(&error);
            let code = answer.as_ref().map(|(code, _)| *code);
            match (answer.and_then(against), code) {
                (Some(why), _) => Ok(Some(why)),
                // Gone already, or another pod by now: the next look says which.
                (None, Some(404 | 409)) => Ok(None),
                _ => Err(error),
            }
        }
    }
}

/// What an answer says against taking a pod away now; `None`: it has failed for another reason.
fn against((code, message): (u16, String)) -> Option<String> {
    let why = match code {
        429 => message,
        // The eviction API serves no pod that two budgets select; the operator's own never overlap.
        500 if message.contains("more than one PodDisruptionBudget") => {
            format!("{message} Delete the disruption budget that isn't the operator's")
        }
        // A policy of somebody's that freezes changes, or the operator's own, by which another one leads.
        _ if is_admission(&message) => message,
        _ => return None,
    };
    Some(why.chars().take(LONGEST).collect())
}

/// The API server's words for a refusal by an admission policy or webhook, whatever code either of them has chosen.
fn is_admission(message: &str) -> bool {
    message.contains(" denied request: ") || message.contains(" denied the request")
}

/// `Api::evict` of kube 5 names the options `delete_options`, which the apiserver doesn't know: the precondition would be
/// lost.
async fn evict(pods: &Api<Pod>, name: &str, uid: &str) -> Result<(), kube::Error> {
    let eviction = Eviction {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        delete_options: Some(DeleteOptions {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteOptions::default()
        }),
    };
    let parameters = PostParams::default();
    let answer = pods.create_subresource::<_, serde_json::Value>("eviction", name, &parameters, &eviction);
    answer.await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_and_policies_are_heard_and_failures_are_not() {
        let against = |code, message: &str| against((code, message.to_owned()));
        let budget = "Cannot evict pod as it would violate the pod's disruption budget.";
        assert_eq!(against(429, budget).as_deref(), Some(budget));
        let two = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        assert!(against(500, two).unwrap().ends_with("that isn't the operator's"));
        let policy =
            "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request: no";
        let webhook = "admission webhook \"freeze.example.com\" denied the request: ";
        for code in [400, 403, 409, 422] {
            assert_eq!(against(code, policy).as_deref(), Some(policy), "{code}");
            let long = format!("{webhook}{}", "ä".repeat(5_000));
            assert_eq!(against(code, &long).unwrap().chars().count(), LONGEST, "{code}");
        }
        let rights = "pods \"a\" is forbidden: User \"b\" cannot create resource \"pods/eviction\"";
        for (code, message) in [
            (403, rights),
            (409, "the UID in the precondition"),
            (500, "etcdserver: request timed out"),
        ] {
            assert_eq!(against(code, message), None, "{message}");
        }
    }
}
