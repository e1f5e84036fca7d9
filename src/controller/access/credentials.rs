//! One user's credentials: read or made once, changed step by step (`user::rotation`), kept in a Secret that holds all that an
//! application wants. What is to be done in Kafka follows from what is written here, never the other way round.
//!
//! It must not tell a password to anybody but that Secret.

use super::ground::Ground;
use super::memory::{Held, Own};
use crate::api::{DurationText, KafkaUser, UserAuthenticationType};
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::resource::Verdict;
use crate::controller::secrets;
use crate::controller::trust::{self, SecretData};
use crate::model::{ClientAuth, ClientListener, measure, names};
use crate::render::{self, ClientCredentials, UserOwner};
use crate::user::rotation::{Facts, Phase, Rotation};
use crate::user::{password, principal_name};
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::time::Duration;

/// Key of the Secret with the state of a change of credentials.
const ROTATION: &str = "rotation.json";
const PASSWORD: &str = "password";
const NEXT: &str = "password.next";
const CERTIFICATE: &str = "user.crt";
const KEY: &str = "user.key";
/// Keys that hold what can't be made again from other objects.
const OWN: [&str; 4] = [PASSWORD, NEXT, CERTIFICATE, KEY];

/// How long old credentials overlap with new ones.
pub fn overlap(user: &KafkaUser) -> Duration {
    let given = user.spec.authentication.rotation.as_ref();
    let day = Duration::from_hours(24);
    given
        .map_or(Some(day), |rotation| measure::duration(&rotation.overlap))
        .unwrap_or(day)
}

/// What there is of a user's credentials.
pub struct Gathered {
    own: Option<Own>,
    source: Source,
}

/// Reads what isn't known: the user's Secret, and that with a password of its own.
pub async fn gather(context: &Context, user: &KafkaUser, held: &mut Held) -> Result<Gathered, PassError> {
    let source = source(context, user).await?;
    let own = match held.own.take() {
        Some(own) => Some(own),
        None => stored(context, user, held).await?,
    };
    held.own.clone_from(&own);
    Ok(Gathered { own, source })
}

/// What the user's Secret shall hold, if it shall be written.
pub type Texts = Option<BTreeMap<String, String>>;

/// Goes on with the user's credentials by what there is; `in_place`: Kafka has all that the present phase asks for. An inner
/// error is why it can't, which is no error.
pub async fn decide(
    context: &Context,
    ground: &Ground,
    (user, held): (&KafkaUser, &mut Held),
    (gathered, in_place): (Gathered, bool),
) -> Result<Result<Texts, Verdict>, PassError> {
    let wanted = match user.spec.authentication.kind {
        UserAuthenticationType::External => return Ok(Ok(None)),
        UserAuthenticationType::ScramSha512 => ClientAuth::ScramSha512,
        UserAuthenticationType::Mtls => ClientAuth::Mtls,
    };
    let Some(listener) = ground.listener(&wanted) else {
        let message = format!(
            "cluster {} has no listener with authentication {:?}: add one or choose another authentication",
            user.spec.cluster, user.spec.authentication.kind
        );
        return Ok(Err(Verdict::refused("NoListener", &message)));
    };
    let source = match gathered.source {
        Source::Generated => None,
        Source::Text(text) => Some(text),
        Source::Unusable(problem) => return Ok(Err(Verdict::refused("PasswordUnusable", &problem))),
    };
    let own = match wanted {
        ClientAuth::Mtls => certificate(context, ground, user, (gathered.own, in_place)).await?,
        _ => Some(with_password(context, user, (gathered.own, in_place), source)?),
    };
    let (Some(own), Some(authority)) = (own, ground.authorities(listener)) else {
        let verdict = Verdict::waiting("AuthorityLost", &ground.trust.losses().join("; "));
        return Ok(Err(verdict));
    };
    let texts = texts(ground, user, &own, (listener, &authority));
    held.own = Some(own);
    Ok(Ok(Some(texts)))
}

/// Writes the user's Secret if it isn't as it shall be.
pub async fn keep(
    context: &Context,
    ground: &Ground,
    (user, held): (&KafkaUser, &mut Held),
    texts: &BTreeMap<String, String>,
) -> Result<(), PassError> {
    let (name, uid) = (user.name_any(), user.uid().unwrap_or_default());
    let owner = UserOwner {
        namespace: &ground.key.namespace,
        name: &name,
        uid: &uid,
        cluster: &ground.key.name,
    };
    let secret = render::credentials_secret(&owner, texts).into();
    // Once only: what was absent isn't after this, whatever comes of it.
    if std::mem::take(&mut held.is_absent) {
        return secrets::make(context, &ground.cluster.names, &secret).await;
    }
    secrets::keep(context, &ground.cluster.names, &secret).await
}

/// What the user's Secret holds of its own; `None`: there's none, or nothing usable in it.
async fn stored(context: &Context, user: &KafkaUser, held: &mut Held) -> Result<Option<Own>, PassError> {
    let namespace = user.namespace().unwrap_or_default();
    let secret = names::credentials(&user.name_any());
    let found = secrets::read(context, &namespace, &secret).await?;
    held.is_absent = found.is_none();
    let Some(SecretData(mut data)) = found else {
        return Ok(None);
    };
    let state = data.get(ROTATION).and_then(|text| serde_json::from_str(text).ok());
    data.retain(|key, text| OWN.contains(&key.as_str()) && !text.is_empty());
    let is_usable = data.contains_key(PASSWORD) || (data.contains_key(CERTIFICATE) && data.contains_key(KEY));
    Ok(is_usable.then(|| Own {
        texts: SecretData(data),
        rotation: state.unwrap_or_else(|| Rotation::first(None, context.now())),
        until: None,
    }))
}

