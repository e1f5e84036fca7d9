//! One pass over a `KafkaUser`: credentials, their Secret, and whether Kafka has the rights. A finalizer lets the
//! credential and the rights be taken away before the user is gone; without a cluster there's nothing to take.

use super::apply::bounded;
use super::cluster::Ended;
use super::context::{Context, MANAGER};
use super::error::PassError;
use super::memory::Memory;
use super::resource::{self, Verdict};
use super::scram;
use super::secrets;
use super::stores::ClusterKey;
use super::trust::{self, SecretData};
use crate::acl;
use crate::api::{KafkaUser, KafkaUserStatus, UserAuthenticationType};
use crate::model::{ClientAuth, Cluster, names};
use crate::render::{self, ClientCredentials, UserOwner};
use crate::runtime::metrics::Outcome;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const FINALIZER: &str = "productionkafka.dev/user";
const SOON: Duration = Duration::from_secs(3);
const CALM: Duration = Duration::from_mins(10);

/// Runs one pass.
pub async fn pass(context: &Context, user: &KafkaUser) -> Result<Ended, PassError> {
    let key = ClusterKey {
        namespace: user.namespace().unwrap_or_default(),
        name: user.spec.cluster.clone(),
    };
    let memory = context.memories.get(&key);
    if user.metadata.deletion_timestamp.is_some() {
        return gone(context, user, &memory).await;
    }
    if !user.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        finalizers(context, user, &json!([FINALIZER])).await?;
    }
    let serves = memory.kafka.as_ref().is_some_and(|kafka| kafka.partitions.is_some());
    let (Some(cluster), Some(trust), Some(open), true) = (&memory.cluster, &memory.trust, &memory.client, serves)
    else {
        let message = format!(
            "ProductionKafka {} doesn't exist or no broker of it serves yet",
            user.spec.cluster
        );
        return say(context, user, Verdict::waiting("ClusterNotReady", &message)).await;
    };
    let Some(listener) = listener(cluster, user.spec.authentication.kind) else {
        let message = format!(
            "cluster {} has no listener with authentication {:?}: add one or choose another authentication",
            user.spec.cluster, user.spec.authentication.kind
        );
        return say(context, user, Verdict::refused("NoListener", &message)).await;
    };
    let secret_name = names::credentials(&user.name_any());
    let stored = context
        .vault
        .get(context, &key.namespace, &secret_name)
        .await?
        .map(|data| data.0)
        .unwrap_or_default();
    let authority = trust.cluster_ca.cert_pem();
    let made = credentials(context, user, cluster, trust, &stored).await?;
    let (Some(mut texts), Some(authority)) = (made, authority) else {
        let verdict = Verdict::waiting("AuthorityLost", &trust.losses().join("; "));
        return say(context, user, verdict).await;
    };
    let bootstrap = render::bootstrap_servers(cluster, listener);
    texts.insert("ca.crt".into(), authority.to_owned());
    texts.insert("username".into(), user.name_any());
    texts.insert("bootstrap.servers".into(), bootstrap.clone());
    texts.insert("client.properties".into(), properties(&bootstrap, user, &texts));
    let name = user.name_any();
    let uid = user.uid().unwrap_or_default();
    let owner = UserOwner {
        namespace: &key.namespace,
        name: &name,
        uid: &uid,
        cluster: &key.name,
    };
    context
        .vault
        .put(&key.namespace, &secret_name, SecretData(texts.clone()));
    let secret = render::credentials_secret(&owner, &texts).into();
    secrets::keep(context, &cluster.names, &secret).await?;
    if user.spec.authentication.kind == UserAuthenticationType::ScramSha512
        && let Some(problem) = scram::keep(open.admin.as_ref(), &context.world, &name, text(&texts, "password")).await?
    {
        return say(context, user, Verdict::waiting("KafkaRefused", &problem)).await;
    }
    let wanted = acl::document(&context.stores.users_of(&key)).content_hash();
    say(context, user, rights(&memory, &wanted)).await
}

/// Where the rights stand, which are the last thing that a user needs.
fn rights(memory: &Memory, wanted: &str) -> Verdict {
    if memory.acls.as_deref() == Some(wanted) {
        return Verdict::ready("credentials and access rights are in place");
    }
    let failure = memory.acl_failure.as_ref().filter(|failure| failure.hash == wanted);
    match failure {
        Some(failure) => Verdict::waiting(
            "AccessRightsFailed",
            &format!("{}; see its log; it's tried again", failure.why),
        ),
        None => Verdict::waiting("AccessRightsPending", "an ACL Job brings the rights to Kafka"),
    }
}

fn listener(cluster: &Cluster, kind: UserAuthenticationType) -> Option<&crate::model::ClientListener> {
    let wanted = match kind {
        UserAuthenticationType::ScramSha512 => ClientAuth::ScramSha512,
        UserAuthenticationType::Mtls => ClientAuth::Mtls,
    };
    cluster
        .listeners
        .iter()
        .find(|listener| listener.authentication == wanted)
}

