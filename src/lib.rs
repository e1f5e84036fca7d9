//! Production Kafka: an operator that turns one `ProductionKafka` resource into a hardened Apache Kafka 4.x cluster.
//!
//! Layers (an arrow may be used only downwards): cli → controller → {render, rollout, rebalance, upgrade, pki, acl, kafka,
//! runtime} → {model, capacity} → tuning → api;
//! kafka knows nothing of Kubernetes, runtime nothing of clusters, and pure modules no client, clock or environment.
#![forbid(unsafe_code)]

pub mod acl;
pub mod api;
pub mod capacity;
pub mod cli;
pub mod controller;
pub mod kafka;
pub mod model;
pub mod pki;
pub mod quorum;
pub mod rebalance;
pub mod render;
pub mod rollout;
pub mod runtime;
pub mod tuning;
pub mod upgrade;
pub mod user;
pub mod verify;

#[cfg(test)]
mod tests;
