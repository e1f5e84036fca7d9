//! Many users and topics in one cluster: how fast they become Ready, what Kafka itself takes from its own client, and what they
//! cost afterwards. `--full` has 10 000 users with three rights each and 5 000 topics; `--only topics` or `--only users` one of both.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{BROKER, CLUSTER, NAMESPACE, say, start, user};
use crate::admin::Admin;
use crate::build::ledger as client;
use crate::harness::audit::Entry;
use crate::harness::{Context, Figures, Measurement};
use crate::suites::first_light::bench::process;
use crate::{diagnosis, install, paths, resources};

/// Resources in one file; the command line tool sends 50 a second, so several of it run at once.
const CHUNK: usize = 250;
const AT_ONCE: usize = 6;
/// Nothing more comes after that.
const QUIET: SignedDuration = SignedDuration::from_secs(10);
/// One look at Kafka's users and rights is allowed for each.
const CALM: Duration = Duration::from_mins(2);

struct Size {
    users: usize,
    topics: usize,
}

pub fn run(context: &Context) -> Result<Vec<Measurement>> {
    let mut figures = Figures::default();
    let size = if context.full {
        Size {
            users: 10_000,
            topics: 5_000,
        }
    } else {
        Size {
            users: 1_000,
            topics: 300,
        }
    };
    resources::clean(context, NAMESPACE)?;
    let result = measure(context, &size, &mut figures);
    if let Err(error) = result {
        diagnosis::print(context, NAMESPACE, install::NAMESPACE);
        return Err(error);
    }
    resources::clean(context, NAMESPACE)?;
    Ok(figures.0)
}

fn measure(context: &Context, size: &Size, figures: &mut Figures) -> Result<()> {
    start(context)?;
    user(context, "first", &json!({}))?;
    ceiling(context, size, figures).context("what Kafka takes from its own client")?;
    let topics = Told::of(("topics", "topics/s"), ("kafkatopics/status", "pkt"), size.topics);
    let users = Told::of(("users", "users/s"), ("kafkausers/status", "pku"), size.users);
    let mut peak: f64 = 0.0;
    for (kind, one) in [(topics, topic_of as fn(usize) -> String), (users, user_of)] {
        if context.only.is_empty() || context.only.iter().any(|only| only == kind.name) {
            peak = phase(context, kind, one, figures)?.max(peak);
        }
    }
    figures.add("operator_rss_peak", peak, "MiB");
    calm(context, figures)
}

fn user_of(number: usize) -> String {
    format!(
        "---\napiVersion: productionkafka.dev/v1alpha1\nkind: KafkaUser\nmetadata: {{name: many-{number}, namespace: {NAMESPACE}}}\n\
         spec:\n  cluster: {CLUSTER}\n  authentication: {{type: ScramSha512}}\n  acls:\n  \
         - {{resource: {{type: Topic, name: many-{number}}}, operations: [Read, Write, Describe]}}\n"
    )
}

fn topic_of(number: usize) -> String {
    format!(
        "---\napiVersion: productionkafka.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {{name: many-{number}, namespace: {NAMESPACE}}}\n\
         spec: {{cluster: {CLUSTER}, partitions: 1, replicationFactor: 1}}\n"
    )
}

fn create(context: &Context, what: &str, count: usize, one: fn(usize) -> String) -> Result<()> {
    let folder = paths::cache()?.join("bench-access").join(what);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    for first in (0..count).step_by(CHUNK) {
        let mut text = String::new();
        for number in first..(first + CHUNK).min(count) {
            let _ = write!(text, "{}", one(number));
        }
        std::fs::write(folder.join(format!("{first}.yaml")), text)?;
    }
    let line = format!(
        "ls {}/*.yaml | xargs -P {AT_ONCE} -I FILE kubectl create --validate=false -f FILE > /dev/null",
        folder.display()
    );
    context
        .sh(&line)
        .with_context(|| format!("create {count} {what}"))
        .map(drop)
}

/// Creates many of a kind while no operator runs, then lets one make them Ready; the operator's greatest memory on the way.
fn phase(context: &Context, kind: Told, one: fn(usize) -> String, figures: &mut Figures) -> Result<f64> {
    install::scale(context, 0)?;
    let created = Instant::now();
    create(context, kind.name, kind.count, one)?;
    let rate = f64::from(u32::try_from(kind.count)?) / created.elapsed().as_secs_f64();
    figures.add(
        &format!("kubernetes_{}_creates_per_second", kind.name),
        rate,
        "writes/s",
    );
    let begun = Timestamp::now();
    install::scale(context, 1)?;
    until_ready(context, kind, begun, figures)
}

