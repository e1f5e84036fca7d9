//! `java.security`: how long a JVM of Kafka keeps what a name resolved to. A pod gets another address with every restart, and
//! Java keeps an address for 30 s and a failure for 10 s. A broker that goes on dialling the former address of the controller
//! that leads now is fenced after `broker.session.timeout.ms` (9 s), and its partitions stand still until then.

/// The file's text; it's read on top of the JDK's own. In seconds.
pub const JAVA_SECURITY: &str = "networkaddress.cache.ttl=2\nnetworkaddress.cache.negative.ttl=1\n";
