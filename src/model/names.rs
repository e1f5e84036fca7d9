//! Names of every object of a cluster, built here and nowhere else. They form voter endpoints and volumes: a name that
//! exists in the field can never change.

/// A cluster's place: names that don't depend on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNames {
    pub cluster: String,
    pub namespace: String,
    /// DNS domain of the Kubernetes cluster; only in certificates, never in an endpoint.
    pub domain: String,
}

/// Names of one Kafka node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNames {
    pub stateful_set: String,
    pub pod: String,
    /// DNS name without the cluster domain: what voters, brokers and certificates call this node.
    pub host: String,
    /// Secret with the certificate between nodes.
    pub tls_secret: String,
    /// Secret with what a broker shows to clients.
    pub server_tls_secret: String,
    namespace: String,
    domain: String,
}

impl ClusterNames {
    pub fn node(&self, pool: &str, id: i32) -> NodeNames {
        let stateful_set = format!("{}-{pool}-{id}", self.cluster);
        let pod = format!("{stateful_set}-0");
        NodeNames {
            host: format!("{pod}.{}.{}.svc", self.nodes_service(), self.namespace),
            tls_secret: format!("{stateful_set}-tls"),
            server_tls_secret: format!("{stateful_set}-server-tls"),
            pod,
            stateful_set,
            namespace: self.namespace.clone(),
            domain: self.domain.clone(),
        }
    }

    /// Headless Service of all nodes.
    pub fn nodes_service(&self) -> String {
        format!("{}-nodes", self.cluster)
    }

    /// Service of the controllers that are ready, whoever they are.
    pub fn controllers_service(&self) -> String {
        format!("{}-controllers", self.cluster)
    }

    /// `host` of the controllers' Service, without the cluster domain.
    pub fn controllers_host(&self) -> String {
        format!("{}.{}.svc", self.controllers_service(), self.namespace)
    }

    /// Service through which clients of a listener find a first broker.
    pub fn bootstrap_service(&self, listener: &str) -> String {
        format!("{}-{listener}-bootstrap", self.cluster)
    }

    /// Service of one broker on an exposed listener.
    pub fn broker_service(&self, listener: &str, broker: i32) -> String {
        format!("{}-{listener}-{broker}", self.cluster)
    }

    /// Secret with what brokers read of client listeners: users of SASL/PLAIN, certificates of the user's own.
    pub fn listener_files(&self) -> String {
        format!("{}-listener-files", self.cluster)
    }

    /// Secret with the key of delegation tokens.
    pub fn delegation_key(&self) -> String {
        format!("{}-delegation-key", self.cluster)
    }

    /// `host` of the bootstrap Service, without the cluster domain.
    pub fn bootstrap_host(&self, listener: &str) -> String {
        format!("{}.{}.svc", self.bootstrap_service(listener), self.namespace)
    }

    /// ConfigMap that survives the resource: cluster id, voters of the first day, node ids, racks.
    pub fn identity(&self) -> String {
        format!("{}-identity", self.cluster)
    }

    /// ConfigMap with the spec that was accepted last.
    pub fn accepted(&self) -> String {
        format!("{}-accepted", self.cluster)
    }

    /// Secret with the key of the CA that signs nodes and the operator; survives the resource.
    pub fn cluster_ca(&self) -> String {
        format!("{}-cluster-ca", self.cluster)
    }

    /// Secret with the key of the CA that signs clients; survives the resource.
    pub fn clients_ca(&self) -> String {
        format!("{}-clients-ca", self.cluster)
    }

    /// Secret with the certificate that applications trust.
    pub fn cluster_ca_cert(&self) -> String {
        format!("{}-cluster-ca-cert", self.cluster)
    }

    /// Secret with the operator's own client certificate.
    pub fn operator_tls(&self) -> String {
        format!("{}-operator-tls", self.cluster)
    }

    /// Secret with the client certificate of ACL Jobs.
    pub fn acl_sync_tls(&self) -> String {
        format!("{}-acl-sync-tls", self.cluster)
    }

    /// Name of the ACL Job for one content hash.
    pub fn acl_job(&self, hash: &str) -> String {
        format!("{}-acl-{}", self.cluster, hash.get(..10).unwrap_or(hash))
    }

    /// ConfigMap with document `index` of an ACL Job.
    pub fn acl_document(&self, hash: &str, index: usize) -> String {
        format!("{}-{index}", self.acl_job(hash))
    }

    /// Whether a ConfigMap of this name holds a document of an ACL Job.
    pub fn is_acl_document(cluster: &str, name: &str) -> bool {
        let rest = name.strip_prefix(cluster).and_then(|rest| rest.strip_prefix("-acl-"));
        let parts = rest.and_then(|rest| rest.split_once('-'));
        parts.is_some_and(|(hash, index)| {
            hash.len() == 10 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && index.parse::<usize>().is_ok()
        })
    }

    /// DNS names that a Service's certificate holds.
    pub fn dns_names(&self, host: &str) -> Vec<String> {
        vec![host.to_owned(), format!("{host}.{}", self.domain)]
    }
}

impl NodeNames {
    /// Immutable ConfigMap with the node's files, for one content hash.
    pub fn config_map(&self, hash: &str) -> String {
        format!("{}-config-{hash}", self.stateful_set)
    }

    /// Claim of volume `index`, of which so many others were used before.
    pub fn claim(&self, index: usize, generation: u32) -> String {
        let first = format!("{}-{}", volume(index), self.pod);
        match generation {
            0 => first,
            _ => format!("{first}-{generation}"),
        }
    }

    /// DNS names in the node's certificate.
    pub fn dns_names(&self) -> Vec<String> {
        vec![self.host.clone(), format!("{}.{}", self.host, self.domain)]
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// Name of volume `index` in the pod.
pub fn volume(index: usize) -> String {
    format!("data-{index}")
}

/// Secret with what an application needs to connect as a user.
pub fn credentials(user: &str) -> String {
    format!("{user}-kafka-credentials")
}
