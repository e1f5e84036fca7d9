//! etcd, API server, controller manager, scheduler, cluster DNS, a service proxy for the control network, and the provisioner.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::spec::{CONTROL_ADDRESS, DOMAIN, POD_NETWORK, SERVICE_NETWORK, Spec};
use super::{addons, daemon, pki};

/// Who asked for what and when, without bodies: enough to count requests and writes per user.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
";

/// With its default of 20 requests a second the controller manager needs five seconds to start its controllers.
const CLIENT_LIMITS: [&str; 2] = ["--kube-api-qps=200", "--kube-api-burst=400"];

/// Starts what needs no node. None of it waits: each program retries until the one it needs is there.
pub fn start(spec: &Spec) -> Result<()> {
    let policy = spec.folder.join("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY).with_context(|| format!("write {}", policy.display()))?;
    etcd(spec)?;
    api_server(spec)?;
    controller_manager(spec)?;
    let mut scheduler = Command::new(spec.program("kube-scheduler")?);
    scheduler
        .arg(kubeconfig(spec, "scheduler"))
        .arg("--leader-elect=false")
        .args(CLIENT_LIMITS);
    daemon::start(spec, "scheduler", &mut scheduler)
}

/// Starts what exits when the API server does not answer yet.
pub fn start_clients(spec: &Spec) -> Result<()> {
    let mut proxy = Command::new(spec.program("kube-proxy")?);
    // Commands in the control network reach Services and cluster DNS through it. It waits 30 s for the node that it is
    // said to run on, so it is said to run on one that exists.
    proxy.arg(kubeconfig(spec, "proxy")).args(proxy_flags("node-1"));
    daemon::start(spec, "proxy-control", &mut proxy)?;
    let corefile = spec.folder.join("Corefile");
    fs::write(&corefile, addons::corefile(spec)).with_context(|| format!("write {}", corefile.display()))?;
    let mut dns = Command::new(spec.program("coredns")?);
    daemon::start(spec, "dns", dns.arg("-conf").arg(corefile))?;
    let mut provisioner = Command::new(spec.program("provisioner")?);
    provisioner
        .arg(kubeconfig(spec, "provisioner"))
        .arg(format!("--folder={}", spec.folder.join("volumes").display()));
    daemon::start(spec, "provisioner", &mut provisioner)
}

/// Flags of a service proxy; connection-tracking limits belong to the whole machine and are left alone.
pub fn proxy_flags(host: &str) -> Vec<String> {
    vec![
        format!("--hostname-override={host}"),
        format!("--cluster-cidr={POD_NETWORK}"),
        "--proxy-mode=iptables".to_owned(),
        "--conntrack-max-per-core=0".to_owned(),
    ]
}

pub fn kubeconfig(spec: &Spec, user: &str) -> String {
    format!("--kubeconfig={}", spec.kubeconfig(user).display())
}

fn etcd(spec: &Spec) -> Result<()> {
    let mut etcd = Command::new(spec.program("etcd")?);
    etcd.arg(format!("--data-dir={}", spec.folder.join("etcd").display()));
    // Nothing of a test cluster outlives a crash of the machine.
    etcd.args(["--unsafe-no-fsync", "--listen-client-urls=http://127.0.0.1:2379"]);
    etcd.args([
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
    ]);
    daemon::start(spec, "etcd", &mut etcd)
}

fn api_server(spec: &Spec) -> Result<()> {
    let folder = spec.certificates();
    let file = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = pki::files(spec, "apiserver");
    let mut server = Command::new(spec.program("kube-apiserver")?);
    server.args([
        "--etcd-servers=http://127.0.0.1:2379",
        "--bind-address=0.0.0.0",
        "--secure-port=6443",
    ]);
    server.args([
        "--authorization-mode=Node,RBAC",
        "--allow-privileged",
        "--enable-admission-plugins=NodeRestriction",
    ]);
    server.args(["--kubelet-preferred-address-types=InternalIP"]);
    server.arg(format!("--advertise-address={CONTROL_ADDRESS}"));
    server.arg(format!("--tls-cert-file={}", certificate.display()));
    server.arg(format!("--tls-private-key-file={}", key.display()));
    server.arg(format!("--client-ca-file={}", file("ca.crt")));
    server.arg(format!("--kubelet-certificate-authority={}", file("ca.crt")));
    server.arg(format!(
        "--kubelet-client-certificate={}",
        file("apiserver-kubelet.crt")
    ));
    server.arg(format!("--kubelet-client-key={}", file("apiserver-kubelet.key")));
    server.arg(format!("--service-account-key-file={}", file("service-accounts.pub")));
    server.arg(format!(
        "--service-account-signing-key-file={}",
        file("service-accounts.key")
    ));
    server.arg(format!(
        "--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}"
    ));
    server.arg(format!("--service-cluster-ip-range={SERVICE_NETWORK}"));
    server.arg(format!(
        "--audit-policy-file={}",
        spec.folder.join("audit-policy.yaml").display()
    ));
    server.arg(format!("--audit-log-path={}", spec.audit_log().display()));
    // In megabytes: never rotated, for suites read it whole.
    server.arg("--audit-log-maxsize=100000");
    daemon::start(spec, "apiserver", &mut server)
}

fn controller_manager(spec: &Spec) -> Result<()> {
    let folder = spec.certificates();
    let mut manager = Command::new(spec.program("kube-controller-manager")?);
    manager.arg(kubeconfig(spec, "controller-manager"));
    manager.arg(format!(
        "--service-account-private-key-file={}",
        folder.join("service-accounts.key").display()
    ));
    manager.arg(format!("--root-ca-file={}", folder.join("ca.crt").display()));
    // A lost node is noticed after 20 s instead of 50 s.
    manager.args([
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--node-monitor-grace-period=20s",
    ]);
    daemon::start(spec, "controller-manager", &mut manager)
}
