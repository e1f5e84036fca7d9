//! Certificates of users, signed by the clients' authority: kept while they're good, issued anew when they aren't.

use super::{Trust, algorithm, off_thread};
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::model::Cluster;
use crate::pki::{ExistingLeaf, LeafDecision, LeafRequest, Renewal, SecretPem, Usages, decide, issue};

/// A user's certificate with its key.
pub struct UserLeaf {
    pub certificate: String,
    pub key: String,
    /// When it must be looked at again.
    pub until: jiff::Timestamp,
}

/// The certificate for the name of one mTLS user, signed by the clients' authority. `stored` is what its Secret holds; it stays
/// as it is while the authority is lost. `None`: there's none and none can be made.
pub async fn user_leaf(
    context: &Context,
    cluster: &Cluster,
    trust: &Trust,
    name: &str,
    stored: Option<(String, String)>,
) -> Result<Option<UserLeaf>, PassError> {
    let now = context.now();
    let Some(ca) = trust.clients_ca.signer() else {
        return Ok(stored.map(|(certificate, key)| UserLeaf {
            certificate,
            key,
            until: now,
        }));
    };
    let request = LeafRequest {
        common_name: name.to_owned(),
        organisation: None,
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        usages: Usages::Client,
        algorithm: algorithm(cluster.security.key_algorithm),
        lifetime: cluster.security.leaf_lifetime,
    };
    let renewal = Renewal {
        before: cluster.security.renew_before,
        ..Renewal::default()
    };
    let judge = |cert_pem: &str, key: &str| {
        let key_pem = &SecretPem::new(key);
        decide(ca, Some(ExistingLeaf { cert_pem, key_pem }), &request, renewal, now)
    };
    if let Some((certificate, key)) = stored
        && let LeafDecision::Keep { until } = judge(&certificate, &key)
    {
        return Ok(Some(UserLeaf {
            certificate,
            key,
            until,
        }));
    }
    let (authority, wanted) = (ca.clone(), request.clone());
    let made = off_thread(name, move || issue(&authority, &wanted, now)).await?;
    let key = made.key_pem.expose().to_owned();
    let until = match judge(&made.cert_pem, &key) {
        LeafDecision::Keep { until } => until,
        LeafDecision::Issue { .. } => now,
    };
    Ok(Some(UserLeaf {
        certificate: made.cert_pem,
        key,
        until,
    }))
}
