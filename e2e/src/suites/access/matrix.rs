//! What rights do, tried with Kafka's own tools: 43 cases of allow and deny, literal and prefixed, operation and host. Each is
//! tried twice: by a user whose rights the operator made, and by one whose rights were made with `kafka-acls.sh`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::{CLUSTER, NAMESPACE, say};
use crate::admin::Admin;
use crate::build::ledger;
use crate::client::{BIN, Client, HURRY};
use crate::harness::Context;
use crate::{paths, resources};

const OURS: &str = "matrix-ours";
const THEIRS: &str = "matrix-theirs";
/// Of the user that is made with Kafka's tools; nobody outside of the test's namespace reaches its cluster.
const PASSWORD: &str = "a-password-for-one-test";
const LIMIT: u32 = 540;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    Every,
    /// That of the pod with the tools.
    Own,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Topic,
    Group,
    TransactionalId,
    Cluster,
}

/// One right, of a resource of its case alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    allow: bool,
    kind: Kind,
    prefixed: bool,
    operation: &'static str,
    host: Host,
}

/// What is tried, with the words of a tool; `{t}`, `{g}` and `{x}` are the case's topic, group and transactional id.
struct Case {
    name: String,
    rules: Vec<Rule>,
    line: &'static str,
    allowed: bool,
}

const fn allow(kind: Kind, operation: &'static str) -> Rule {
    Rule {
        allow: true,
        kind,
        prefixed: false,
        operation,
        host: Host::Every,
    }
}

const fn deny(kind: Kind, operation: &'static str) -> Rule {
    Rule {
        allow: false,
        ..allow(kind, operation)
    }
}

const fn prefixed(rule: Rule) -> Rule {
    Rule { prefixed: true, ..rule }
}

const fn from(host: Host, rule: Rule) -> Rule {
    Rule { host, ..rule }
}

const WRITE: &str = "echo x | {bin}/kafka-console-producer.sh {b} --command-config {c} --topic {t}";
/// Each topic has one record: who got it was allowed to, and who got neither it nor a refusal wasn't answered in time.
const READ: &str = "{bin}/kafka-console-consumer.sh {b} --command-config {c} --topic {t} --partition 0 --offset earliest \
    --max-messages 1 --timeout-ms 20000";
const GROUP: &str = "{bin}/kafka-console-consumer.sh {b} --command-config {c} --topic {t} --group {g} --from-beginning \
    --max-messages 1 --timeout-ms 20000";
/// What the consumer says at its end if there was nothing for it.
const UNANSWERED: &str = "Processed a total of 0 messages";
const TRANSACTION: &str = "{bin}/kafka-producer-perf-test.sh {b} --command-config {c} --topic {t} --num-records 1 \
    --record-size 10 --throughput -1 --transactional-id {x} --transaction-duration-ms 100";
const CREATE: &str = "{bin}/kafka-topics.sh {b} --command-config {c} --create --topic {t}-new --partitions 1";

/// Operations on topics: what else the tool needs for it, and what is tried.
const TOPIC: [(&str, &[&str], &str); 8] = [
    ("Write", &[], WRITE),
    ("Read", &[], READ),
    (
        "Describe",
        &["DescribeConfigs"],
        "{bin}/kafka-topics.sh {b} --command-config {c} --describe --topic {t}",
    ),
    (
        "DescribeConfigs",
        &["Describe"],
        "{bin}/kafka-configs.sh {b} --command-config {c} --describe --entity-type topics --entity-name {t}",
    ),
    (
        "AlterConfigs",
        &["DescribeConfigs"],
        "{bin}/kafka-configs.sh {b} --command-config {c} --alter --entity-type topics --entity-name {t} \
         --add-config retention.ms=3600000",
    ),
    (
        "Alter",
        &["Describe"],
        "{bin}/kafka-topics.sh {b} --command-config {c} --alter --topic {t} --partitions 2",
    ),
    ("Create", &[], CREATE),
    (
        "Delete",
        &["Describe"],
        "{bin}/kafka-topics.sh {b} --command-config {c} --delete --topic {t}",
    ),
];

