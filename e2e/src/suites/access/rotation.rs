//! Credentials change while a producer and a consumer run with the old ones, which prove anew who they are every few seconds.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, change, listen, say, settled};
use crate::client::{BIN, Client, HURRY};
use crate::diagnosis;
use crate::harness::{Context, Report};
use crate::ledger::{Authentication, Ledger, Load};

/// Long enough for the load to end within it, and for two clients to start on a busy machine.
const OVERLAP: u64 = 60;
const TURNED: Duration = Duration::from_mins(4);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "a password is replaced under load; the old one works until its end and not after",
        || turned(context, "turn-scram", Authentication::ScramSha512),
    );
    report.long(
        "a certificate is replaced under load; the old one loses its rights at its end",
        "two minutes",
        || turned(context, "turn-mtls", Authentication::Mtls),
    );
    report.long("a listener comes and goes under load", "two rolls", || {
        listener(context)
    });
}

fn load(name: &str, authentication: Authentication) -> Load {
    Load {
        rate: 300,
        authentication,
        ..Load::new(name)
    }
}

/// What clients say when they aren't let in, or aren't allowed what they were.
const TROUBLE: &str =
    "SaslAuthenticationException|SslAuthenticationException|AuthorizationException|Authentication failed";

fn turned(context: &Context, name: &str, authentication: Authentication) -> Result<()> {
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load(name, authentication))?;
    let secret = format!("{name}-kafka-credentials");
    // The pod keeps its first credentials in files of its own: the mounted Secret changes.
    let old = Client::start(context, NAMESPACE, "old", &[&secret])?;
    old.run(
        10,
        &format!("cp /secrets/{secret}/client.properties /tmp/old.properties"),
    )?;
    let topic = ledger.topic(0)?.to_owned();
    let rotation = json!({"authentication": {"rotation": {"request": "1", "overlap": format!("{OVERLAP}s")}}});
    change(context, &format!("pku/{name}"), &rotation)?;
    let user = phase(context, name, Some("Overlapping"))?;
    say(&format!(
        "principal {} while both work",
        text(&user, "/status/principal")
    ));
    ledger.wait_written(4_000, Duration::from_mins(1))?;
    let new = Client::start(context, NAMESPACE, "new", &[&secret])?;
    new.run(
        10,
        &format!("cp /secrets/{secret}/client.properties /tmp/new.properties"),
    )?;
    works(&new, "/tmp/new.properties", &topic).context("the new credentials")?;
    works(&old, "/tmp/old.properties", &topic).context("the old credentials, while they overlap")?;
    let trouble = ledger.grep(TROUBLE)?;
    ensure!(trouble.is_empty(), "the running application was told: {trouble}");
    let report = ledger.finish_keeping()?;
    report.verdict()?;
    phase(context, name, None)?;
    works(&new, "/tmp/new.properties", &topic).context("the new credentials, after the overlap")?;
    let refused = old.attempt(30, &produce("/tmp/old.properties", &topic))?;
    let reasons = [
        "SaslAuthenticationException",
        "TopicAuthorizationException",
        "Not authorized",
    ];
    let said = refused
        .text
        .lines()
        .find(|line| reasons.iter().any(|reason| line.contains(reason)));
    let said = said.with_context(|| format!("the old credentials still work: {}", refused.tail()))?;
    say(&format!(
        "the old ones, after the overlap: {}",
        said.trim().chars().take(140).collect::<String>()
    ));
    for client in [old, new] {
        client.delete()?;
    }
    context.kubectl(&["-n", NAMESPACE, "delete", "pku", name]).map(drop)
}

/// Waits until the change of credentials has come to this phase; `None`: to its end.
fn phase(context: &Context, name: &str, wanted: Option<&str>) -> Result<Value> {
    context.wait_until(&format!("phase {wanted:?} of {name}"), TURNED, || {
        let user = context.kubectl_json(&["-n", NAMESPACE, "get", "pku", name])?;
        let is = user.pointer("/status/rotation/phase").and_then(Value::as_str);
        if is == wanted && (wanted.is_some() || diagnosis::holds(&user, "Ready")) {
            return Ok(Some(user));
        }
        bail!("{is:?}; {}", diagnosis::summary(&user))
    })
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.pointer(field).and_then(Value::as_str).unwrap_or_default()
}

fn produce(properties: &str, topic: &str) -> String {
    format!(
        "(cat {properties}; printf '\\n{HURRY}') > /tmp/hurry.properties; \
         echo extra | {BIN}/kafka-console-producer.sh --bootstrap-server $(sed -n 's/^bootstrap.servers=//p' {properties} | sed 's/\\\\//g') \
         --command-config /tmp/hurry.properties --topic {topic}"
    )
}

/// A record for the topic's metadata alone would need no right: one is written to a partition's end and counted by nobody.
fn works(client: &Client<'_>, properties: &str, topic: &str) -> Result<()> {
    let line = format!(
        "{BIN}/kafka-get-offsets.sh --bootstrap-server $(sed -n 's/^bootstrap.servers=//p' {properties} | sed 's/\\\\//g') \
         --command-config {properties} --topic {topic}"
    );
    let attempt = client.attempt(30, &line)?;
    ensure!(attempt.succeeded && attempt.text.contains(topic), "{}", attempt.tail());
    Ok(())
}

/// A third listener is added, used, and taken away: each time every broker restarts, and nobody is refused.
fn listener(context: &Context) -> Result<()> {
    let ledger = Ledger::start(
        context,
        NAMESPACE,
        CLUSTER,
        load("listeners", Authentication::ScramSha512),
    )?;
    let third = json!({"name": "third", "port": 9096, "authentication": {"type": "Mtls"}});
    for more in [vec![third], Vec::new()] {
        listen(context, more)?;
        settled(context)?;
    }
    let trouble = ledger.grep(TROUBLE)?;
    ensure!(trouble.is_empty(), "the running application was told: {trouble}");
    ledger.finish()?.verdict().map(drop)
}
