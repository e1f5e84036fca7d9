//! What a person asks of certificates by annotation of the resource: a time, from which on everything that was made before it is
//! made anew. Asked once, done once, however often anything restarts.

use crate::api::ProductionKafka;
use jiff::Timestamp;
use kube::ResourceExt;

/// Certificates of client listeners, of the operator and of ACL Jobs: nothing restarts.
pub const RENEW: &str = "productionkafka.dev/renew-certificates";
/// Certificates of nodes among themselves, which restarts them one after the other.
pub const RENEW_NODES: &str = "productionkafka.dev/renew-node-certificates";
/// The key of the authority of nodes and listeners: three rolls, and clients need the new certificate.
pub const REPLACE_CLUSTER_CA: &str = "productionkafka.dev/replace-cluster-ca";
/// The key of the authority of users: nothing restarts, every mTLS user gets another certificate.
pub const REPLACE_CLIENTS_CA: &str = "productionkafka.dev/replace-clients-ca";

/// Times, where there's one that can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    pub certificates: Option<Timestamp>,
    pub node_certificates: Option<Timestamp>,
    pub cluster_ca: Option<Timestamp>,
    pub clients_ca: Option<Timestamp>,
}

impl Requests {
    pub fn of(resource: &ProductionKafka) -> Self {
        let time = |name: &str| resource.annotations().get(name)?.parse().ok();
        Self {
            certificates: time(RENEW),
            node_certificates: time(RENEW_NODES),
            cluster_ca: time(REPLACE_CLUSTER_CA),
            clients_ca: time(REPLACE_CLIENTS_CA),
        }
    }

    /// What is wrong with a request that can't be read; it changes nothing.
    pub fn unreadable(resource: &ProductionKafka) -> Option<String> {
        let all = [RENEW, RENEW_NODES, REPLACE_CLUSTER_CA, REPLACE_CLIENTS_CA].into_iter();
        let given = all.filter_map(|name| Some((name, resource.annotations().get(name)?)));
        let mut bad = given.filter(|(_, text)| text.parse::<Timestamp>().is_err());
        bad.next().map(|(name, text)| {
            format!(
                "metadata.annotations[{name}]: {text:?} isn't a time such as 2026-01-31T12:00:00Z: nothing is renewed"
            )
        })
    }
}
