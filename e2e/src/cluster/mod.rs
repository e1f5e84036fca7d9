//! The local cluster: a real Kubernetes in network, mount and process namespaces of its own.
//!
//! `up` (outside) starts `launch`, which becomes `unshare`; its child `init` is the first process inside, lets `boot`
//! start every daemon, and reaps. Killing the `unshare` process ends everything, mounts and networks included; only
//! cgroups and the cluster's folder remain, and `down` removes those.

pub mod addons;
pub mod boot;
pub mod cgroup;
pub mod containerd;
pub mod control_plane;
pub mod daemon;
pub mod down;
pub mod enter;
pub mod kubeconfig;
pub mod network;
pub mod node;
pub mod pki;
pub mod spec;
pub mod startup;
pub mod state;
pub mod up;

pub use spec::Spec;
