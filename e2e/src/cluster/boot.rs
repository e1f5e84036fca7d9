//! What runs inside the namespaces: `init`, the first process, and `boot`, which starts everything and leaves.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};

use super::spec::{DNS_ADDRESS, Node, Spec};
use super::startup::Kubelets;
use super::{addons, control_plane, kubeconfig, network, node, pki, state::State};
use crate::{exec, paths};

/// Longest time that one step of the start may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Becomes the cluster's outermost process. Its identity is written before anything can fail, so that `down` finds it
/// whatever happens to the command that started it.
pub fn launch(name: &str) -> Result<()> {
    State::of_this_process()?.write(&paths::cluster(name)?)?;
    let program = std::env::current_exe().context("find this program")?;
    let mut unshare = Command::new("unshare");
    unshare.args([
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--",
    ]);
    let error = unshare.arg(program).args(["--name", name, "init"]).exec();
    Err(error).context("start unshare")
}

/// The first process of the namespaces: adopts every orphan and takes its exit status. Ends, and the whole cluster with
/// it, only when the start fails.
pub fn init(name: &str) -> Result<()> {
    let program = std::env::current_exe().context("find this program")?;
    let boot = Command::new(program)
        .args(["--name", name, "boot"])
        .spawn()
        .context("start the boot process")?;
    let boot = i32::try_from(boot.id())?;
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, 0)) if pid.as_raw() == boot => {}
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) if pid.as_raw() == boot => {
                bail!("the cluster {name} did not start")
            }
            // Between the end of `boot` and the first orphan there may be no child at all.
            Err(Errno::ECHILD) => sleep(Duration::from_secs(1)),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Starts everything; returns when the cluster serves.
pub fn boot(name: &str) -> Result<()> {
    let started = Instant::now();
    let say = |text: &str| println!("{:6.1}s {text}", started.elapsed().as_secs_f64());
    let spec = Spec::read(name)?;
    network::prepare(&spec)?;
    pki::write(&spec)?;
    kubeconfig::write(&spec)?;
    fs::create_dir_all(spec.folder.join("volumes"))?;
    control_plane::start(&spec)?;
    say("networks, certificates and control plane started");
    let nodes = spec.node_list();
    thread::scope(|scope| {
        let starting: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(|| start_node(&spec, node)))
            .collect();
        wait("the API server answers", || api_server_answers(&spec))?;
        say("API server ready");
        exec::output_with_input(kubectl(&spec)?.args(["apply", "-f", "-"]), &addons::manifest())?;
        control_plane::start_clients(&spec)?;
        let crashed = || Err(anyhow!("starting a node crashed"));
        starting
            .into_iter()
            .try_for_each(|node| node.join().unwrap_or_else(|_| crashed()))
    })?;
    say("nodes started");
    let mut kubelets = Kubelets::of(&spec);
    let ready = wait("every node is Ready and DNS answers", || {
        kubelets.revive().and_then(|()| nodes_and_dns(&spec))
    });
    if ready.is_err() {
        show(&spec);
        kubelets.explain();
    }
    ready?;
    say("nodes Ready, cluster DNS serves");
    fs::write(spec.ready_mark(), "").context("mark the cluster as ready")
}

fn start_node(spec: &Spec, node: &Node) -> Result<()> {
    node::prepare(spec, node)?;
    // Kubelet gives up early when it cannot register.
    wait("the API server answers", || api_server_answers(spec))?;
    node::join(spec, node)
}

fn api_server_answers(spec: &Spec) -> Result<()> {
    exec::quietly(kubectl(spec)?.args(["get", "--raw", "/readyz"]))
}

fn nodes_and_dns(spec: &Spec) -> Result<()> {
    let template = "jsonpath={range .items[*]}{.status.conditions[?(@.type==\"Ready\")].status}{\" \"}{end}";
    let ready = exec::output(kubectl(spec)?.args(["get", "nodes", "-o", template]))?;
    let count = ready.split_whitespace().filter(|status| *status == "True").count();
    if count < usize::from(spec.nodes) {
        bail!("{count} of {} nodes are Ready", spec.nodes);
    }
    // Pods are refused until the controllers have given their namespace its service account.
    exec::quietly(kubectl(spec)?.args(["get", "serviceaccount", "default"]))?;
    // A connection, not a question: a lost datagram would cost the resolver's time-out of seconds.
    let dns = SocketAddr::new(DNS_ADDRESS.parse()?, 53);
    TcpStream::connect_timeout(&dns, Duration::from_millis(300))
        .map(drop)
        .context("reach cluster DNS through its Service")
}

/// What the API server knows of the nodes.
fn show(spec: &Spec) {
    let Ok(mut command) = kubectl(spec) else { return };
    if let Ok(text) = exec::output(command.args(["describe", "nodes"])) {
        println!("{text}");
    }
}

fn kubectl(spec: &Spec) -> Result<Command> {
    let mut kubectl = Command::new(spec.program("kubectl")?);
    kubectl
        .arg(format!("--kubeconfig={}", spec.admin_kubeconfig().display()))
        .env("HOME", Path::new(&spec.folder));
    Ok(kubectl)
}

fn wait(what: &str, mut check: impl FnMut() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = check() {
        if Instant::now() > deadline {
            return Err(error.context(format!("waited {} s until {what}", PATIENCE.as_secs())));
        }
        sleep(Duration::from_millis(200));
    }
    Ok(())
}
