//! Authorities are replaced by ones with another key, while clients that trust both, or whose certificate overlaps, go on.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{CLUSTER, NAMESPACE, all_shown, ask, blameless, given, load, pods, reason, said, say, settled, texts};
use crate::client::{BIN, Client};
use crate::harness::{Context, Report};
use crate::ledger::Authentication;
use crate::resources;

/// With `--full`.
const MANY: usize = 5;

pub fn run(context: &Context, report: &mut Report) {
    report.long(
        "others replace the clients' authority under load: nothing restarts, certificates by the former one end with it",
        "three minutes",
        || clients(context),
    );
    report.long(
        "the cluster's authority is replaced five times under load",
        "fifteen rolls",
        || (1..=MANY).try_for_each(|number| cluster(context, number)),
    );
}

fn keys(context: &Context, secret: &str) -> Result<Vec<String>> {
    Ok(texts(context, secret)?.into_keys().collect())
}

/// Waits until the Secret of an authority holds this key, or only the one that signs.
fn stage(context: &Context, secret: &str, wanted: Option<&str>) -> Result<()> {
    context.wait_until(&format!("{secret} with {wanted:?}"), Duration::from_mins(10), || {
        let keys = keys(context, secret)?;
        let beside = keys
            .iter()
            .find(|key| ["next.crt", "former.crt"].contains(&key.as_str()));
        if beside.map(String::as_str) == wanted {
            return Ok(Some(()));
        }
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
        bail!("{keys:?}; {}", reason(&resource, "CertificatesValid"))
    })
}

fn clients(context: &Context) -> Result<()> {
    let secret = format!("{CLUSTER}-clients-ca");
    let ledger = load(context, "clients", Authentication::Mtls)?;
    let credentials = "clients-kafka-credentials";
    let former = texts(context, credentials)?;
    let old = Client::start(context, NAMESPACE, "old", &[credentials])?;
    old.run(10, &format!("cp -r /secrets/{credentials} /tmp/old && sed 's#/secrets/{credentials}#/tmp/old#g' /tmp/old/client.properties > /tmp/old.properties"))?;
    let before = pods(context)?;
    let start = Instant::now();
    given::replace(context)?;
    // So that it's read at once.
    ask(context, "replace-clients-ca")?;
    stage(context, &secret, Some("former.crt"))?;
    say(&format!(
        "the new one signs after {:.1} s",
        start.elapsed().as_secs_f64()
    ));
    let issuer = |texts: &std::collections::BTreeMap<String, String>| -> Result<String> {
        said(context, texts.get("user.crt").context("user.crt")?, "issuer")
    };
    let renewed = context.wait_until(
        "the user's certificate is by the new one",
        Duration::from_mins(2),
        || {
            let now = texts(context, credentials)?;
            Ok((issuer(&now)? != issuer(&former)?).then_some(now))
        },
    )?;
    say(&format!("{}, was {}", issuer(&renewed)?, issuer(&former)?));
    works(&old, "/tmp/old.properties").context("the former certificate while they overlap")?;
    stage(context, &secret, None)?;
    settled(context)?;
    all_shown(context, &std::collections::BTreeMap::new())?;
    let fresh = Client::start(context, NAMESPACE, "fresh", &[credentials])?;
    works(&fresh, &format!("/secrets/{credentials}/client.properties")).context("the new certificate")?;
    old.attempt(60, &listing("/tmp/old.properties"))?
        .refused_with(&["SslAuthenticationException"])
        .context("the former certificate once they overlap no more")?;
    ensure!(before == pods(context)?, "something was restarted");
    blameless(ledger)?;
    old.delete()?;
    fresh.delete()
}

/// Succeeds for whom is let in, whatever rights it has.
fn listing(properties: &str) -> String {
    format!(
        "{BIN}/kafka-topics.sh --bootstrap-server $(sed -n 's/^bootstrap.servers=//p' {properties} | sed 's/\\\\//g') \
         --command-config {properties} --list"
    )
}

fn works(client: &Client<'_>, properties: &str) -> Result<()> {
    let attempt = client.attempt(60, &listing(properties))?;
    ensure!(attempt.succeeded, "{}", attempt.tail());
    Ok(())
}

/// Clients that have both authorities go on through all of it.
fn cluster(context: &Context, number: usize) -> Result<()> {
    let secret = format!("{CLUSTER}-cluster-ca");
    let first = pods(context)?;
    let start = Instant::now();
    ask(context, "replace-cluster-ca")?;
    stage(context, &secret, Some("next.crt"))?;
    context.wait_until("applications are told of both", Duration::from_mins(1), || {
        let public = texts(context, &format!("{CLUSTER}-cluster-ca-cert"))?;
        Ok((public
            .get("ca.crt")
            .is_some_and(|pem| pem.matches("BEGIN").count() == 2))
        .then_some(()))
    })?;
    let scram = load(context, &format!("roots-scram-{number}"), Authentication::ScramSha512)?;
    let mtls = load(context, &format!("roots-mtls-{number}"), Authentication::Mtls)?;
    stage(context, &secret, Some("former.crt"))?;
    let second = pods(context)?;
    stage(context, &secret, None)?;
    let third = pods(context)?;
    settled(context)?;
    let last = pods(context)?;
    say(&format!(
        "replacement {number}: {:.1} s; pods restarted to trust both {}, to show the new one {}, to trust it alone {}",
        start.elapsed().as_secs_f64(),
        others(&first, &second),
        others(&second, &third),
        others(&third, &last)
    ));
    all_shown(context, &std::collections::BTreeMap::new())?;
    blameless(scram)?;
    blameless(mtls)?;
    let resource = resources::wait_ready(context, NAMESPACE, &format!("pk/{CLUSTER}"), super::READY)?;
    ensure!(
        resource.pointer("/status/rollout").is_none_or(Value::is_null),
        "a roll is left"
    );
    Ok(())
}

type Pods = std::collections::BTreeMap<String, (String, String)>;

fn others(before: &Pods, after: &Pods) -> usize {
    let process = |pods: &Pods, name: &String| pods.get(name).map(|(process, _)| process.clone());
    after
        .keys()
        .filter(|name| process(before, name) != process(after, name))
        .count()
}