fn cases() -> Vec<Case> {
    let case = |name: String, rules: Vec<Rule>, line, allowed| Case {
        name,
        rules,
        line,
        allowed,
    };
    let mut all = Vec::new();
    for (operation, others, line) in TOPIC {
        let mut beside: Vec<Rule> = others.iter().map(|other| prefixed(allow(Kind::Topic, other))).collect();
        let wanted = allow(Kind::Topic, operation);
        // A topic to be created is named `…-new`: only a prefix covers it, or the literal name of all.
        let literal = if operation == "Create" {
            prefixed(wanted)
        } else {
            wanted
        };
        let with = |rule: Rule| [beside.clone(), vec![rule]].concat();
        all.push(case(format!("{operation} allowed"), with(literal), line, true));
        all.push(case(
            format!("{operation} allowed by prefix"),
            with(prefixed(wanted)),
            line,
            true,
        ));
        beside.push(prefixed(wanted));
        let denied = if operation == "Create" {
            prefixed(deny(Kind::Topic, operation))
        } else {
            deny(Kind::Topic, operation)
        };
        beside.push(denied);
        all.push(case(
            format!("{operation} allowed by prefix, denied"),
            beside,
            line,
            false,
        ));
    }
    for (name, line) in [("Write", WRITE), ("Read", READ), ("Create", CREATE)] {
        all.push(case(format!("{name} without a right"), Vec::new(), line, false));
    }
    all.extend(
        hosts()
            .into_iter()
            .map(|(name, rules, line, allowed)| case(name, rules, line, allowed)),
    );
    all.extend(
        others()
            .into_iter()
            .map(|(name, rules, line, allowed)| case(name, rules, line, allowed)),
    );
    all
}

