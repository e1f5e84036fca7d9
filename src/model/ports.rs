//! Ports of the operator's own listeners. Voter endpoints hold the controller port for ever: it must never change.

/// Listener `CONTROLLER` of controllers.
pub const CONTROLLER: i32 = 9090;
/// Listener `REPLICATION` of brokers: replication, operator, probes and ACL Jobs.
pub const REPLICATION: i32 = 9091;
/// JMX exporter.
pub const METRICS: i32 = 9404;
