//! What is said of a user: where it stands, which rights its spec comes to, how far a change of its credentials is.

use super::memory::{Access, Held};
use super::names::{bindings_of, name_of, principal};
use super::prepare::changes;
use super::{AT_ONCE, CHUNK, Pass, credentials};
use crate::acl::rights;
use crate::api::{KafkaUser, KafkaUserStatus, RotationPhase, RotationStatus, UserAuthenticationType};
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::resource::{self, Verdict};
use crate::model::names;
use crate::user::rotation::Phase;
use futures::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Reason of a user whose rights are on their way.
const PENDING: &str = "AccessRightsPending";
/// Bindings that are listed.
const LISTED: usize = 50;

/// Where the rights stand, which are the last thing that a user needs.
pub fn rights(access: &Access, held: &Held) -> Verdict {
    let open = held.rights.iter().find(|right| !access.known.has(right));
    let Some(open) = open else {
        return Verdict::ready("credentials and access rights are in place");
    };
    match access.known.failure(open) {
        Some(failure) => Verdict::waiting(
            "AccessRightsFailed",
            &format!("{}; see the Job's log; it's tried again", failure.why),
        ),
        None => Verdict::waiting(PENDING, "an ACL Job brings the rights to Kafka"),
    }
}

/// A user with what is to be said of it.
type Said = (Arc<KafkaUser>, Verdict);

impl Pass<'_> {
    /// Writes the statuses that say something else, a bounded number of them.
    pub async fn say(&mut self, mut verdicts: BTreeMap<String, Verdict>, is_full: bool) -> Result<(), PassError> {
        let work = self.sayings(&mut verdicts, is_full);
        let context = self.context;
        let taken: Vec<_> = work
            .into_iter()
            .filter_map(|(user, verdict)| Some((self.access.users.remove(&user.name_any())?, user, verdict)))
            .collect();
        let tasks = taken.into_iter().map(|(mut held, user, verdict)| async move {
            let said = say(context, &user, &mut held, &verdict).await;
            (user, held, verdict, said)
        });
        let ended: Vec<_> = stream::iter(tasks).buffered(AT_ONCE).collect().await;
        let mut problem = None;
        for (user, mut held, verdict, said) in ended {
            held.settled = verdict.is_ready() && said.is_ok() && !changes(&held);
            if !verdict.is_ready() && !verdict.is_refused() {
                self.wait(super::SOON);
            }
            if let Some(own) = held.own.as_ref().filter(|_| changes(&held)) {
                let waits = own.rotation.wait(credentials::overlap(&user), context.now());
                self.sooner(waits.max(Duration::from_secs(1)));
            }
            self.access.users.insert(user.name_any(), held);
            problem = problem.or(said.err());
        }
        problem.map_or(Ok(()), Err)
    }

    fn sayings(&mut self, verdicts: &mut BTreeMap<String, Verdict>, is_full: bool) -> Vec<Said> {
        let mut work = Vec::new();
        for user in &self.staying {
            let name = user.name_any();
            let Some(held) = self.access.users.get(&name) else {
                continue;
            };
            let given = verdicts.remove(&name);
            // One that's settled has been told; one that isn't prepared has its turn in the next pass.
            if given.is_none() && ((held.settled && !is_full) || held.mark.is_none()) {
                continue;
            }
            let verdict = given.unwrap_or_else(|| rights(self.access, held));
            // While others have their turn at once, that somebody's rights are on their way isn't told: they're there in a moment, and
            // of thousands of new users each such status is a write.
            if self.again.is_zero() && verdict.reason() == PENDING && user.status.is_none() {
                self.is_waiting = true;
                continue;
            }
            if work.len() == CHUNK * 2 {
                self.again = Duration::ZERO;
                break;
            }
            work.push((Arc::clone(user), verdict));
        }
        work
    }
}

/// Writes the status if it says something else; returns whether it did.
pub async fn say(context: &Context, user: &KafkaUser, held: &mut Held, verdict: &Verdict) -> Result<bool, PassError> {
    let old = user.status.clone().unwrap_or_default();
    let wanted = status(context, user, (held, &old), verdict);
    let hash = resource::hash_of(&wanted);
    if wanted == old || held.said == Some(hash) {
        held.said = Some(hash);
        return Ok(false);
    }
    resource::write_status(context, user, &wanted).await?;
    held.said = Some(hash);
    Ok(true)
}

fn status(
    context: &Context,
    user: &KafkaUser,
    (held, old): (&Held, &KafkaUserStatus),
    verdict: &Verdict,
) -> KafkaUserStatus {
    let name = held
        .own
        .as_ref()
        .map_or_else(|| name_of(user), |own| principal(user, own.rotation.generation));
    let bindings = bindings_of(user, &name);
    let has_secret = user.spec.authentication.kind != UserAuthenticationType::External;
    KafkaUserStatus {
        observed_generation: user.metadata.generation,
        principal: Some(format!("User:{name}")),
        secret: if verdict.is_ready() && has_secret {
            Some(names::credentials(&user.name_any()))
        } else {
            old.secret.clone()
        },
        acls: rights::lines(&bindings, LISTED),
        acl_count: i32::try_from(bindings.len()).ok(),
        rotation: rotation(user, held),
        conditions: verdict.conditions(&old.conditions, user.metadata.generation, context.now()),
    }
}

fn rotation(user: &KafkaUser, held: &Held) -> Option<RotationStatus> {
    let rotation = &held.own.as_ref()?.rotation;
    let phase = match rotation.phase {
        Phase::Steady => return None,
        Phase::Preparing => RotationPhase::Preparing,
        Phase::Overlapping => RotationPhase::Overlapping,
        Phase::Ending => RotationPhase::Ending,
    };
    let until = rotation.since.checked_add(credentials::overlap(user)).ok();
    let until = until.filter(|_| rotation.phase == Phase::Overlapping);
    Some(RotationStatus {
        phase,
        until: until.map(Time),
    })
}