/// The user's own secrets: what's stored if it's good, else new ones; `None` while no certificate can be made.
async fn credentials(
    context: &Context,
    user: &KafkaUser,
    cluster: &Cluster,
    trust: &trust::Trust,
    stored: &BTreeMap<String, String>,
) -> Result<Option<BTreeMap<String, String>>, PassError> {
    let mut texts = BTreeMap::new();
    match user.spec.authentication.kind {
        UserAuthenticationType::ScramSha512 => {
            let password = match stored.get("password").filter(|password| password.len() >= 32) {
                Some(password) => password.clone(),
                None => password(context)?,
            };
            texts.insert("password".into(), password);
        }
        UserAuthenticationType::Mtls => {
            let kept = stored.get("user.crt").cloned().zip(stored.get("user.key").cloned());
            let leaf = trust::user_leaf(context, cluster, trust, &user.name_any(), kept).await?;
            let Some((cert, key)) = leaf else { return Ok(None) };
            texts.insert("user.pem".into(), format!("{key}{cert}"));
            texts.insert("user.crt".into(), cert);
            texts.insert("user.key".into(), key);
        }
    }
    Ok(Some(texts))
}

/// 32 random bytes as 43 characters.
fn password(context: &Context) -> Result<String, PassError> {
    let mut bytes = [0_u8; 32];
    if (context.world.random)(&mut bytes) {
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    } else {
        Err(PassError::Randomness)
    }
}

fn text<'a>(texts: &'a BTreeMap<String, String>, key: &str) -> &'a str {
    texts.get(key).map(String::as_str).unwrap_or_default()
}

fn properties(bootstrap: &str, user: &KafkaUser, texts: &BTreeMap<String, String>) -> String {
    let username = user.name_any();
    let credentials = match user.spec.authentication.kind {
        UserAuthenticationType::ScramSha512 => ClientCredentials::ScramSha512 {
            username: &username,
            password: text(texts, "password"),
        },
        UserAuthenticationType::Mtls => ClientCredentials::Mtls {
            certificate: text(texts, "user.crt"),
            key: text(texts, "user.key"),
        },
    };
    render::client_properties(bootstrap, text(texts, "ca.crt"), credentials)
}

/// Takes credential and rights away, then lets go.
async fn gone(context: &Context, user: &KafkaUser, memory: &Memory) -> Result<Ended, PassError> {
    let done = Ok(Ended {
        outcome: Outcome::Completed,
        again: CALM,
    });
    if !user.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return done;
    }
    let key = ClusterKey {
        namespace: user.namespace().unwrap_or_default(),
        name: user.spec.cluster.clone(),
    };
    // A cluster that's gone, or that never formed, has nothing to take away.
    let exists = resource::cluster_exists(context, &key).await?;
    if exists && let Some(open) = &memory.client {
        let refused = scram::remove(open.admin.as_ref(), &context.world, &user.name_any()).await?;
        let wanted = acl::document(&context.stores.users_of(&key)).content_hash();
        if refused.is_some() || memory.acls.as_ref() != Some(&wanted) {
            return Ok(Ended {
                outcome: Outcome::Waiting,
                again: SOON,
            });
        }
    } else if exists && memory.cluster.is_some() {
        return Ok(Ended {
            outcome: Outcome::Waiting,
            again: SOON,
        });
    }
    finalizers(context, user, &json!([])).await?;
    context
        .vault
        .forget(&key.namespace, &names::credentials(&user.name_any()));
    done
}

async fn finalizers(context: &Context, user: &KafkaUser, wanted: &serde_json::Value) -> Result<(), PassError> {
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    let (namespace, name) = (user.namespace().unwrap_or_default(), user.name_any());
    let api: Api<KafkaUser> = Api::namespaced(context.client.clone(), &namespace);
    let body = json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "KafkaUser",
        "metadata": {"name": name, "uid": user.uid(), "finalizers": wanted},
    });
    let parameters = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(&body);
    bounded(
        "set the finalizer of",
        "KafkaUser",
        (&namespace, &name),
        api.patch(&name, &parameters, &patch),
    )
    .await?;
    Ok(())
}

async fn say(context: &Context, user: &KafkaUser, verdict: Verdict) -> Result<Ended, PassError> {
    let old = user.status.clone().unwrap_or_default();
    let wanted = KafkaUserStatus {
        observed_generation: user.metadata.generation,
        principal: Some(format!("User:{}", user.name_any())),
        secret: if verdict.is_ready() {
            Some(names::credentials(&user.name_any()))
        } else {
            old.secret.clone()
        },
        conditions: verdict.conditions(&old.conditions, user.metadata.generation, context.now()),
    };
    if wanted != old {
        resource::write_status(context, user, "KafkaUser", &wanted).await?;
    }
    Ok(verdict.ended(SOON, CALM))
}
