//! A small world to run the operator in: an apiserver, a Kafka, a kubelet, a clock; all in this process, all
//! deterministic. What the operator does to it is numbered, and any of it can be made to fail or to be its last act.

mod actuator;
mod apiserver;
mod apply;
mod call;

pub mod clock;
mod end_state;
mod gate;
mod kafka;
mod kafka_admin;
mod operator;
mod oracles;
mod plan;
pub mod secrets;
mod world;

pub use gate::Fault;
pub use world::{CLUSTER, Simulation};

/// Runs a test where no other thread can interfere.
pub fn on_one_thread<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// How far apart the writes are at which a test strikes: `usual`, or all of them with `EVERY_WRITE=1` in the environment,
/// which takes minutes.
pub fn stride(usual: usize) -> usize {
    if std::env::var_os("EVERY_WRITE").is_some() {
        1
    } else {
        usual
    }
}
