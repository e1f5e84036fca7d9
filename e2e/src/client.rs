//! A pod with Kafka's own command line tools, as an application's pod would be: the Kafka image, admitted in a
//! restricted namespace, credentials mounted from their Secrets. Demo and suites run tools in it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::build::kafka;
use crate::exec;
use crate::harness::Context;
use crate::versions::DEFAULT_KAFKA;

/// Folder of Kafka's scripts in the image.
pub const BIN: &str = "/opt/kafka/bin";

/// Settings of a client for which a refusal comes at once or not at all, one a line.
pub const HURRY: &str = "max.block.ms=8000\nrequest.timeout.ms=8000\ndelivery.timeout.ms=9000\n";

const PUT: Duration = Duration::from_mins(1);

/// A running client pod.
pub struct Client<'a> {
    context: &'a Context,
    namespace: String,
    name: String,
}

/// What a command said and whether it succeeded; for commands that should fail.
#[derive(Debug)]
pub struct Attempt {
    pub succeeded: bool,
    /// Standard output, then standard error.
    pub text: String,
}

impl<'a> Client<'a> {
    /// Creates the pod and waits until it runs; `secrets` are mounted at `/secrets/<name of the Secret>`.
    pub fn start(context: &'a Context, namespace: &str, name: &str, secrets: &[&str]) -> Result<Self> {
        let client = Self {
            context,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        client.delete()?;
        context.apply(&manifest(namespace, name, secrets))?;
        let selector = format!("app=kafka-client,client={name}");
        context
            .wait_ready_pods(namespace, &selector, 1, Duration::from_mins(1))
            .context("start a pod with Kafka's tools")?;
        Ok(client)
    }

    /// Standard output of a shell line in the pod, ended after `seconds`.
    pub fn run(&self, seconds: u32, line: &str) -> Result<String> {
        exec::output(&mut self.command(seconds, line)?)
    }

    /// Like [`Client::run`], for a line whose failure is the point.
    pub fn attempt(&self, seconds: u32, line: &str) -> Result<Attempt> {
        let output = self.command(seconds, line)?.output().context("start kubectl exec")?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Attempt {
            succeeded: output.status.success(),
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    /// Copies a file of the machine into the pod.
    pub fn put(&self, file: &str, to: &str) -> Result<()> {
        let (namespace, name) = (&self.namespace, &self.name);
        let line = format!("kubectl -n {namespace} exec -i {name} -- sh -c 'cat > {to} && wc -c < {to}' < {file}");
        let expected = std::fs::metadata(file).with_context(|| format!("read {file}"))?.len();
        // Once in many times `kubectl exec` ends its input before it has sent any.
        self.context.wait_until(&format!("{file} is in the pod"), PUT, || {
            let written = self.context.sh(&line)?;
            let written: u64 = written.trim().parse().with_context(|| format!("a length: {written}"))?;
            ensure!(written == expected, "{written} of {expected} bytes arrived");
            Ok(Some(()))
        })
    }

    pub fn delete(&self) -> Result<()> {
        let words = [
            "-n",
            &self.namespace,
            "delete",
            "pod",
            &self.name,
            "--ignore-not-found",
            "--grace-period=1",
        ];
        self.context.kubectl(&words).map(drop)
    }

    fn command(&self, seconds: u32, line: &str) -> Result<Command> {
        let limit = seconds.to_string();
        // A process that outlives the shell in the pod holds its output open, and kubectl with it.
        let patience = (seconds + 20).to_string();
        let words = [
            "timeout",
            &patience,
            "kubectl",
            "-n",
            &self.namespace,
            "exec",
            &self.name,
            "--",
        ];
        self.context
            .command(&[&words[..], &["timeout", &limit, "sh", "-c", line]].concat())
    }
}

impl Attempt {
    /// Fails unless the command failed and said one of `reasons`: a failure for another reason proves nothing.
    pub fn refused_with(&self, reasons: &[&str]) -> Result<()> {
        if self.succeeded {
            bail!("it succeeded and said: {}", self.tail());
        }
        if reasons.iter().any(|reason| self.text.contains(reason)) {
            return Ok(());
        }
        bail!("it failed, but without any of {reasons:?}: {}", self.tail())
    }

    /// The end of what it said, on one line.
    pub fn tail(&self) -> String {
        let start = self.text.char_indices().rev().nth(600).map_or(0, |(index, _)| index);
        self.text.get(start..).unwrap_or_default().replace('\n', " | ")
    }
}

/// A shell command that prints `<tag> 1` to `<tag> <count>`, with what the smallest image has.
pub fn numbered(tag: &str, count: usize) -> String {
    format!("awk 'BEGIN {{ for (i = 1; i <= {count}; i++) print \"{tag} \" i }}'")
}

/// The client compiler alone, the serial collector and an archive of classes start tools in a fraction of the time. An image
/// without that archive is fine, and nothing is said of it.
const JVM: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:SharedArchiveFile=/opt/kafka/tools.jsa -Xshare:auto \
    -Xlog:disable -Djava.awt.headless=true";

fn manifest(namespace: &str, name: &str, secrets: &[&str]) -> String {
    let (mut mounts, mut volumes) = (String::new(), String::new());
    for (index, secret) in secrets.iter().enumerate() {
        let mount = format!("    - {{name: s{index}, mountPath: /secrets/{secret}, readOnly: true}}\n");
        let volume = format!("  - {{name: s{index}, secret: {{secretName: {secret}, defaultMode: 0440}}}}\n");
        mounts.push_str(&mount);
        volumes.push_str(&volume);
    }
    let image = kafka::image_name(DEFAULT_KAFKA);
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: kafka-client, client: {name}}}}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  securityContext: {{runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: client
    image: {image}
    imagePullPolicy: IfNotPresent
    command: [sleep, infinity]
    env:
    - {{name: KAFKA_HEAP_OPTS, value: "-Xmx128m"}}
    - {{name: KAFKA_JVM_PERFORMANCE_OPTS, value: "{JVM}"}}
    - {{name: KAFKA_JMX_OPTS, value: " "}}
    - {{name: LOG_DIR, value: /tmp}}
    resources: {{requests: {{cpu: 10m, memory: 128Mi}}, limits: {{memory: 768Mi}}}}
    securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
    volumeMounts:
    - {{name: tmp, mountPath: /tmp}}
{mounts}  volumes:
  - {{name: tmp, emptyDir: {{}}}}
{volumes}"#
    )
}

/// A shell line that prints how many different lines beginning with the tag a consumer has read: as soon as there are `wanted`,
/// or when it has ended.
pub fn counted(consumer: &str, tag: &str, wanted: usize) -> String {
    let file = format!("/tmp/read-$$-{}", tag.replace(' ', "-"));
    let found = format!("$(grep '^{tag} ' {file} | sort -u | wc -l)");
    format!(
        "{consumer} > {file} 2>/dev/null & reader=$!
         while kill -0 $reader 2>/dev/null && [ {found} -lt {wanted} ]; do sleep 1; done
         kill $reader 2>/dev/null; echo {found}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_lines_are_all_there() {
        let text = exec::output(Command::new("sh").args(["-c", &numbered("payment 7", 3)])).unwrap();
        assert_eq!(text, "payment 7 1\npayment 7 2\npayment 7 3\n");
    }

    #[test]
    fn counting_ends_with_the_last_line_or_with_its_reader() {
        let count = |reader: &str| {
            let line = counted(reader, "a", 2);
            exec::output(Command::new("sh").args(["-c", &line])).unwrap()
        };
        assert_eq!(
            count("sh -c 'echo a 1; echo b 1; echo a 1; echo a 2; exec sleep 600'").trim(),
            "2"
        );
        assert_eq!(count("sh -c 'echo a 1; echo a 1'").trim(), "1");
    }

    #[test]
    fn a_refusal_for_another_reason_is_no_refusal() {
        let failed = |text: &str| Attempt {
            succeeded: false,
            text: text.to_owned(),
        };
        assert!(
            failed("SslAuthenticationException: x")
                .refused_with(&["SslAuthentication"])
                .is_ok()
        );
        assert!(
            failed("command not found")
                .refused_with(&["SslAuthentication"])
                .is_err()
        );
        let passed = Attempt {
            succeeded: true,
            text: "SslAuthentication".to_owned(),
        };
        assert!(passed.refused_with(&["SslAuthentication"]).is_err());
    }
}
