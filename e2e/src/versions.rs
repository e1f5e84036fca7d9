//! Every pinned version of the local cluster and its images: the one file to edit for an upgrade.
//!
//! The Go programs are additionally locked by the `go.mod` and `go.sum` files under `e2e/go`; a test keeps both in step.

/// Kubernetes: 1.34 is the newest release whose kubelet still runs on cgroup v1 machines.
pub const KUBERNETES: &str = "1.34.4";
pub const COREDNS: &str = "1.14.7";
pub const HELM: &str = "4.3.1";
pub const KUBECONFORM: &str = "0.8.0";
/// Prometheus 3.16, in the numbering of its Go module.
pub const PROMETHEUS: &str = "0.316.0";
pub const CERT_MANAGER: &str = "1.21.2";
/// Bill of materials of the operator's image.
pub const CYCLONEDX: &str = "0.5.9";
/// Judge of the dependencies.
pub const CARGO_DENY: &str = "0.20.2";
/// Tag of the sandbox image that containerd asks for.
pub const PAUSE: &str = "3.10";
/// Prometheus JMX exporter, the Java agent inside the operator image.
pub const JMX_EXPORTER: &str = "1.0.1";
/// SHA-256 of that jar as published on Maven Central.
pub const JMX_EXPORTER_SHA256: &str = "7d61f737fd661610ccc14aea79764faa1ea94a340cbc8f0029b3d2edea3d80c1";

/// A Kafka release that an image can be assembled for, and which of its parts Maven Central holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kafka {
    pub version: &'static str,
    /// Log4j of that release; not part of Kafka's own Maven dependencies.
    pub log4j: &'static str,
    /// `kafka-tools` and `kafka-shell`: all command line tools except storage and configs.
    pub tools: bool,
    /// Connect runtime, `MirrorMaker` and their plugins.
    pub connect: bool,
}

/// The release whose client tools serve the releases that have none.
pub const DEFAULT_KAFKA: &str = "4.3.1";

pub const KAFKA: [Kafka; 3] = [
    Kafka {
        version: "4.2.1",
        log4j: "2.25.4",
        tools: true,
        connect: false,
    },
    Kafka {
        version: "4.3.1",
        log4j: "2.25.4",
        tools: true,
        connect: true,
    },
    Kafka {
        version: "4.4.0",
        log4j: "2.25.4",
        tools: false,
        connect: false,
    },
];

/// Looks a Kafka release up by its version.
pub fn kafka(version: &str) -> Option<Kafka> {
    KAFKA.into_iter().find(|kafka| kafka.version == version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requires(go_mod: &str, module: &str, version: &str) -> bool {
        let wanted = format!("{module} v{version}");
        go_mod.lines().any(|line| {
            line.trim()
                .trim_start_matches("require ")
                .trim_end_matches(" // indirect")
                == wanted
        })
    }

    #[test]
    fn go_modules_hold_the_pinned_versions() {
        assert!(requires(
            include_str!("../go/kubernetes/go.mod"),
            "k8s.io/kubernetes",
            KUBERNETES
        ));
        assert!(requires(
            include_str!("../go/coredns/go.mod"),
            "github.com/coredns/coredns",
            COREDNS
        ));
        assert!(requires(include_str!("../go/helm/go.mod"), "helm.sh/helm/v4", HELM));
        assert!(requires(
            include_str!("../go/kubeconform/go.mod"),
            "github.com/yannh/kubeconform",
            KUBECONFORM
        ));
        assert!(requires(
            include_str!("../go/prometheus/go.mod"),
            "github.com/prometheus/prometheus",
            PROMETHEUS
        ));
    }

    #[test]
    fn the_dockerfile_has_the_same_exporter() {
        let dockerfile = include_str!("../../images/operator/Dockerfile");
        assert!(dockerfile.contains(JMX_EXPORTER_SHA256));
        assert!(dockerfile.contains(&format!("jmx_prometheus_javaagent-{JMX_EXPORTER}.jar")));
    }

    #[test]
    fn the_default_kafka_is_complete() {
        let default = kafka(DEFAULT_KAFKA).expect("default release is listed");
        assert!(default.tools && default.connect);
    }
}
