//! Clients in pods of their own: what they can do with the right credentials, and that everything else is refused for
//! the right reason. Each refusal stands beside a success of the same tool, so that a broken tool proves nothing.

use anyhow::{Context as _, Result, bail, ensure};

use super::{NAMESPACE, evidence};
use crate::admin::Admin;
use crate::client::{Attempt, BIN, Client, counted, numbered};
use crate::harness::{Context, Report};

const SCRAM: &str = "/secrets/payments-app-kafka-credentials";
const MTLS: &str = "/secrets/payments-mtls-kafka-credentials";
/// Limits of a tool whose connection fails: by default it would try for minutes.
const IMPATIENT: &str = "request.timeout.ms=10000\\ndefault.api.timeout.ms=15000\\nmax.block.ms=15000\\n\
    socket.connection.setup.timeout.ms=8000\\n";
/// How the Java client says that the other side hung up, or that no answer came.
const NO_ANSWER: [&str; 3] = ["TimeoutException", "Timed out", "disconnected"];
/// A client without TLS takes the broker's TLS alert for the size of an answer, 0x15030300 bytes, and runs out of memory.
const ALERT_AS_SIZE: &str = "OutOfMemoryError: Java heap space";

/// An application's pod and an administrator's pod.
pub struct Clients<'a> {
    pub app: Client<'a>,
    pub admin: Admin<'a>,
}

impl<'a> Clients<'a> {
    pub fn start(context: &'a Context) -> Result<Self> {
        let secrets = [
            "payments-app-kafka-credentials",
            "payments-mtls-kafka-credentials",
            "orders-cluster-ca-cert",
        ];
        let app = Client::start(context, NAMESPACE, "client", &secrets)?;
        app.run(10, &files()).context("write the client's files")?;
        let admin = Admin::start(context, NAMESPACE, "orders", "orders-brokers-100-0")?;
        Ok(Self { app, admin })
    }

    /// Writes numbered records with a tag as the application's user.
    pub fn write(&self, tag: &str, count: usize) -> Result<()> {
        let line = format!(
            "{} | {}",
            numbered(tag, count),
            producer(SCRAM, "client.properties", "payments")
        );
        self.app.run(90, &line).context("write as payments-app").map(drop)
    }

    /// How many different records with the tag are there, read from the beginning in a group of its own, until `wanted` are.
    pub fn read(&self, (tag, wanted): (&str, usize), group: &str) -> Result<usize> {
        let consumer = consumer(SCRAM, "client.properties", "payments", group);
        let line = counted(&format!("{consumer} --timeout-ms 25000"), tag, wanted);
        let count = self.app.run(90, &line).context("read as payments-app")?;
        count
            .trim()
            .parse()
            .with_context(|| format!("count of records {count:?}"))
    }
}

/// Property files of the tests, made in the pod from the mounted Secrets.
fn files() -> String {
    let trust = format!(
        "ssl.truststore.type=PEM\\nssl.truststore.location=/secrets/orders-cluster-ca-cert/ca.crt\\n{IMPATIENT}"
    );
    format!(
        "cd /tmp
         printf '{IMPATIENT}security.protocol=PLAINTEXT\\n' > plaintext.properties
         printf '{trust}security.protocol=SSL\\n' > anonymous.properties
         (cat {SCRAM}/client.properties; printf '\\n{IMPATIENT}') > app.properties
         sed 's/password=\"[^\"]*\"/password=\"wrong\"/' app.properties > wrong.properties
         (cat app.properties; printf 'ssl.enabled.protocols=TLSv1.1\\nssl.protocol=TLSv1.1\\n') > tls11.properties
         printf 'jdk.tls.disabledAlgorithms=\\njdk.tls.legacyAlgorithms=\\n' > old-protocols.security
         ! cmp -s app.properties wrong.properties"
    )
}

pub fn run(context: &Context, clients: &Clients<'_>, report: &mut Report) {
    report.test("the user writes and reads its topic", || {
        clients.write("suite", 500)?;
        let count = clients.read(("suite", 500), "payments-suite")?;
        ensure!(count == 500, "{count} of 500 records were read");
        evidence("500 records written and read with SCRAM-SHA-512 over TLS");
        Ok(())
    });
    report.test("the mTLS user writes to its listener", || {
        let line = format!("echo mtls | {}", producer(MTLS, "client.properties", "payments"));
        says_nothing_of_errors(&clients.app.attempt(60, &line)?)
    });
    report.test("a plaintext connection fails", || {
        refused(&clients.app, "9094", "plaintext.properties", "", &[ALERT_AS_SIZE])
    });
    report.test("TLS without credentials fails", || {
        refused(&clients.app, "9094", "anonymous.properties", "", &NO_ANSWER)?;
        refused(
            &clients.app,
            "9095",
            "anonymous.properties",
            "",
            &["certificate_required", "bad_certificate"],
        )
    });
    report.test("a wrong password fails", || {
        let reasons = ["SaslAuthenticationException", "invalid credentials"];
        refused(&clients.app, "9094", "wrong.properties", "", &reasons)
    });
    report.test("TLS 1.1 fails, refused by the broker", || tls11(&clients.app));
    permissions(context, clients, report);
}

