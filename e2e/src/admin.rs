//! A pod with Kafka's own tools as super user, through a broker's internal listener: suites take these for judges, since
//! they don't share a line with the operator.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::client::{BIN, Client};
use crate::harness::Context;

/// How long a tool that fails is tried again.
const PATIENCE: Duration = Duration::from_mins(2);
const PROPERTIES: &str = "/tmp/admin.properties";

/// The administrator of one cluster.
pub struct Admin<'a> {
    context: &'a Context,
    pod: Client<'a>,
    bootstrap: String,
}

impl<'a> Admin<'a> {
    /// `broker` is the name of a pod that stays; the operator's own certificate is used.
    pub fn start(context: &'a Context, namespace: &str, cluster: &str, broker: &str) -> Result<Self> {
        let secret = format!("{cluster}-operator-tls");
        let pod = Client::start(context, namespace, "admin", &[&secret])?;
        pod.run(10, &files(&secret))
            .context("write the administrator's files")?;
        let bootstrap = format!("{broker}.{cluster}-nodes.{namespace}.svc:9091");
        Ok(Self {
            context,
            pod,
            bootstrap,
        })
    }

    /// Standard output of one of Kafka's scripts.
    pub fn tool(&self, tool: &str, arguments: &str) -> Result<String> {
        let connect = format!("--bootstrap-server {} --command-config {PROPERTIES}", self.bootstrap);
        self.pod.run(60, &format!("{BIN}/{tool} {connect} {arguments}"))
    }

    /// Standard output of a class of a jar that was put there: its words, its settings, and what else it's told.
    pub fn java(&self, jar: &str, words: &str, arguments: &str) -> Result<String> {
        let settings = format!(
            "(cat {PROPERTIES}; echo bootstrap.servers={}) > /tmp/java.properties",
            self.bootstrap
        );
        let java = format!("java -Xmx384m -XX:+UseSerialGC -cp '{jar}:/opt/kafka/libs/*'");
        self.pod.run(
            1_200,
            &format!("{settings} && {java} {words} /tmp/java.properties {arguments}"),
        )
    }

    /// Copies a file of the machine to where Kafka's scripts can read it.
    pub fn put(&self, file: &str, to: &str) -> Result<()> {
        self.pod.put(file, to)
    }

    /// Writes a short file without single quotes to where Kafka's scripts can read it.
    pub fn write(&self, to: &str, text: &str) -> Result<()> {
        self.pod.run(10, &format!("printf %s '{text}' > {to}")).map(drop)
    }

    /// What `kafka-metadata-shell.sh` says of a file of the metadata log. A command among its arguments is carried out as soon
    /// as it has read anything at all (`MetadataShell.waitUntilCaughtUp`), so it's typed a while later. Of a file
    /// that ends within a batch it may never have read enough: the file must be copied anew.
    pub fn metadata(&self, file: &str, command: &str) -> Result<String> {
        let typed = format!("(sleep 6; echo '{command}'; sleep 2; echo exit)");
        let line = format!("{typed} | {BIN}/kafka-metadata-shell.sh --snapshot {file}");
        self.pod.run(30, &line)
    }

    /// Ids of the controllers that are registered, running or not, as one of them says.
    pub fn controllers(&self, controller: &str) -> Result<BTreeSet<i32>> {
        let tool =
            format!("{BIN}/kafka-cluster.sh list-endpoints --bootstrap-controller {controller} --config {PROPERTIES}");
        Ok(listed(&self.pod.run(60, &tool)?))
    }

    /// Brokers of each partition's replicas, as `kafka-topics.sh` describes them.
    pub fn replicas(&self) -> Result<BTreeMap<String, Vec<i32>>> {
        Ok(replicas(&self.tool("kafka-topics.sh", "--describe")?))
    }

    /// Every ACL as `User:a READ TOPIC orders LITERAL ALLOW *`, as `kafka-acls.sh` lists them.
    pub fn rights(&self) -> Result<BTreeSet<String>> {
        Ok(rights(&self.tool("kafka-acls.sh", "--list")?))
    }

    /// Ids of the brokers that are registered and not fenced. The tool gives up early on a busy machine.
    pub fn brokers(&self) -> Result<BTreeSet<i32>> {
        let ask = || Ok(Some(brokers(&self.tool("kafka-broker-api-versions.sh", "")?)));
        self.context.wait_until("Kafka tells its brokers", PATIENCE, ask)
    }
}