enum Source {
    Generated,
    Text(String),
    Unusable(String),
}

/// The password that the user's own Secret asks for.
async fn source(context: &Context, user: &KafkaUser) -> Result<Source, PassError> {
    let Some(from) = &user.spec.authentication.password_from else {
        return Ok(Source::Generated);
    };
    let namespace = user.namespace().unwrap_or_default();
    let data = secrets::read(context, &namespace, &from.secret_name).await?;
    let of = format!(
        "spec.authentication.passwordFrom: key {} of Secret {}",
        from.key, from.secret_name
    );
    let Some(text) = data.and_then(|SecretData(mut data)| data.remove(&from.key)) else {
        return Ok(Source::Unusable(format!("{of} doesn't exist: create it")));
    };
    Ok(match password::problem(&text) {
        Some(problem) => Source::Unusable(format!("{of} {problem}")),
        None => Source::Text(text),
    })
}

fn request(user: &KafkaUser) -> Option<&str> {
    user.spec.authentication.rotation.as_ref()?.request.as_deref()
}

fn facts<'a>(context: &Context, user: &'a KafkaUser, in_place: bool) -> Facts<'a> {
    Facts {
        request: request(user),
        other_password: false,
        in_place,
        overlap: overlap(user),
        now: context.now(),
    }
}

fn with_password(
    context: &Context,
    user: &KafkaUser,
    (own, in_place): (Option<Own>, bool),
    source: Option<String>,
) -> Result<Own, PassError> {
    let Some(mut own) = own.filter(|own| own.text(PASSWORD).is_some()) else {
        let first = source.map_or_else(|| secrets::random_text(context), Ok)?;
        return Ok(Own {
            texts: SecretData(BTreeMap::from([(PASSWORD.to_owned(), first)])),
            rotation: Rotation::first(request(user), context.now()),
            until: None,
        });
    };
    let facts = Facts {
        other_password: source.is_some() && source.as_deref() != own.text(PASSWORD),
        ..facts(context, user, in_place)
    };
    let Some(next) = own.rotation.next(&facts) else {
        return Ok(own);
    };
    match next.phase {
        Phase::Preparing => {
            let text = source.map_or_else(|| secrets::random_text(context), Ok)?;
            own.texts.0.insert(NEXT.to_owned(), text);
        }
        Phase::Overlapping => {
            if let Some(text) = own.texts.0.remove(NEXT) {
                own.texts.0.insert(PASSWORD.to_owned(), text);
            }
        }
        Phase::Steady | Phase::Ending => {}
    }
    tracing::info!(user = user.name_any(), phase = ?next.phase, "a change of credentials goes on");
    own.rotation = next;
    Ok(own)
}

async fn certificate(
    context: &Context,
    ground: &Ground,
    user: &KafkaUser,
    (own, in_place): (Option<Own>, bool),
) -> Result<Option<Own>, PassError> {
    let mut rotation = match &own {
        Some(own) => own.rotation.clone(),
        None => Rotation::first(request(user), context.now()),
    };
    if own.is_some()
        && let Some(next) = rotation.next(&facts(context, user, in_place))
    {
        tracing::info!(user = user.name_any(), phase = ?next.phase, "a change of credentials goes on");
        rotation = next;
    }
    let name = principal_name(&user.name_any(), rotation.generation);
    let kept = own.and_then(
        |Own {
             texts: SecretData(mut data),
             ..
         }| data.remove(CERTIFICATE).zip(data.remove(KEY)),
    );
    let leaf = trust::user_leaf(context, &ground.cluster, &ground.trust, &name, kept).await?;
    Ok(leaf.map(|leaf| Own {
        texts: SecretData(BTreeMap::from([
            (CERTIFICATE.to_owned(), leaf.certificate),
            (KEY.to_owned(), leaf.key),
        ])),
        rotation,
        until: Some(leaf.until),
    }))
}

/// All that the Secret holds.
fn texts(
    ground: &Ground,
    user: &KafkaUser,
    own: &Own,
    (listener, authority): (&ClientListener, &str),
) -> BTreeMap<String, String> {
    let name = user.name_any();
    let text = |key: &str| own.text(key).unwrap_or_default();
    let bootstrap = render::bootstrap_servers(&ground.cluster, listener, &ground.found);
    let credentials = match user.spec.authentication.kind {
        UserAuthenticationType::Mtls => ClientCredentials::Mtls {
            certificate: text(CERTIFICATE),
            key: text(KEY),
        },
        _ => ClientCredentials::Scram {
            second: own.rotation.uses_second_mechanism(),
            username: &name,
            password: text(PASSWORD),
        },
    };
    let mut all = render::client_files(&bootstrap, authority, credentials, ground.cluster.profile);
    all.extend(own.texts.0.clone());
    if user.spec.authentication.kind == UserAuthenticationType::Mtls {
        all.insert("user.pem".into(), format!("{}{}", text(KEY), text(CERTIFICATE)));
    }
    all.insert("ca.crt".into(), authority.to_owned());
    all.insert("username".into(), name);
    all.insert("bootstrap.servers".into(), bootstrap);
    all.insert(
        ROTATION.into(),
        serde_json::to_string(&own.rotation).unwrap_or_default(),
    );
    all
}

/// What's wrong with the length of the overlap.
pub fn finding(user: &KafkaUser) -> Option<String> {
    let DurationText(text) = &user.spec.authentication.rotation.as_ref()?.overlap;
    let is_good = measure::duration(&DurationText(text.clone())).is_some();
    (!is_good).then(|| format!("spec.authentication.rotation.overlap: {text:?} isn't a duration, such as 24h"))
}
