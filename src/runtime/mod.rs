//! The parts every long-running process needs: client, leader lease, HTTP endpoints and requests, metrics, logs, shutdown.
//!
//! Each part is usable alone and knows nothing of Kafka resources.

pub mod client;
pub mod lease;
pub mod metrics;
pub mod scrape;
pub mod server;
pub mod shutdown;
pub mod telemetry;
