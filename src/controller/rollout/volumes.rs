//! Volumes that a restart would lose. Kubernetes holds a claim that's being deleted for as long as a pod uses it
//! (`kubernetes.io/pvc-protection`); with the pod, the volume and all that is on it goes.

use crate::controller::apply;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::ledger::ObjectKey;
use crate::model::Node;
use crate::render::Kind;
use k8s_openapi::api::core::v1::Pod;

/// Why this pod's end would take a volume of its node along, read live.
pub async fn doomed(
    context: &Context,
    namespace: &str,
    (node, pod): (&Node<'_>, &Pod),
) -> Result<Option<String>, PassError> {
    let used = node.disks.iter().filter(|disk| uses(pod, &disk.claim));
    for disk in used {
        let key = ObjectKey::new(Kind::PersistentVolumeClaim, namespace, &disk.claim);
        let live = apply::get(context, &key).await?;
        if live.is_some_and(|live| live.metadata.deletion_timestamp.is_some()) {
            return Ok(Some(why(&disk.claim)));
        }
    }
    Ok(None)
}

/// For people.
pub fn why(claim: &str) -> String {
    format!(
        "volume claim {claim} is being deleted and goes with the pod, and so does all that is on it: if the node is to start \
         empty, delete the pod"
    )
}

fn uses(pod: &Pod, claim: &str) -> bool {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let mut claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    claims.any(|used| used.claim_name == claim)
}