fn files(secret: &str) -> String {
    format!(
        "cd /tmp
         cat /secrets/{secret}/tls.key /secrets/{secret}/tls.crt > admin.pem
         printf 'security.protocol=SSL\\nssl.truststore.type=PEM\\nssl.keystore.type=PEM\\n' > {PROPERTIES}
         printf 'ssl.truststore.location=/secrets/{secret}/ca.crt\\n' >> {PROPERTIES}
         printf 'request.timeout.ms=30000\\n' >> {PROPERTIES}
         printf 'ssl.keystore.location=/tmp/admin.pem\\n' >> {PROPERTIES}"
    )
}

/// Lines of fields such as `Topic: a`, `Partition: 0`, `Leader: 100`, `Replicas: 100,101,102`, with tabs between them.
fn replicas(text: &str) -> BTreeMap<String, Vec<i32>> {
    let field = |line: &str, name: &str| {
        let value = line
            .split('\t')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix(": "));
        value.map(str::to_owned)
    };
    let partition = |line: &str| {
        let name = format!("{}-{}", field(line, "Topic")?, field(line, "Partition")?);
        let ids = field(line, "Replicas")?;
        Some((name, ids.split(',').filter_map(|id| id.parse().ok()).collect()))
    };
    text.lines().filter_map(partition).collect()
}

/// Lines with `ResourcePattern(resourceType=TOPIC, name=a, patternType=LITERAL)`, each followed by those of its ACLs,
/// `(principal=User:a, host=*, operation=READ, permissionType=ALLOW)`.
fn rights(text: &str) -> BTreeSet<String> {
    // A principal may hold commas; what comes after it holds none.
    let field = |line: &str, name: &str, end: &str| {
        let rest = line.split_once(&format!("{name}="))?.1;
        Some(rest.split(end).next()?.trim_end_matches(')').to_owned())
    };
    let (mut resource, mut all) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        if line.contains("ResourcePattern(") {
            let of = |name: &str| field(line, name, if name == "patternType" { ")" } else { ", " }).unwrap_or_default();
            resource = format!("{} {} {}", of("resourceType"), of("name"), of("patternType"));
        } else if let Some(principal) = field(line, "principal", ", host=") {
            let of =
                |name: &str| field(line, name, if name == "permissionType" { ")" } else { ", " }).unwrap_or_default();
            all.insert(format!(
                "{principal} {} {resource} {} {}",
                of("operation"),
                of("permissionType"),
                of("host")
            ));
        }
    }
    all
}

/// A table whose first column is an id.
fn listed(text: &str) -> BTreeSet<i32> {
    let id = |line: &str| line.split_whitespace().next()?.parse().ok();
    text.lines().filter_map(id).collect()
}

/// Lines such as `host:9091 (id: 100 rack: a isFenced: false) -> (`.
fn brokers(text: &str) -> BTreeSet<i32> {
    let id = |line: &str| line.split_once("(id: ")?.1.split_once(' ')?.0.parse().ok();
    text.lines()
        .filter(|line| line.contains("isFenced: false"))
        .filter_map(id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_of_partitions_are_read() {
        let text = "Topic: a\tTopicId: x\tPartitionCount: 1\tReplicationFactor: 3\tConfigs: \n\
            \tTopic: a\tPartition: 0\tLeader: 100\tReplicas: 100,102,101\tIsr: 100,102\tElr: \tLastKnownElr: \n";
        assert_eq!(
            replicas(text),
            BTreeMap::from([("a-0".to_owned(), vec![100, 102, 101])])
        );
    }

    #[test]
    fn rights_are_read_with_their_resource() {
        let text = "Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=a, patternType=PREFIXED)`: \n \t\
            (principal=User:CN=x,O=y, host=*, operation=READ, permissionType=ALLOW)\n \t\
            (principal=User:b, host=10.0.0.1, operation=WRITE, permissionType=DENY) \n";
        let expected = [
            "User:CN=x,O=y READ TOPIC a PREFIXED ALLOW *",
            "User:b WRITE TOPIC a PREFIXED DENY 10.0.0.1",
        ];
        assert_eq!(rights(text), expected.map(str::to_owned).into());
    }

    #[test]
    fn brokers_that_serve_are_told_from_fenced_ones() {
        let text = "h:9091 (id: 100 rack: a isFenced: false) -> (\n\tProduce(0): 0\n)\n\
            h:9091 (id: 101 rack: b isFenced: true) -> (\n";
        assert_eq!(brokers(text), BTreeSet::from([100]));
    }
}
