//! Where a node is dialled and who it must prove to be.

/// One node's listener.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `None` for a bootstrap address that stands for no particular node.
    pub node_id: Option<i32>,
    /// `host:port`, `ip:port` or `[ipv6]:port`; what is dialled.
    pub address: String,
    /// The DNS name that the server's certificate must carry, whatever address was dialled.
    pub server_name: String,
}

/// All listeners of a cluster that the client may dial.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    pub brokers: Vec<Endpoint>,
    pub controllers: Vec<Endpoint>,
}
