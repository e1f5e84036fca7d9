//! One run on a cluster: starts the load, looks at it, ends it, lets a fresh reader in, and fetches the files. Works on
//! any cluster that has the Kafka image. When it fails, the files stay for whoever looks.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};

use super::files;
use super::load::Load;
use super::manifest::{self, DATA, JAVA, SECRET};
use super::report::Report;
use super::samples::{self, State};
use crate::build::ledger as client;
use crate::harness::Context;
use crate::{exec, paths, resources};

/// Delivery may be tried for two minutes, and the consumer has one to follow.
const FINISH: Duration = Duration::from_mins(4);
/// Size of a row in the files of the load client.
const ROW: u64 = 40;

/// A tool that meets a frozen broker asks another.
const HURRY: &str = "request.timeout.ms=1500\\ndefault.api.timeout.ms=10000\\nsocket.connection.setup.timeout.ms=1000";

/// A load that runs.
pub struct Ledger<'a> {
    context: &'a Context,
    namespace: String,
    load: Load,
}

impl<'a> Ledger<'a> {
    /// Creates topics, user and pod, and waits until every partition has acknowledged a record of every producer.
    pub fn start(context: &'a Context, namespace: &str, cluster: &str, load: Load) -> Result<Self> {
        let mark = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is right")?
            .as_secs();
        let ledger = Self {
            context,
            namespace: namespace.to_owned(),
            load: load.marked(&mark.to_string()),
        };
        ledger.remove_pod()?;
        ledger.ready_to_write(cluster)?;
        ledger.config_map()?;
        context.apply(&manifest::pod(namespace, &ledger.load))?;
        ledger.flows()?;
        Ok(ledger)
    }

    /// Name in Kafka of the load's topic with this position.
    pub fn topic(&self, position: usize) -> Result<&str> {
        let topic = self.load.topics.get(position).context("the load has so many topics")?;
        Ok(&topic.name)
    }

    /// Records whose outcome is known to the ledger so far, and flushed.
    pub fn written(&self) -> Result<u64> {
        let sizes = self.exec(&format!(
            "wc -c {DATA}/sent-*.bin | awk '$2 != \"total\" {{ sum += $1 }} END {{ print sum }}'"
        ))?;
        let bytes: u64 = sizes.trim().parse().with_context(|| format!("read {sizes:?}"))?;
        Ok(bytes / ROW)
    }

    /// Waits until `count` more records have an outcome.
    pub fn wait_written(&self, count: u64, timeout: Duration) -> Result<()> {
        let before = self.written()?;
        self.context
            .wait_until(&format!("{count} more records are written"), timeout, || {
                let now = self.written()?;
                if now >= before + count {
                    return Ok(Some(()));
                }
                bail!("{} of them are", now - before)
            })
    }

    /// Leader and in-sync replicas of a partition, as last sampled.
    pub fn state(&self, topic: &str, partition: u16) -> Result<State> {
        let text = self.exec(&format!("cat {DATA}/samples.txt"))?;
        let mut states = samples::latest(&text)?;
        let state = states.remove(&(topic.to_owned(), partition));
        state.with_context(|| format!("partition {partition} of {topic} was not sampled yet"))
    }

    /// Waits until the leader of a topic's partition 0 answers as such. Metadata name it earlier: until it has taken over
    /// itself, it still follows, and would fetch from the former leader.
    pub fn wait_leader_serves(&self, position: usize, timeout: Duration) -> Result<()> {
        let topic = self.topic(position)?;
        let line = format!(
            "(cat {SECRET}/client.properties; printf '\\n{HURRY}\\n') >/tmp/hurry.properties; \
             BOOTSTRAP=$(sed -n 's/^bootstrap.servers=//p' {SECRET}/client.properties | sed 's/\\\\//g'); \
             {JAVA} org.apache.kafka.tools.GetOffsetShell --bootstrap-server $BOOTSTRAP \
             --command-config /tmp/hurry.properties --topic-partitions {topic}:0"
        );
        self.context
            .wait_until(&format!("the leader of {topic} serves"), timeout, || {
                let said = self.exec(&line)?;
                if said.contains(&format!("{topic}:0:")) {
                    return Ok(Some(()));
                }
                bail!("it doesn't tell where the partition ends: {said}")
            })
    }

    /// Ends the load, reads everything back, and judges. When the verdict fails, the files stay in the cluster's log
    /// folder.
    pub fn finish(self) -> Result<Report> {
        let report = self.finish_keeping()?;
        self.remove()?;
        Ok(report)
    }

    /// Lines of the load client's log in which the extended regular expression is found.
    pub fn grep(&self, pattern: &str) -> Result<String> {
        self.exec(&format!("grep -E '{pattern}' {DATA}/client.log {DATA}/out.txt || true"))
    }

    /// Like [`Ledger::finish`], and leaves user and topics.
    pub fn finish_keeping(&self) -> Result<Report> {
        let folder = self.folder()?;
        let report = self.end(&folder);
        match &report {
            Ok(report) => {
                fs::write(folder.join("report.txt"), report.text()).context("write the report")?;
                if report.verdict().is_ok() {
                    self.forget(&folder)?;
                }
            }
            Err(_) => self.evidence(&folder),
        }
        if report.is_err() {
            self.remove()?;
        } else {
            self.remove_pod()?;
        }
        report.with_context(|| format!("the ledger's files are in {}", folder.display()))
    }