type Row = (String, Vec<Rule>, &'static str, bool);

fn hosts() -> Vec<Row> {
    let mut rows = Vec::new();
    for (operation, line) in [("Write", WRITE), ("Read", READ)] {
        let right = allow(Kind::Topic, operation);
        rows.push((
            format!("{operation} from its host"),
            vec![from(Host::Own, right)],
            line,
            true,
        ));
        rows.push((
            format!("{operation} from another host"),
            vec![from(Host::Other, right)],
            line,
            false,
        ));
    }
    let right = allow(Kind::Topic, "Write");
    for (host, allowed) in [(Host::Own, false), (Host::Other, true)] {
        let rules = vec![right, from(host, deny(Kind::Topic, "Write"))];
        rows.push((format!("Write denied to host {host:?}"), rules, WRITE, allowed));
    }
    rows
}

fn others() -> Vec<Row> {
    let row = |name: &str, rules: &[Rule], line, allowed| (name.to_owned(), rules.to_vec(), line, allowed);
    let (read, group) = (allow(Kind::Topic, "Read"), allow(Kind::Group, "Read"));
    let (write, transaction) = (allow(Kind::Topic, "Write"), allow(Kind::TransactionalId, "Write"));
    let brokers = "{bin}/kafka-configs.sh {b} --command-config {c} --describe --entity-type brokers --entity-name 100";
    let acls = "{bin}/kafka-acls.sh {b} --command-config {c} --list";
    vec![
        row("group", &[read, group], GROUP, true),
        row("group by prefix", &[read, prefixed(group)], GROUP, true),
        row("group without a right", &[read], GROUP, false),
        row(
            "group by prefix, denied",
            &[read, prefixed(group), deny(Kind::Group, "Read")],
            GROUP,
            false,
        ),
        row("transactional id", &[write, transaction], TRANSACTION, true),
        row(
            "transactional id by prefix",
            &[write, prefixed(transaction)],
            TRANSACTION,
            true,
        ),
        row("transactional id without a right", &[write], TRANSACTION, false),
        row("all operations", &[allow(Kind::Topic, "All")], WRITE, true),
        row(
            "brokers' configuration",
            &[allow(Kind::Cluster, "DescribeConfigs")],
            brokers,
            true,
        ),
        row("rights of others", &[], acls, false),
    ]
}

impl Rule {
    fn name(self, side: &str, number: usize) -> String {
        let case = format!("{side}-{number:02}-");
        match (self.kind, self.prefixed) {
            (Kind::Cluster, _) => "kafka-cluster".to_owned(),
            (_, true) => case,
            (Kind::Topic, _) => format!("{case}topic"),
            (Kind::Group, _) => format!("{case}group"),
            (Kind::TransactionalId, _) => format!("{case}id"),
        }
    }

    fn address(self, own: &str) -> Option<&str> {
        match self.host {
            Host::Every => None,
            Host::Own => Some(own),
            Host::Other => Some("192.0.2.7"),
        }
    }
}

/// All of them with `--full`, else every fourth, so that each way of a topic's right is among them: each case is two processes
/// of Java.
pub fn run(context: &Context) -> Result<()> {
    let cases: Vec<Case> = cases().into_iter().step_by(if context.full { 1 } else { 4 }).collect();
    let admin = Admin::start(context, NAMESPACE, CLUSTER, super::BROKER)?;
    let secret = format!("{OURS}-kafka-credentials");
    topics(context, &cases)?;
    seed(&admin, &cases)?;
    context.apply(&user(&cases, "127.0.0.1"))?;
    resources::wait_ready(context, NAMESPACE, &format!("pku/{OURS}"), super::SOON)?;
    let client = Client::start(context, NAMESPACE, "matrix", &[&secret])?;
    let own = client.run(10, "hostname -i")?.trim().to_owned();
    context.apply(&user(&cases, &own))?;
    theirs(&admin, &cases, &own)?;
    resources::wait_ready(context, NAMESPACE, &format!("pku/{OURS}"), super::SOON)?;
    client.run(10, &files(&secret))?;
    let judged = attempt(&client, &cases).and_then(|outcomes| judge(&cases, &outcomes));
    client.delete()?;
    gone(context, &admin)?;
    judged
}

/// The topics go with their resources. With one replica each they would hold every restart.
fn gone(context: &Context, admin: &Admin<'_>) -> Result<()> {
    let started = Instant::now();
    context.kubectl(&["-n", NAMESPACE, "delete", "pkt", "-l", "suite=matrix", "--timeout=120s"])?;
    let left = admin.tool("kafka-topics.sh", "--list")?;
    let left: Vec<&str> = left.lines().filter(|topic| topic.ends_with("-topic")).collect();
    ensure!(left.is_empty(), "{left:?} are left in Kafka");
    say(&format!(
        "the topics went with their resources in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// A record in each topic.
fn seed(admin: &Admin<'_>, cases: &[Case]) -> Result<()> {
    admin.put(&ledger::jar()?.to_string_lossy(), "/tmp/ledger.jar")?;
    let mut topics = String::new();
    for side in ["ours", "theirs"] {
        for number in 0..cases.len() {
            let _ = write!(topics, " {side}-{number:02}-topic");
        }
    }
    admin.java("/tmp/ledger.jar", "ledger.Main seed", &topics).map(drop)
}

/// What became of each case, by its name: `allowed`, `denied` or `unanswered`, and the line that says so.
type Outcomes = BTreeMap<String, (String, String)>;

fn judge(cases: &[Case], outcomes: &Outcomes) -> Result<()> {
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let of = |side: &str| {
            outcomes
                .get(&format!("{side}-{number:02}"))
                .cloned()
                .unwrap_or_default()
        };
        let (ours, theirs) = (of("ours"), of("theirs"));
        let expected = if case.allowed { "allowed" } else { "denied" };
        if ours.0 != expected || theirs.0 != expected {
            wrong.push(format!(
                "{}: expected {expected}, by the operator {} ({}), by kafka-acls.sh {} ({})",
                case.name, ours.0, ours.1, theirs.0, theirs.1
            ));
        }
    }
    ensure!(
        wrong.is_empty(),
        "{} of {} cases: {}",
        wrong.len(),
        cases.len(),
        wrong.join("; ")
    );
    let allowed = cases.iter().filter(|case| case.allowed).count();
    say(&format!(
        "{} cases, of which {allowed} allowed: the same by the operator and by kafka-acls.sh",
        cases.len()
    ));
    Ok(())
}

fn topics(context: &Context, cases: &[Case]) -> Result<()> {
    let mut yaml = String::new();
    for side in ["ours", "theirs"] {
        for number in 0..cases.len() {
            let _ = write!(
                yaml,
                "---\napiVersion: productionkafka.dev/v1alpha1\nkind: KafkaTopic\n\
                 metadata: {{name: {side}-{number:02}-topic, namespace: {NAMESPACE}, labels: {{suite: matrix}}}}\n\
                 spec: {{cluster: {CLUSTER}, partitions: 1, replicationFactor: 1, deletionPolicy: Delete}}\n"
            );
        }
    }
    context.apply(&yaml)?;
    let words = [
        "-n",
        NAMESPACE,
        "wait",
        "pkt",
        "-l",
        "suite=matrix",
        "--for=condition=Ready",
        "--timeout=120s",
    ];
    context.kubectl(&words).map(drop)
}

/// The user whose rights the operator makes.
fn user(cases: &[Case], own: &str) -> String {
    let mut acls = String::new();
    for (number, case) in cases.iter().enumerate() {
        for rule in &case.rules {
            let pattern = if rule.prefixed { "Prefixed" } else { "Literal" };
            let permission = if rule.allow { "Allow" } else { "Deny" };
            let name = match rule.kind {
                Kind::Cluster => String::new(),
                _ => format!(", name: {}, patternType: {pattern}", rule.name("ours", number)),
            };
            let hosts = rule
                .address(own)
                .map_or_else(String::new, |host| format!(", hosts: ['{host}']"));
            let _ = writeln!(
                acls,
                "  - {{resource: {{type: {:?}{name}}}, operations: [{}], permission: {permission}{hosts}}}",
                rule.kind, rule.operation
            );
        }
    }
    format!(
        "apiVersion: productionkafka.dev/v1alpha1\nkind: KafkaUser\n\
         metadata: {{name: {OURS}, namespace: {NAMESPACE}}}\n\
         spec:\n  cluster: {CLUSTER}\n  authentication: {{type: ScramSha512}}\n  acls:\n{acls}"
    )
}

/// The same rights by Kafka's own tools: rules that differ in the name alone go into one command.
fn theirs(admin: &Admin<'_>, cases: &[Case], own: &str) -> Result<()> {
    let credential = format!(
        "--alter --entity-type users --entity-name {THEIRS} --add-config 'SCRAM-SHA-512=[iterations=4096,password={PASSWORD}]'"
    );
    admin.tool("kafka-configs.sh", &credential)?;
    let mut alike = BTreeMap::<Rule, Vec<String>>::new();
    for (number, case) in cases.iter().enumerate() {
        for rule in &case.rules {
            alike.entry(*rule).or_default().push(rule.name("theirs", number));
        }
    }
    for (rule, names) in alike {
        let permission = if rule.allow { "allow" } else { "deny" };
        let mut words = format!(
            "--add --{permission}-principal User:{THEIRS} --operation {}",
            rule.operation
        );
        for name in names {
            let flag = match rule.kind {
                Kind::Topic => format!(" --topic {name}"),
                Kind::Group => format!(" --group {name}"),
                Kind::TransactionalId => format!(" --transactional-id {name}"),
                Kind::Cluster => " --cluster".to_owned(),
            };
            words.push_str(&flag);
        }
        if rule.prefixed {
            words.push_str(" --resource-pattern-type prefixed");
        }
        if let Some(host) = rule.address(own) {
            let _ = write!(words, " --{permission}-host {host}");
        }
        admin.tool("kafka-acls.sh", &words)?;
    }
    Ok(())
}

/// Settings of both users; a refusal comes at once or not at all.
fn files(secret: &str) -> String {
    format!(
        "cd /tmp
         (cat /secrets/{secret}/client.properties; printf '\\n{HURRY}default.api.timeout.ms=10000\\nlinger.ms=0\\n') > ours.properties
         sed -e 's/username=\"[^\"]*\"/username=\"{THEIRS}\"/' -e 's/password=\"[^\"]*\"/password=\"{PASSWORD}\"/' \
         ours.properties > theirs.properties
         ! cmp -s ours.properties theirs.properties"
    )
}

/// Tries every case for both users, two at a time; whether it was allowed, and the line that says so.
fn attempt(client: &Client<'_>, cases: &[Case]) -> Result<Outcomes> {
    let script = script(cases);
    let file = paths::cache()?.join("matrix.sh");
    std::fs::write(&file, script).with_context(|| format!("write {}", file.display()))?;
    client.put(&file.to_string_lossy(), "/tmp/matrix.sh")?;
    let text = client.run(LIMIT, "sh /tmp/matrix.sh")?;
    let outcome = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let (name, verdict) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some((name, (verdict, parts.next().unwrap_or_default().to_owned())))
    };
    Ok(text.lines().filter_map(outcome).collect())
}

fn script(cases: &[Case]) -> String {
    let bootstrap = format!("--bootstrap-server {CLUSTER}-scram-bootstrap.{NAMESPACE}.svc:9094");
    let mut lanes = [String::new(), String::new()];
    for (number, case) in cases.iter().enumerate() {
        for (lane, side) in lanes.iter_mut().zip(["ours", "theirs"]) {
            let id = format!("{side}-{number:02}");
            let line = case
                .line
                .replace("{bin}", BIN)
                .replace("{b}", &bootstrap)
                .replace("{c}", &format!("/tmp/{side}.properties"))
                .replace("{t}", &format!("{id}-topic"))
                .replace("{g}", &format!("{id}-group"))
                .replace("{x}", &format!("{id}-id"));
            let _ = writeln!(lane, "({line}) > /tmp/out-{id} 2>&1 || true");
        }
    }
    let refusal = "AuthorizationException|[Nn]ot authorized|Authorization failed|does not exist|doesn.t exist|UnknownTopicOrPartition";
    format!(
        "(\n{}) &\n(\n{}) &\nwait\ncd /tmp\nfor file in out-*; do\n\
         said=$(grep -m 1 -E '{refusal}' $file | cut -c 1-160)\n\
         if [ -n \"$said\" ]; then echo \"${{file#out-}} denied $said\"; \
         elif grep -q '{UNANSWERED}' $file; then echo \"${{file#out-}} unanswered\"; \
         else echo \"${{file#out-}} allowed $(tail -n 1 $file | cut -c 1-160)\"; fi\ndone\n",
        lanes[0], lanes[1]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_tried_once_for_each_user() {
        let cases = cases();
        assert_eq!(cases.len(), 43);
        let script = script(&cases);
        assert_eq!(script.matches("> /tmp/out-ours-").count(), 43);
        assert_eq!(script.matches("> /tmp/out-theirs-").count(), 43);
        assert!(!script.contains("{t}") && !script.contains("{bin}"));
    }
}
