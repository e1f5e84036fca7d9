//! One look at what Kafka has of users, all of them at once: credentials, quotas and rights. Everything that's decided in a
//! minute is decided from it and from what was written since; after a minute it's made again, so that what somebody else
//! changed is found.

use super::memory::Access;
use crate::acl::wave;
use crate::controller::error::PassError;
use crate::kafka::acls::AclFilter;
use crate::kafka::admin::KafkaAdmin;
use crate::kafka::{KafkaError, QuotaEntity, QuotaFilter, QuotaMatch, QuotaValues, ScramCredential};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a look is good.
pub const GOOD: Duration = Duration::from_mins(1);

pub struct Look {
    pub at: jiff::Timestamp,
    /// By name; who has none isn't there.
    pub scram: BTreeMap<String, Vec<ScramCredential>>,
    pub quotas: BTreeMap<QuotaEntity, QuotaValues>,
    /// Principals with rights in Kafka.
    pub principals: Vec<String>,
}

impl Look {
    pub fn is_good(&self, now: jiff::Timestamp) -> bool {
        let age = Duration::try_from(now.duration_since(self.at));
        age.is_ok_and(|age| age < GOOD)
    }
}

/// Looks again if the last look is too old. Rights are left as they were known while a Job is changing them.
pub async fn refresh(admin: &dyn KafkaAdmin, access: &mut Access, now: jiff::Timestamp) -> Result<bool, PassError> {
    if access.look.as_ref().is_some_and(|look| look.is_good(now)) {
        return Ok(false);
    }
    if access.job.is_some() && access.look.is_some() {
        return Ok(false);
    }
    let filter = QuotaFilter {
        user: Some(QuotaMatch::Any),
        client_id: None,
        strict: true,
    };
    // One after the other: each answer may be of tens of thousands, and what it takes to read one is free for the next.
    let scram = admin.describe_user_scram(Vec::new()).await;
    let scram = scram.map_err(|source| failed("look at SCRAM credentials", source))?;
    let quotas = admin.describe_client_quotas(filter).await;
    let quotas = quotas.map_err(|source| failed("look at quotas", source))?;
    let acls = admin.describe_acls(AclFilter::any()).await;
    let actual = wave::by_principal(acls.map_err(|source| failed("look at ACLs", source))?);
    if access.job.is_none() {
        access.known.seen(&actual);
    }
    access.look = Some(Look {
        at: now,
        scram,
        quotas,
        principals: actual.into_iter().map(|(principal, _)| principal).collect(),
    });
    Ok(true)
}

pub fn failed(what: &'static str, source: KafkaError) -> PassError {
    PassError::Kafka {
        what,
        source: Box::new(source),
    }
}
