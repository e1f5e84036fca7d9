//! Carries a decision of the rollout planner out: asks Kubernetes whether the replacement would be admitted, and takes
//! exactly the pods away that were chosen. A pod that serves is evicted, so that budgets and other people's drains are
//! heard; one that doesn't is deleted.

use crate::controller::apply::bounded;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, EvictParams, PostParams, Preconditions};

/// What became of a pod that was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    Yes,
    /// Why not, in Kubernetes' words: it's tried again.
    NotNow(String),
}

/// Creates the pod that the StatefulSet would make, for show. `Some`: why Kubernetes would refuse it.
pub async fn rehearse(context: &Context, namespace: &str, set: &str) -> Result<Option<String>, PassError> {
    let sets: Api<StatefulSet> = Api::namespaced(context.client.clone(), namespace);
    let live = bounded("get", "StatefulSet", (namespace, set), sets.get(set)).await?;
    let Some(spec) = live.spec else { return Ok(None) };
    let mut metadata = spec.template.metadata.unwrap_or_default();
    metadata.name = Some(format!("{set}-rehearsal"));
    metadata.namespace = Some(namespace.to_owned());
    let mut pod_spec = spec.template.spec.unwrap_or_default();
    // The claims exist; the template's own names are only known to the controller of StatefulSets.
    for claim in spec.volume_claim_templates.iter().flatten() {
        let Some(name) = claim.metadata.name.clone() else {
            continue;
        };
        pod_spec.volumes.get_or_insert_default().push(volume(&name, set));
    }
    let pod = Pod {
        metadata,
        spec: Some(pod_spec),
        status: None,
    };
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match bounded("rehearse", "Pod", (namespace, set), pods.create(&parameters, &pod)).await {
        Ok(_) => Ok(None),
        Err(PassError::Kubernetes { source, .. }) => match *source {
            // Whoever says no at creation would say no to the replacement.
            kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => {
                Ok(Some(status.message.clone()))
            }
            source => Err(PassError::Kubernetes {
                verb: "rehearse",
                kind: "Pod",
                namespace: namespace.to_owned(),
                name: set.to_owned(),
                source: Box::new(source),
            }),
        },
        Err(error) => Err(error),
    }
}

fn volume(name: &str, set: &str) -> k8s_openapi::api::core::v1::Volume {
    k8s_openapi::api::core::v1::Volume {
        name: name.to_owned(),
        persistent_volume_claim: Some(k8s_openapi::api::core::v1::PersistentVolumeClaimVolumeSource {
            claim_name: format!("{name}-{set}-0"),
            read_only: None,
        }),
        ..Default::default()
    }
}

/// Takes one pod away, if it's still the one with this uid.
pub async fn remove(
    context: &Context,
    namespace: &str,
    (name, uid): (&str, &str),
    serves: bool,
) -> Result<Gone, PassError> {
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let result = if serves {
        let parameters = EvictParams {
            delete_options: Some(parameters),
            ..EvictParams::default()
        };
        bounded("evict", "Pod", (namespace, name), pods.evict(name, &parameters))
            .await
            .map(drop)
    } else {
        bounded("delete", "Pod", (namespace, name), pods.delete(name, &parameters))
            .await
            .map(drop)
    };
    match result {
        Ok(()) => Ok(Gone::Yes),
        Err(PassError::Kubernetes { source, .. }) if matches!(&*source, kube::Error::Api(status) if [404, 409].contains(&status.code)) =>
        {
            // Gone already, or another pod by now: the next look says which.
            Ok(Gone::Yes)
        }
        Err(PassError::Kubernetes { source, .. }) if matches!(&*source, kube::Error::Api(status) if status.code == 429) => {
            Ok(Gone::NotNow(source.to_string()))
        }
        Err(error) => Err(error),
    }
}