/// Waits until all of a kind are Ready. When the last status was written is read in the audit log: to list thousands again and again
/// would cost the API server what the operator needs.
fn until_ready(context: &Context, mut kind: Told, begun: Timestamp, figures: &mut Figures) -> Result<f64> {
    let audit = context.audit.as_ref().context("the cluster has an audit log")?;
    let mut news = audit.follow()?;
    for entry in audit.since(begun, install::ACCOUNT)? {
        kind.hear(&entry);
    }
    let mut peak: f64 = 0.0;
    context.wait_until("all are Ready", Duration::from_mins(40), || {
        peak = peak.max(process::operator(context)?.resident_mib);
        for entry in news.news(install::ACCOUNT)? {
            kind.hear(&entry);
        }
        kind.is_done(context)?;
        Ok(Some(()))
    })?;
    let seconds = kind.last.duration_since(begun).as_secs_f64();
    let rate = f64::from(u32::try_from(kind.count)?) / seconds;
    say(&format!(
        "{} {} Ready after {seconds:.1} s, {rate:.1} a second",
        kind.count, kind.name
    ));
    figures.add(&format!("{}_ready_in", kind.name), seconds, "s");
    figures.add(&format!("{}_ready_per_second", kind.name), rate, kind.unit);
    Ok(peak)
}

/// Who of a kind was told something, and when the last one was.
struct Told {
    name: &'static str,
    unit: &'static str,
    resource: &'static str,
    short: &'static str,
    count: usize,
    names: BTreeSet<String>,
    last: Timestamp,
}

impl Told {
    fn of(
        (name, unit): (&'static str, &'static str),
        (resource, short): (&'static str, &'static str),
        count: usize,
    ) -> Self {
        Self {
            name,
            unit,
            resource,
            short,
            count,
            names: BTreeSet::new(),
            last: Timestamp::UNIX_EPOCH,
        }
    }

    fn hear(&mut self, entry: &Entry) {
        if entry.is_write() && entry.resource() == self.resource {
            self.names.insert(entry.name().to_owned());
            self.last = self.last.max(entry.stage_timestamp);
        }
    }

    /// All were told, nothing more is said, and what was said is that they're Ready.
    fn is_done(&self, context: &Context) -> Result<()> {
        ensure!(
            self.names.len() >= self.count,
            "{} {} of {}",
            self.name,
            self.names.len(),
            self.count
        );
        ensure!(
            Timestamp::now().duration_since(self.last) > QUIET,
            "{}: the last one was just told",
            self.name
        );
        let ready = ready(context, self.short)?;
        ensure!(ready >= self.count, "{ready} of {} {} are Ready", self.count, self.name);
        Ok(())
    }
}

fn ready(context: &Context, kind: &str) -> Result<usize> {
    let path = "jsonpath={range .items[*]}{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    let text = context.kubectl(&["-n", NAMESPACE, "get", kind, "-o", path])?;
    Ok(text.lines().filter(|line| *line == "True").count())
}

/// Nothing changes: writes to Kubernetes, processor time, memory.
fn calm(context: &Context, figures: &mut Figures) -> Result<()> {
    sleep(Duration::from_mins(1));
    let audit = context.audit.as_ref().context("the cluster has an audit log")?;
    let (since, before) = (Timestamp::now(), process::operator(context)?);
    sleep(CALM);
    let after = process::operator(context)?;
    let entries = audit.since(since, install::ACCOUNT)?;
    let writes: Vec<_> = entries
        .iter()
        .filter(|entry| entry.is_write() && entry.resource() != "leases")
        .collect();
    let first: Vec<String> = writes
        .iter()
        .take(5)
        .map(|entry| format!("{} {}", entry.verb, entry.request_uri))
        .collect();
    ensure!(writes.is_empty(), "{} writes: {first:?}", writes.len());
    figures.add("calm_writes", 0.0, "writes");
    let reads = entries.iter().filter(|entry| !entry.is_write()).count();
    figures.add(
        "calm_kubernetes_reads",
        f64::from(u32::try_from(reads)?) / CALM.as_secs_f64() * 60.0,
        "requests/min",
    );
    figures.add(
        "calm_processor",
        (after.busy - before.busy) / CALM.as_secs_f64() * 1000.0,
        "milli-cores",
    );
    figures.add("operator_rss_calm", after.resident_mib, "MiB");
    Ok(())
}

/// The same numbers by Kafka's own admin client, in large batches, before there are any.
fn ceiling(context: &Context, size: &Size, figures: &mut Figures) -> Result<()> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, BROKER)?;
    admin.put(&client::jar()?.to_string_lossy(), "/tmp/ledger.jar")?;
    let arguments = format!("{} {}", size.users.min(3_000), size.topics.min(1_000));
    let text = admin.java("/tmp/ledger.jar", "ledger.Main ceiling", &arguments)?;
    for line in text.lines() {
        let Some((name, value)) = line.split_once(' ') else {
            continue;
        };
        if let (true, Ok(value)) = (name.ends_with("_per_second"), value.parse::<f64>()) {
            say(&format!("Kafka's own client: {name} {value:.1}"));
            let unit = if name.starts_with("users") {
                "users/s"
            } else {
                "topics/s"
            };
            figures.add(&format!("kafka_admin_client_{name}"), value, unit);
        }
    }
    Ok(())
}
