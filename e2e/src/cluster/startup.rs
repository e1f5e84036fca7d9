//! While the cluster starts: a kubelet that ended is started once more, as an init system would, and a start that fails
//! says what its nodes said. Nothing here runs once the cluster serves, so that a suite can end a program for good.

use std::fs;

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::node;
use super::spec::{Node, Spec};

/// Starts of one kubelet before the cluster's start fails.
const STARTS: u8 = 5;

/// Last lines of each log that are shown.
const LINES: usize = 25;

/// How often each node's kubelet was started.
pub struct Kubelets<'a> {
    spec: &'a Spec,
    started: Vec<(Node, u8)>,
}

impl<'a> Kubelets<'a> {
    /// Each of them was started once.
    pub fn of(spec: &'a Spec) -> Self {
        let started = spec.node_list().into_iter().map(|node| (node, 1)).collect();
        Self { spec, started }
    }

    /// Starts again what has ended; an error when it ends again and again.
    pub fn revive(&mut self) -> Result<()> {
        for (node, starts) in &mut self.started {
            if !ended(self.spec, &program(node))? {
                continue;
            }
            println!("        the kubelet of {} ended; its last words:", node.name);
            print(self.spec, &program(node));
            if *starts >= STARTS {
                bail!("the kubelet of {} ended {STARTS} times", node.name);
            }
            node::start_kubelet(self.spec, node)?;
            *starts += 1;
        }
        Ok(())
    }

    /// Prints the end of every node's logs.
    pub fn explain(&self) {
        for (node, _) in &self.started {
            for name in [format!("containerd-{}", node.number), program(node)] {
                println!("        ---- {name}");
                print(self.spec, &name);
            }
        }
    }
}

fn program(node: &Node) -> String {
    format!("kubelet-{}", node.number)
}

/// Whether a child of this process has ended.
fn ended(spec: &Spec, name: &str) -> Result<bool> {
    let file = spec.folder.join("pid").join(name);
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    match waitpid(Pid::from_raw(text.trim().parse()?), Some(WaitPidFlag::WNOHANG)) {
        Ok(state) => Ok(state.pid().is_some()),
        Err(Errno::ECHILD) => Ok(true),
        Err(error) => Err(error).with_context(|| format!("look after {name}")),
    }
}

fn print(spec: &Spec, name: &str) {
    let text = fs::read(spec.logs().join(format!("{name}.log"))).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default() {
        println!("        {}", line.chars().take(400).collect::<String>());
    }
}
