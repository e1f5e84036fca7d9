//! The command line: a fixed interface that the Makefile, CI and people use.

use clap::{Args, Parser, Subcommand};

/// Name of the cluster when none is given.
pub const DEFAULT_CLUSTER: &str = "local";

/// Local Kubernetes cluster, images and end-to-end suites of the Production Kafka operator.
#[derive(Debug, Parser)]
#[command(name = "cargo e2e", bin_name = "cargo e2e")]
pub struct Cli {
    #[command(flatten)]
    pub target: Target,
    #[command(subcommand)]
    pub command: Command,
}

/// Which cluster a command is about.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// Name of the local cluster; several may run side by side.
    #[arg(long, global = true, env = "E2E_CLUSTER", default_value = DEFAULT_CLUSTER, value_parser = cluster_name)]
    pub name: String,
    /// Use the cluster of KUBECONFIG's current context: no local one is started, used or ended.
    #[arg(long, global = true, env = "E2E_USE_CURRENT_CONTEXT")]
    pub use_current_context: bool,
    #[command(flatten)]
    pub images: Images,
}

/// Images on a cluster of the caller's own, which pulls them; a local cluster gets those built here.
#[derive(Clone, Debug, Default, Args)]
pub struct Images {
    /// With --use-current-context: the operator's image, by tag or digest [default: as in the chart].
    #[arg(long, global = true, env = "E2E_OPERATOR_IMAGE", value_name = "IMAGE")]
    pub operator_image: Option<String>,
    /// With --use-current-context: the Kafka image [default: docker.io/apache/kafka, of the operator's default release].
    #[arg(long, global = true, env = "E2E_KAFKA_IMAGE", value_name = "IMAGE")]
    pub kafka_image: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a cluster; builds and installs what is missing.
    Up(UpArgs),
    /// End a cluster and remove everything it left.
    Down,
    /// Show the cluster's state, addresses and files.
    Status,
    /// Run kubectl against the cluster.
    Kubectl(Passthrough),
    /// Run Helm against the cluster.
    Helm(Passthrough),
    /// Run a command inside the cluster's network, with KUBECONFIG and PATH set.
    Sh(Passthrough),
    /// Run one of the built programs (kubectl, helm, kubeconform) without any cluster.
    Tool(Passthrough),
    /// Import a docker archive on every node.
    Load { archive: std::path::PathBuf },
    /// Build the operator image from this checkout and load it if the cluster is up.
    Images,
    /// Run suites (default: all) on the running cluster, on a fresh one that is ended afterwards, or on your own.
    Test(TestArgs),
    /// Run the measurements of suites: one `name value unit` line each.
    Bench(TestArgs),
    /// Everything once, for a newcomer: cluster, operator, a Kafka cluster, and a client that writes and reads.
    Demo,
    /// Format, lints, unit tests, charts and examples: every check that needs no cluster.
    Check(CheckArgs),
    /// Make what a version is published as: image, bill of materials, charts with the image's digest.
    Release(ReleaseArgs),
    /// List the cluster's log files, or print those whose name begins with NAME.
    Logs { log: Option<String> },
    /// Take this process over as the cluster's outermost process.
    #[command(hide = true)]
    Launch,
    /// First process inside the cluster's namespaces: starts everything, then reaps.
    #[command(hide = true)]
    Init,
    /// Start everything inside the cluster's namespaces.
    #[command(hide = true)]
    Boot,
}

#[derive(Clone, Debug, Args)]
pub struct UpArgs {
    /// Nodes, each with a network and a zone (a, b, c …) of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    pub nodes: u8,
    /// Kafka releases whose images the nodes get.
    #[arg(long, num_args = 1.., default_values_t = [crate::versions::DEFAULT_KAFKA.to_owned()])]
    pub kafka: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// Suites; none means all.
    pub suites: Vec<String>,
    /// Also run what takes longer than CI allows.
    #[arg(long)]
    pub full: bool,
    /// Run the checks that need no cluster, too: the quick ones first, the slow ones beside the suites.
    #[arg(long)]
    pub check: bool,
    /// Run only tests whose name contains TEXT, after what sets the suite up; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub only: Vec<String>,
    /// Keep the cluster that was started for this run, or what it made on the caller's own.
    #[arg(long)]
    pub keep: bool,
}

#[derive(Clone, Debug, Args)]
pub struct ReleaseArgs {
    /// Folder for the files; created if missing.
    #[arg(long)]
    pub to: std::path::PathBuf,
    /// Where the image will be pushed, without tag.
    #[arg(long, default_value = "docker.io/productionkafka/operator")]
    pub repository: String,
    /// The database of published vulnerabilities is out of reach (no network): judge licences and sources only.
    #[arg(long)]
    pub without_advisories: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub struct CheckArgs {
    /// Only charts and examples, which takes seconds.
    #[arg(long)]
    pub manifests: bool,
    /// Only what takes seconds, or only what takes minutes.
    #[arg(long)]
    pub part: Option<Part>,
}

impl CheckArgs {
    pub const fn only(part: Part) -> Self {
        Self {
            manifests: false,
            part: Some(part),
        }
    }
}

/// Half of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    Quick,
    Slow,
}

#[derive(Clone, Debug, Args)]
pub struct Passthrough {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub words: Vec<String>,
}

/// Names become folder and cgroup names.
fn cluster_name(text: &str) -> Result<String, String> {
    let allowed = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    let starts_well = text.starts_with(|first: char| first.is_ascii_lowercase());
    if starts_well && text.len() <= 20 && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("use at most 20 lower-case letters, digits and dashes, beginning with a letter".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_interface_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn words_of_other_programs_pass_untouched() {
        let cli =
            Cli::try_parse_from(["e2e", "--name", "probe", "kubectl", "get", "pods", "-A", "-o", "json"]).unwrap();
        assert_eq!(cli.target.name, "probe");
        let Command::Kubectl(Passthrough { words }) = cli.command else {
            panic!("not kubectl")
        };
        assert_eq!(words, ["get", "pods", "-A", "-o", "json"]);
        let cli = Cli::try_parse_from(["e2e", "sh", "--", "sh", "-c", "exit 3"]).unwrap();
        let Command::Sh(Passthrough { words }) = cli.command else {
            panic!("not sh")
        };
        assert_eq!(words, ["sh", "-c", "exit 3"]);
    }

    #[test]
    fn names_that_leave_the_cluster_folder_are_refused() {
        for bad in ["", "../x", "A", "a/b", "-x", "a-name-that-is-far-too-long"] {
            assert!(cluster_name(bad).is_err(), "{bad}");
        }
    }
}