fn permissions(context: &Context, clients: &Clients<'_>, report: &mut Report) {
    report.test("the user may not write to another topic", || {
        context.apply(&other_topic())?;
        super::setup::wait_topics_and_users(context)?;
        let attempt = clients.app.attempt(
            60,
            &format!("echo x | {}", producer(SCRAM, "client.properties", "salaries")),
        )?;
        says(
            &attempt,
            &[
                "TopicAuthorizationException",
                "Not authorized to access topics: [salaries]",
            ],
        )?;
        let offsets = clients.admin.tool("kafka-get-offsets.sh", "--topic salaries")?;
        ensure!(
            offsets.trim() == "salaries:0:0",
            "the topic's end offsets are {offsets:?}"
        );
        Ok(())
    });
    report.test("the user may not join another group", || {
        let line = consumer(SCRAM, "client.properties", "payments", "billing");
        let attempt = clients.app.attempt(60, &format!("{line} --timeout-ms 15000"))?;
        says(
            &attempt,
            &["GroupAuthorizationException", "Not authorized to access group: billing"],
        )
    });
    report.test("the user may not create topics", || {
        let line = format!(
            "{BIN}/kafka-topics.sh --bootstrap-server $(cat {SCRAM}/bootstrap.servers) \
             --command-config /tmp/app.properties --create --topic own --partitions 1"
        );
        let attempt = clients.app.attempt(60, &line)?;
        attempt.refused_with(&[
            "TopicAuthorizationException",
            "ClusterAuthorizationException",
            "Authorization failed",
        ])?;
        let topics = clients.admin.tool("kafka-topics.sh", "--list")?;
        ensure!(
            !topics.lines().any(|topic| topic == "own"),
            "the topic exists: {topics}"
        );
        Ok(())
    });
}

/// The client's own Java refuses TLS 1.1 before it connects, which would prove nothing: it is allowed there first. The
/// same allowance with the protocols of the credentials must work.
fn tls11(app: &Client<'_>) -> Result<()> {
    let java = "-Djava.security.properties=/tmp/old-protocols.security";
    let control = app.attempt(60, &api_versions("9094", "app.properties", java))?;
    ensure!(
        control.succeeded,
        "the same without TLS 1.1 fails too: {}",
        control.tail()
    );
    let attempt = app.attempt(60, &api_versions("9094", "tls11.properties", java))?;
    if attempt.text.contains("No appropriate protocol") {
        bail!(
            "the client itself refused TLS 1.1, which says nothing about the broker: {}",
            attempt.tail()
        );
    }
    attempt.refused_with(&["protocol_version"])?;
    let alert = attempt
        .text
        .lines()
        .find(|line| line.contains("protocol_version"))
        .unwrap_or_default();
    evidence(alert.trim());
    Ok(())
}

fn refused(app: &Client<'_>, port: &str, properties: &str, java: &str, reasons: &[&str]) -> Result<()> {
    let attempt = app.attempt(60, &api_versions(port, properties, java))?;
    attempt.refused_with(reasons)?;
    let said = attempt
        .text
        .lines()
        .find(|line| reasons.iter().any(|reason| line.contains(reason)));
    evidence(format!(
        "port {port}, {properties}: {}",
        said.unwrap_or_default().trim()
    ));
    Ok(())
}

/// The smallest conversation with a broker: connect, authenticate, ask for its API versions.
fn api_versions(port: &str, properties: &str, java: &str) -> String {
    let listener = if port == "9095" { "mtls" } else { "scram" };
    format!(
        "KAFKA_OPTS='{java}' {BIN}/kafka-broker-api-versions.sh --bootstrap-server \
         orders-{listener}-bootstrap.{NAMESPACE}.svc:{port} --command-config /tmp/{properties}"
    )
}

fn producer(secret: &str, properties: &str, topic: &str) -> String {
    format!(
        "{BIN}/kafka-console-producer.sh --bootstrap-server $(cat {secret}/bootstrap.servers) \
         --command-config {secret}/{properties} --topic {topic}"
    )
}

fn consumer(secret: &str, properties: &str, topic: &str, group: &str) -> String {
    format!(
        "{BIN}/kafka-console-consumer.sh --bootstrap-server $(cat {secret}/bootstrap.servers) \
         --command-config {secret}/{properties} --topic {topic} --group {group} --from-beginning"
    )
}

/// The console tools log a refusal and may still end with success.
fn says(attempt: &Attempt, reasons: &[&str]) -> Result<()> {
    let said = attempt
        .text
        .lines()
        .find(|line| reasons.iter().any(|reason| line.contains(reason)));
    let Some(said) = said else {
        bail!("it said none of {reasons:?}: {}", attempt.tail());
    };
    evidence(said.trim());
    Ok(())
}

fn says_nothing_of_errors(attempt: &Attempt) -> Result<()> {
    let clean = attempt.succeeded && !attempt.text.contains("Exception") && !attempt.text.contains("ERROR");
    ensure!(clean, "{}", attempt.tail());
    Ok(())
}

/// A topic of the same cluster that the user has no rights to.
fn other_topic() -> String {
    format!(
        "apiVersion: productionkafka.dev/v1alpha1
kind: KafkaTopic
metadata: {{name: salaries, namespace: {NAMESPACE}}}
spec: {{cluster: orders, partitions: 1, replicationFactor: 3}}
"
    )
}
