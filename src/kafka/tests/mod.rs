//! The client against scripted brokers.

mod answers;
mod configs;
mod eligible;
mod faults;
mod features;
mod fuzz;
mod groups;
mod log_dirs;
mod negotiation;
mod observed;
mod quotas;
mod reassignments;
mod registrations;
mod scram;
mod tls;

use std::time::Duration;

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};
use kafka_protocol::protocol::StrBytes;

use super::scripted::{Script, ScriptedBroker, Step};
use super::*;

const HOST: &str = "orders-brokers-100-0.orders-nodes.kafka.svc";

fn quick() -> ClientOptions {
    ClientOptions {
        call_timeout: Duration::from_secs(5),
        attempt_timeout: Duration::from_millis(400),
        dial_timeout: Duration::from_secs(2),
        ..ClientOptions::default()
    }
}

fn brokers(endpoints: Vec<Endpoint>) -> Endpoints {
    Endpoints {
        brokers: endpoints,
        controllers: Vec::new(),
    }
}

fn plain(endpoints: Endpoints) -> KafkaClient {
    KafkaClient::new(Transport::Plain, endpoints, quick())
}

fn client_of(broker: &ScriptedBroker) -> KafkaClient {
    plain(brokers(vec![broker.endpoint(Some(100), HOST)]))
}

fn cluster() -> DescribeClusterResponse {
    DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_static_str("TEgxAmaTT0OrL3bKwUBMwg"))
        .with_controller_id(BrokerId(100))
        .with_brokers(vec![
            DescribeClusterBroker::default()
                .with_broker_id(BrokerId(100))
                .with_host(StrBytes::from_static_str(HOST))
                .with_port(9091)
                .with_rack(Some(StrBytes::from_static_str("a"))),
            DescribeClusterBroker::default()
                .with_broker_id(BrokerId(101))
                .with_is_fenced(true),
        ])
}

fn answers_cluster() -> Script {
    Script::new().on::<DescribeClusterRequest>(|_, _| Step::Reply(cluster()))
}
