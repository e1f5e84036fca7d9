//! Listeners that are reached from elsewhere, and users of SASL/PLAIN: brokers wait for their addresses, say where they are, hold
//! them in their certificates, and restart alone when theirs changes. Load balancers are played by the suite, which assigns
//! addresses; kube-proxy carries the traffic.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, authentication, gateway, listen, peers, say, settled, user};
use crate::client::{BIN, Client, HURRY, counted, numbered};
use crate::diagnosis;
use crate::harness::{Context, Report};

/// A user with a password, who is known on every listener with SCRAM.
pub const APP: &str = "outside";
const PLAIN: &str = "alice";
/// In a Secret that the suite makes; nobody outside of its namespace reaches the cluster.
const PASSWORD: &str = "alice has a \\\"quoted\\\" password";
const TOPIC: &str = "outside";
/// Addresses for documentation (RFC 5737), which nobody else has.
const BOOTSTRAP: &str = "203.0.113.10";

pub fn run(context: &Context, report: &mut Report) {
    let ready = report.test(
        "eight listeners come: PLAIN, OAuth, Kerberos, load balancers, node ports, Services, a Gateway, a certificate from elsewhere",
        || come(context),
    );
    if !ready {
        return;
    }
    report.test("a user of SASL/PLAIN writes and reads; a wrong password fails", || {
        plain(context)
    });
    for listener in ["balanced", "ports", "services"] {
        report.test(
            &format!("clients reach every broker through listener {listener}, by its certificate"),
            || reach(context, listener),
        );
    }
    authentication::run(context, report);
    report.long(
        "another address restarts its broker alone",
        "a minute and a half",
        || moved(context),
    );
    gateway::run(context, report);
}

/// To write and read the topic, with a group of one's own.
pub fn rights() -> Value {
    json!([
        {"type": "Producer", "topic": {"name": TOPIC}},
        {"type": "Consumer", "topic": {"name": TOPIC}, "group": {"name": "outside-", "patternType": "Prefixed"}},
    ])
}

fn address(broker: i32) -> String {
    format!("203.0.113.{}", broker - 80)
}

fn come(context: &Context) -> Result<()> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain-users-of-mine", "namespace": NAMESPACE},
        "stringData": {PLAIN: PASSWORD.replace('\\', "")},
    });
    context.apply(&secret.to_string())?;
    peers::start(context)?;
    user(context, APP, &json!({"roles": rights()}))?;
    user(
        context,
        PLAIN,
        &json!({"authentication": {"type": "External"}, "roles": rights()}),
    )?;
    authentication::users(context)?;
    context.apply(&format!(
        "apiVersion: productionkafka.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {{name: {TOPIC}, namespace: {NAMESPACE}}}\n\
         spec: {{cluster: {CLUSTER}, partitions: 6, replicationFactor: 3}}\n"
    ))?;
    let scram = json!({"type": "ScramSha512"});
    let mut listeners = vec![
        json!({"name": "plain", "port": 9096, "authentication": {"type": "Plain", "plain": {"secretName": "plain-users-of-mine"}}}),
        json!({"name": "balanced", "port": 9097, "authentication": scram, "exposure": {"type": "LoadBalancer"}}),
        json!({"name": "ports", "port": 9098, "authentication": scram, "exposure": {"type": "NodePort"}}),
        json!({"name": "services", "port": 9103, "authentication": scram, "exposure": {"type": "ClusterIP"}}),
    ];
    listeners.extend(peers::listeners());
    gateway::define(context)?;
    listeners.push(gateway::listener());
    listen(context, listeners)?;
    context.wait_until("the status says what is waited for", Duration::from_mins(2), || {
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
        let next = resource
            .pointer("/status/nextAction")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if next.contains("waits until Kubernetes gives Service") {
            say(next);
            return Ok(Some(()));
        }
        bail!("{next}")
    })?;
    gateway::take(context)?;
    assign(context, &format!("{CLUSTER}-balanced-bootstrap"), BOOTSTRAP)?;
    for broker in 100..103 {
        assign(context, &format!("{CLUSTER}-balanced-{broker}"), &address(broker))?;
    }
    settled(context)
}

/// What a controller of load balancers does.
fn assign(context: &Context, service: &str, address: &str) -> Result<()> {
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}).to_string();
    let words = [
        "-n",
        NAMESPACE,
        "patch",
        "service",
        service,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    context.kubectl(&words).map(drop)
}

/// `bootstrap.servers` as the status has them.
pub fn bootstrap(context: &Context, listener: &str) -> Result<String> {
    let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
    let all = resource
        .pointer("/status/listeners")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let own = all
        .iter()
        .find(|one| one.get("name").is_some_and(|name| name == listener));
    let servers = own.and_then(|one| one.get("bootstrapServers")).and_then(Value::as_str);
    servers
        .map(str::to_owned)
        .with_context(|| format!("listener {listener} in {all:?}"))
}

