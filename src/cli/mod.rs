//! cli
pub mod node_init;
