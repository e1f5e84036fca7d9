//! The Go programs of the cluster, compiled from locked modules; one module per family, since their dependencies differ.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::cached;
use crate::{digest, exec, paths, versions};

/// Folders of the compiled programs, one per family.
#[derive(Clone, Debug)]
pub struct Programs {
    folders: Vec<PathBuf>,
}

struct Family {
    folder: &'static str,
    version: &'static str,
    /// Package and name of the program.
    programs: &'static [(&'static str, &'static str)],
}

const FAMILIES: [Family; 5] = [
    Family {
        folder: "kubernetes",
        version: versions::KUBERNETES,
        programs: &[
            ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
            (
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "kube-controller-manager",
            ),
            ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
            ("k8s.io/kubernetes/cmd/kubelet", "kubelet"),
            ("k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy"),
            ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
            ("go.etcd.io/etcd/server/v3", "etcd"),
        ],
    },
    Family {
        folder: "provisioner",
        version: "1",
        programs: &[(".", "provisioner")],
    },
    Family {
        folder: "coredns",
        version: versions::COREDNS,
        programs: &[("github.com/coredns/coredns", "coredns")],
    },
    Family {
        folder: "helm",
        version: versions::HELM,
        programs: &[("helm.sh/helm/v4/cmd/helm", "helm")],
    },
    Family {
        folder: "kubeconform",
        version: versions::KUBECONFORM,
        programs: &[("github.com/yannh/kubeconform/cmd/kubeconform", "kubeconform")],
    },
];

/// What a suite needs and no cluster.
const PEERS: Family = Family {
    folder: "oidc",
    version: "1",
    programs: &[(".", "oidc")],
};

/// Issues certificates as in many companies' clusters.
const CERT_MANAGER: Family = Family {
    folder: "certmanager",
    version: versions::CERT_MANAGER,
    programs: &[(".", "certmanager")],
};

/// Judges of the alert rules and the dashboards, without the discovery of targets in a dozen clouds.
const PROMETHEUS: Family = Family {
    folder: "prometheus",
    version: versions::PROMETHEUS,
    programs: &[
        ("github.com/prometheus/prometheus/cmd/promtool", "promtool"),
        ("github.com/prometheus/prometheus/cmd/prometheus", "prometheus"),
    ],
};

impl Programs {
    /// The folders, for `PATH`.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The family folder that holds the sources' lock files, for looking up module sources.
    pub fn kubernetes_module() -> PathBuf {
        source("kubernetes")
    }
}

/// Compiles whatever is not in the cache.
pub fn all() -> Result<Programs> {
    let folders = FAMILIES.iter().map(build).collect::<Result<_>>()?;
    Ok(Programs { folders })
}

/// Compiles only the family that holds `program`, for tools that need no cluster.
pub fn one(program: &str) -> Result<PathBuf> {
    let holds = |family: &&Family| family.programs.iter().any(|(_, name)| *name == program);
    let Some(family) = FAMILIES.iter().chain([&PEERS, &CERT_MANAGER, &PROMETHEUS]).find(holds) else {
        bail!("{program} is not one of the programs that this command builds");
    };
    Ok(build(family)?.join(program))
}

fn build(family: &Family) -> Result<PathBuf> {
    let module = source(family.folder);
    let flags = link_flags(family.folder);
    let key = digest::key(&module, &[&flags, TAGS, COMPILER])?;
    cached(&format!("{}-{}-{key}", family.folder, family.version), |scratch| {
        require_go()?;
        println!(
            "compiling {} {} (minutes the first time)",
            family.folder, family.version
        );
        fs::create_dir_all(scratch)?;
        family
            .programs
            .iter()
            .try_for_each(|(package, name)| compile(&module, package, &flags, &scratch.join(name)))
    })
}

/// Where the sources of a module are that a folder of `e2e/go` requires.
pub fn sources(folder: &str, module: &str) -> Result<PathBuf> {
    let mut list = command(&source(folder));
    list.args(["mod", "download", "-json", module]);
    let answer: Value = serde_json::from_str(&exec::output(&mut list)?).context("parse what go mod download says")?;
    let found = answer.get("Dir").and_then(Value::as_str);
    found.map(PathBuf::from).with_context(|| format!("find {module}"))
}

/// A `go` command in `module` that only follows the lock files.
pub fn command(module: &Path) -> Command {
    let mut go = Command::new("go");
    // Without cgo the programs are static and run in an image that has no libc.
    go.current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly")
        .env("GOTOOLCHAIN", "local");
    go
}

/// Only Prometheus knows it.
const TAGS: &str = "remove_all_sd";
/// The linker leaves the debugger's tables out anyway.
const COMPILER: &str = "-gcflags=all=-dwarf=false";
/// The compiler's garbage collector takes a tenth of its time by default, and there is memory.
const COLLECTOR: (&str, &str) = ("GOGC", "800");

fn compile(module: &Path, package: &str, flags: &str, to: &Path) -> Result<()> {
    let mut go = command(module);
    go.env(COLLECTOR.0, COLLECTOR.1)
        .args([
            "build",
            "-trimpath",
            "-buildvcs=false",
            COMPILER,
            "-tags",
            TAGS,
            "-ldflags",
            flags,
            "-o",
        ])
        .arg(to)
        .arg(package);
    exec::quietly(&mut go)
}

fn link_flags(folder: &str) -> String {
    if folder != "kubernetes" {
        return "-s -w".to_owned();
    }
    // Kubernetes learns its own version from the linker; version skew checks and `kubectl version` read it.
    let version = versions::KUBERNETES;
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next().unwrap_or("1"), numbers.next().unwrap_or("0"));
    let base = "-X k8s.io/component-base/version";
    format!(
        "-s -w {base}.gitVersion=v{version} {base}.gitMajor={major} {base}.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
    )
}

fn source(folder: &str) -> PathBuf {
    paths::repository().join("e2e/go").join(folder)
}

fn require_go() -> Result<()> {
    let answer = exec::output(
        Command::new("go")
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local")
            .current_dir(env::temp_dir()),
    );
    let version = answer.context("the local cluster is compiled from Go modules: install Go 1.26 or later")?;
    let minor = version
        .trim()
        .trim_start_matches("go1.")
        .split('.')
        .next()
        .and_then(|minor| minor.parse::<u32>().ok());
    if minor.is_some_and(|minor| minor < 26) {
        bail!(
            "Go 1.26 or later is needed to compile the local cluster, found {}",
            version.trim()
        );
    }
    Ok(())
}