fn plain(context: &Context) -> Result<()> {
    let secret = format!("{APP}-kafka-credentials");
    let client = Client::start(context, NAMESPACE, "plain", &[&secret])?;
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let quoted = PASSWORD.replace('"', "\\\"").replace("\\\\", "\\");
    let jaas = |password: &str| format!("sasl.jaas.config={module} username=\"{PLAIN}\" password=\"{password}\";");
    let settings = |file: &str, password: &str| {
        format!(
            "(printf 'security.protocol=SASL_SSL\\nsasl.mechanism=PLAIN\\nssl.truststore.type=PEM\\n\
             ssl.truststore.location=/secrets/{secret}/ca.crt\\n{HURRY}'; \
             cat <<'END'\n{}\nEND\n) > /tmp/{file}",
            jaas(password).replace('\\', "\\\\")
        )
    };
    client.run(10, &settings("good.properties", &quoted))?;
    client.run(10, &settings("bad.properties", "wrong"))?;
    let servers = bootstrap(context, "plain")?;
    round_trip(&client, &servers, "/tmp/good.properties", ("plain", ""))?;
    refused(
        &client,
        &servers,
        ("/tmp/bad.properties", ""),
        "SaslAuthenticationException",
    )?;
    client.delete()
}

/// Nothing can be written, for that reason. Settings are a file, and a variable for the shell or nothing.
pub fn refused(client: &Client<'_>, servers: &str, (settings, options): (&str, &str), reason: &str) -> Result<()> {
    let line = format!(
        "echo x | {options} {BIN}/kafka-console-producer.sh --bootstrap-server {servers} --command-config {settings} --topic {TOPIC}"
    );
    let refused = client.attempt(40, &line)?;
    ensure!(refused.text.contains(reason), "{}", refused.tail());
    Ok(())
}

/// Writes and reads through whatever brokers the servers lead to. `options`: a variable for the shell, or nothing.
pub fn round_trip(client: &Client<'_>, servers: &str, settings: &str, (tag, options): (&str, &str)) -> Result<()> {
    let write = format!(
        "{} | {options} {BIN}/kafka-console-producer.sh --bootstrap-server {servers} --command-config {settings} --topic {TOPIC} \
         --command-property partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
        numbered(tag, 60)
    );
    let written = client.attempt(60, &write)?;
    ensure!(!written.text.contains("Exception"), "{}", written.tail());
    let read = format!(
        "{options} {BIN}/kafka-console-consumer.sh --bootstrap-server {servers} --command-config {settings} --topic {TOPIC} \
         --group outside-{tag} --from-beginning --timeout-ms 15000"
    );
    let count = client.run(60, &counted(&read, tag, 60))?;
    ensure!(count.trim() == "60", "{} of 60 records came back", count.trim());
    say(&format!("60 records written and read by way of {servers}"));
    Ok(())
}

fn reach(context: &Context, listener: &str) -> Result<()> {
    let secret = format!("{APP}-kafka-credentials");
    let client = Client::start(context, NAMESPACE, "outside-client", &[&secret])?;
    let servers = bootstrap(context, listener)?;
    ensure!(!servers.contains(".svc"), "{servers} is an address inside");
    client.run(
        10,
        &format!("grep -v '^bootstrap.servers' /secrets/{secret}/client.properties > /tmp/outside.properties"),
    )?;
    round_trip(&client, &servers, "/tmp/outside.properties", (listener, ""))?;
    if listener == "services" {
        let known = client.run(
            60,
            &format!("{BIN}/kafka-broker-api-versions.sh --bootstrap-server {servers} --command-config /tmp/outside.properties"),
        )?;
        for broker in 100..103 {
            let name = format!("{CLUSTER}-{listener}-{broker}");
            let path = "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}";
            let address = context.kubectl(&["-n", NAMESPACE, "get", "service", &name, "-o", path])?;
            ensure!(
                known.contains(&format!("{address} (id: {broker}")),
                "broker {broker} isn't at {address}, the address of its Service: {known}"
            );
        }
    }
    client.delete()
}

fn pods(context: &Context) -> Result<BTreeMap<String, String>> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", "productionkafka.dev/node-id"])?;
    let named = |pod: &Value| {
        let text = |field: &str| pod.pointer(field).and_then(Value::as_str).map(str::to_owned);
        Some((text("/metadata/name")?, text("/metadata/uid")?))
    };
    Ok(diagnosis::items(&list).iter().filter_map(named).collect())
}

fn moved(context: &Context) -> Result<()> {
    let before = pods(context)?;
    assign(context, &format!("{CLUSTER}-balanced-101"), "203.0.113.99")?;
    let replaced = |after: &BTreeMap<String, String>| -> Vec<String> {
        let other = |(name, uid): (&String, &String)| (after.get(name) != Some(uid)).then(|| name.clone());
        before.iter().filter_map(other).collect()
    };
    context.wait_until("a pod is replaced", Duration::from_mins(3), || {
        Ok((!replaced(&pods(context)?).is_empty()).then_some(()))
    })?;
    settled(context)?;
    std::thread::sleep(Duration::from_secs(35));
    let replaced = replaced(&pods(context)?);
    ensure!(
        replaced == [format!("{CLUSTER}-brokers-101-0")],
        "{replaced:?} were restarted"
    );
    reach(context, "balanced")
}