    fn ready_to_write(&self, cluster: &str) -> Result<()> {
        self.context
            .apply(&manifest::resources(&self.namespace, cluster, &self.load))?;
        let user = format!("pku/{}", self.load.name);
        let topics = self.load.topics.iter().map(|topic| format!("pkt/{}", topic.name));
        for object in topics.chain([user]) {
            resources::wait_ready(self.context, &self.namespace, &object, Duration::from_mins(2))?;
        }
        Ok(())
    }

    fn config_map(&self) -> Result<()> {
        let name = self.map_name();
        let literal = |file: &str, text: &str| format!("--from-literal={file}={text}");
        let words = [
            "-n",
            &self.namespace,
            "create",
            "configmap",
            &name,
            &format!("--from-file=ledger.jar={}", client::jar()?.display()),
            &literal("load.properties", &self.load.settings(SECRET)),
            &literal("log4j2.properties", &client::log_configuration()?),
        ];
        self.context
            .kubectl(&words)
            .context("bring the load client into the cluster")
            .map(drop)
    }

    fn flows(&self) -> Result<()> {
        let selector = format!("app=kafka-ledger,ledger={}", self.load.name);
        let ready = self
            .context
            .wait_ready_pods(&self.namespace, &selector, 1, Duration::from_mins(2));
        ready.with_context(|| {
            let said = self
                .exec(&format!("tail -n 15 {DATA}/out.txt {DATA}/client.log"))
                .unwrap_or_default();
            format!("wait until every partition acknowledges; the load client said: {said}")
        })
    }

    fn end(&self, folder: &Path) -> Result<Report> {
        self.exec(&format!("touch {DATA}/stop"))?;
        let exit = format!("cat {DATA}/exit");
        let status = self
            .context
            .wait_until("the load client has ended", FINISH, || self.exec(&exit).map(Some))?;
        if status.trim() != "0" {
            let said = self.exec(&format!("tail -n 15 {DATA}/out.txt"))?;
            bail!("the load client ended with status {}: {said}", status.trim());
        }
        self.exec(&format!(
            "{JAVA} -Dledger.log={DATA}/verify.log ledger.Main verify /ledger/load.properties {DATA}"
        ))
        .context("read every partition back")?;
        for name in files::names(&self.load) {
            self.fetch(&name, folder).with_context(|| format!("fetch {name}"))?;
        }
        files::report(folder, &self.load)
    }

    /// Packed on the way: the last bytes of a pack prove that none is missing.
    fn fetch(&self, name: &str, folder: &Path) -> Result<()> {
        let to = folder.join(name);
        let (namespace, pod) = (&self.namespace, &self.load.name);
        let unpack = format!("kubectl -n {namespace} exec {pod} -- gzip -1 -c {DATA}/{name} | gzip -d");
        let output = fs::File::create(&to).with_context(|| format!("create {}", to.display()))?;
        let mut command = self.context.command(&["sh", "-c", &unpack])?;
        exec::run(command.stdout(output))?;
        let size = self.exec(&format!("wc -c <{DATA}/{name}"))?;
        ensure!(
            size.trim() == fs::metadata(&to)?.len().to_string(),
            "{size} bytes in the pod, others came"
        );
        Ok(())
    }

    /// Whatever can still be fetched.
    fn evidence(&self, folder: &Path) {
        let names = files::names(&self.load).into_iter();
        for name in names.chain(["out.txt", "verify.log"].map(str::to_owned)) {
            let fetched = self.fetch(&name, folder);
            if let Err(error) = fetched {
                println!("          {name} could not be fetched: {error:#}");
            }
        }
    }

    /// A run without defects leaves its figures; its rows are many.
    fn forget(&self, folder: &Path) -> Result<()> {
        for name in files::names(&self.load)
            .into_iter()
            .filter(|name| Path::new(name).extension() == Some("bin".as_ref()))
        {
            let path = folder.join(name);
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
        Ok(())
    }

    /// Beside the daemons' logs of a local cluster; else in the cache.
    fn folder(&self) -> Result<PathBuf> {
        let parent = match &self.context.audit {
            Some(audit) => audit.path().with_file_name("log"),
            None => paths::cache()?,
        };
        let topic = self.topic(0)?;
        let folder = parent.join("ledger").join(topic);
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok(folder)
    }

    fn exec(&self, line: &str) -> Result<String> {
        self.context
            .kubectl(&["-n", &self.namespace, "exec", &self.load.name, "--", "sh", "-c", line])
    }

    /// Topics stay in Kafka: the resources don't ask for their end.
    fn remove(&self) -> Result<()> {
        self.remove_pod()?;
        let mut words = vec!["-n", &self.namespace, "delete", "pkt", "--ignore-not-found"];
        words.extend(self.load.topics.iter().map(|topic| topic.name.as_str()));
        self.context.kubectl(&words)?;
        self.context
            .kubectl(&[
                "-n",
                &self.namespace,
                "delete",
                "pku",
                &self.load.name,
                "--ignore-not-found",
            ])
            .map(drop)
    }

    fn remove_pod(&self) -> Result<()> {
        let (pod, map) = (
            format!("pod/{}", self.load.name),
            format!("configmap/{}", self.map_name()),
        );
        let words = [
            "-n",
            &self.namespace,
            "delete",
            &pod,
            &map,
            "--ignore-not-found",
            "--grace-period=1",
        ];
        self.context.kubectl(&words).map(drop)
    }

    fn map_name(&self) -> String {
        format!("{}-ledger", self.load.name)
    }
}
