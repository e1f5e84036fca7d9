//! Whole runs on temporary directories with a script in place of Kafka's storage tool.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use super::*;

const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qg";
const DIRECTORY: &str = "AAAAAAAAQACAAAAAAAAAAQ";

/// A script that is being written cannot be executed, and a fork of another test may hold it open: one at a time.
static TOOL: Mutex<()> = Mutex::const_new(());

struct Node {
    root: TempDir,
    args: FormatArgs,
    _turn: MutexGuard<'static, ()>,
}

impl Node {
    /// Node 1 with two log directories; the tool behaves like Kafka's and records its arguments and environment.
    async fn new(roles: &str) -> Self {
        let turn = TOOL.lock().await;
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let directories = format!("{},{}", at("d0").display(), at("d1").display());
        fs::write(
            at("server.properties"),
            format!("node.id=1\nprocess.roles={roles}\nlog.dirs={directories}\n"),
        )
        .unwrap();
        let args = FormatArgs {
            node_id: 1,
            cluster_id: CLUSTER.into(),
            node_host: "localhost".into(),
            initial_voters: None,
            pod_uid: "pod-1".into(),
            first_format: "pod-1 Voter".into(),
            config: at("server.properties"),
            storage_tool: at("kafka-storage.sh"),
            sole_voter: None,
            least_map_count: None,
            resolve_timeout: Duration::from_secs(5),
            termination_log: at("termination-log"),
        };
        let node = Self {
            root,
            args,
            _turn: turn,
        };
        node.tool(&format!(
            r#"echo "$@" >> {root}/calls; env > {root}/env
               for d in {root}/d0 {root}/d1; do
                 test -e $d/meta.properties && continue
                 id=$(basename $d)-random
                 case "$*" in *--initial-controllers=*) test $(basename $d) = d0 && id={DIRECTORY};; esac
                 printf 'version=1\ncluster.id=%s\nnode.id=1\ndirectory.id=%s\n' {CLUSTER} $id > $d/meta.properties
               done"#,
            root = node.root.path().display()
        ));
        node
    }

    fn tool(&self, body: &str) {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o755)
            .open(&self.args.storage_tool)
            .unwrap();
        file.write_all(format!("#!/bin/sh\n{body}\n").as_bytes()).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    fn identify(&self, directory: &str, cluster: &str, id: &str) {
        fs::create_dir_all(self.at(directory)).unwrap();
        let text = format!("#\n#Mon Nov 23\nversion=1\ncluster.id={cluster}\nnode.id=1\ndirectory.id={id}\n");
        fs::write(self.at(directory).join("meta.properties"), text).unwrap();
    }

    async fn run(&self) -> Result<(), NodeInitError> {
        run(Args {
            command: Command::Format(Box::new(self.args.clone())),
        })
        .await
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_first_start_formats_as_voter_and_a_second_starts_no_jvm() {
    let mut node = Node::new("controller").await;
    let voters = format!("1@localhost:9090:{DIRECTORY}");
    node.args.initial_voters = Some(voters.clone());
    node.run().await.unwrap();
    let config = node.args.config.display().to_string();
    let expected =
        format!("format --cluster-id={CLUSTER} --config={config} --ignore-formatted --initial-controllers={voters}\n");
    assert_eq!(node.read("calls"), expected);
    let environment = node.read("env");
    for line in ["LOG_DIR=/tmp", "KAFKA_HEAP_OPTS=-Xmx128m"] {
        assert!(environment.lines().any(|found| found == line), "{line}");
    }
    assert!(environment.contains("-XX:SharedArchiveFile=/opt/kafka/storage.jsa -Xshare:auto"));
    assert_eq!((mode(&node.at("d0")), mode(&node.at("d1"))), (0o750, 0o750));
    node.run().await.unwrap();
    assert_eq!(node.read("calls"), expected, "the second run must not call the tool");
    assert!(!node.at("termination-log").exists());
}

#[tokio::test]
async fn later_formats_never_name_voters() {
    let node = Node::new("controller").await;
    node.identify("d1", CLUSTER, "d1-old");
    node.run().await.unwrap();
    assert!(
        node.read("calls")
            .trim_end()
            .ends_with("--ignore-formatted --no-initial-controllers"),
        "{}",
        node.read("calls")
    );
    assert!(node.read("d1/meta.properties").contains("directory.id=d1-old"));
}

#[tokio::test]
async fn an_empty_voter_list_is_none() {
    let mut node = Node::new("controller").await;
    node.args.initial_voters = Some(String::new());
    node.run().await.unwrap();
    assert!(node.read("calls").contains("--no-initial-controllers"));
}

#[tokio::test]
async fn a_foreign_disk_is_refused_and_untouched() {
    let node = Node::new("broker").await;
    node.identify("d0", "b3RoZXJjbHVzdGVyb3RoZXI", "x");
    let before = node.read("d0/meta.properties");
    let error = node.run().await.unwrap_err();
    assert!(matches!(error, NodeInitError::Refused(_)), "{error}");
    let termination = node.read("termination-log");
    assert!(
        termination.contains("b3RoZXJjbHVzdGVyb3RoZXI") && termination.contains(CLUSTER),
        "{termination}"
    );
    assert_eq!(node.read("d0/meta.properties"), before);
    assert_eq!(node.read("calls"), "");
}

#[tokio::test]
async fn lost_and_found_is_empty_and_rests_of_a_format_go() {
    let node = Node::new("controller").await;
    fs::create_dir_all(node.at("d0/lost+found")).unwrap();
    fs::create_dir_all(node.at("d0/__cluster_metadata-0")).unwrap();
    let checkpoint = node.at("d0/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint");
    fs::write(&checkpoint, "voters of the first day").unwrap();
    fs::write(node.at("d0/bootstrap.checkpoint"), "x").unwrap();
    node.run().await.unwrap();
    assert!(!checkpoint.exists() && !node.at("d0/bootstrap.checkpoint").exists());
    assert!(node.at("d0/lost+found").exists() && node.at("d0/meta.properties").exists());
}

#[tokio::test]
async fn a_log_without_identity_is_refused_and_untouched() {
    for data in [
        "d0/__cluster_metadata-0/00000000000000000000.log",
        "d1/payments-0/00000000000000000000.log",
    ] {
        let node = Node::new("controller").await;
        fs::create_dir_all(node.at(data).parent().unwrap()).unwrap();
        fs::write(node.at(data), "records").unwrap();
        let error = node.run().await.unwrap_err();
        assert!(error.to_string().contains("no meta.properties"), "{error}");
        assert!(node.at(data).exists());
        assert_eq!(node.read("calls"), "");
    }
}

#[tokio::test]
async fn a_damaged_identity_is_refused() {
    let node = Node::new("broker").await;
    fs::create_dir_all(node.at("d0")).unwrap();
    fs::write(node.at("d0/meta.properties"), "").unwrap();
    assert!(node.run().await.unwrap_err().to_string().contains("without cluster.id"));
}

#[tokio::test]
async fn a_log_directory_that_cannot_be_made_is_refused() {
    let node = Node::new("broker").await;
    fs::write(node.at("d0"), "a file where the directory should be").unwrap();
    let error = node.run().await.unwrap_err();
    assert!(error.to_string().contains("d0 cannot be used"), "{error}");
}

#[tokio::test]
async fn a_failing_tool_is_reported_with_its_last_words() {
    let node = Node::new("broker").await;
    node.tool("echo 'Exception in thread main: disk is full' >&2; exit 3");
    let error = node.run().await.unwrap_err();
    assert!(matches!(error, NodeInitError::ToolFailed { .. }), "{error}");
    assert!(
        node.read("termination-log").contains("disk is full"),
        "{}",
        node.read("termination-log")
    );
}

#[tokio::test]
async fn a_tool_that_does_nothing_is_not_believed() {
    let node = Node::new("broker").await;
    node.tool("exit 0");
    assert!(matches!(
        node.run().await.unwrap_err(),
        NodeInitError::NotFormatted { .. }
    ));
}

#[tokio::test]
async fn a_voter_with_another_directory_id_is_not_believed() {
    let mut node = Node::new("controller").await;
    node.args.initial_voters = Some("1@localhost:9090:BBBBBBBBQACBBBBBBBBBBB".into());
    let error = node.run().await.unwrap_err();
    assert!(
        matches!(&error, NodeInitError::NotFormatted { path, .. } if path.ends_with("d0")),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_tool_or_configuration_is_named() {
    let mut node = Node::new("broker").await;
    node.args.storage_tool = node.at("absent.sh");
    assert!(matches!(node.run().await.unwrap_err(), NodeInitError::StartTool { .. }));
    node.args.config = node.at("absent.properties");
    node.run().await.unwrap_err();
    let termination = node.read("termination-log");
    assert!(
        termination.contains("absent.properties") && termination.contains("because: "),
        "{termination}"
    );
}

#[tokio::test]
async fn an_unresolved_name_fails_before_anything_is_formatted() {
    let mut node = Node::new("broker").await;
    node.args.node_host = "no such host".into();
    node.args.resolve_timeout = Duration::from_millis(100);
    let error = node.run().await.unwrap_err();
    assert!(matches!(error, NodeInitError::Unresolved { .. }), "{error}");
    assert_eq!(node.read("calls"), "");
    assert!(node.read("termination-log").contains("no such host"));
}

#[test]
fn prepare_copies_complete_files_with_their_modes() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir(at("to")).unwrap();
    fs::write(at("exe"), "binary").unwrap();
    prepare::copy_all(&at("exe"), &at("absent.jar"), &at("to")).unwrap();
    assert_eq!(fs::read_to_string(at("to/productionkafka")).unwrap(), "binary");
    assert_eq!(mode(&at("to/productionkafka")), 0o555);
    assert!(!at("to/jmx_prometheus_javaagent.jar").exists());
    fs::write(at("exe"), "newer").unwrap();
    fs::write(at("exporter.jar"), "jar").unwrap();
    prepare::copy_all(&at("exe"), &at("exporter.jar"), &at("to")).unwrap();
    assert_eq!(fs::read_to_string(at("to/productionkafka")).unwrap(), "newer");
    assert_eq!(mode(&at("to/jmx_prometheus_javaagent.jar")), 0o444);
    assert_eq!(fs::read_dir(at("to")).unwrap().count(), 2, "no partial files");
    let error = prepare::copy_all(&at("exe"), &at("absent.jar"), &at("absent")).unwrap_err();
    assert!(matches!(error, NodeInitError::Copy { .. }), "{error}");
}

#[test]
fn prepare_finds_its_own_executable() {
    let root = tempfile::tempdir().unwrap();
    prepare::run(&PrepareArgs {
        to: root.path().to_owned(),
    })
    .unwrap();
    let copied = fs::metadata(root.path().join("productionkafka")).unwrap().len();
    assert_eq!(copied, fs::metadata(std::env::current_exe().unwrap()).unwrap().len());
}

#[test]
fn durations_are_read_with_their_unit() {
    assert_eq!(duration("120s"), Ok(Duration::from_mins(2)));
    assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
    assert!(duration("120").is_err() && duration("-1s").is_err());
}
