//! `DescribeCluster`: brokers (fenced ones since version 2, KIP-1073) or controllers (since version 1, KIP-919).

use kafka_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

use super::{known, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::views::{BrokerState, ClusterView};

/// Endpoint types of KIP-919.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) enum DescribeCluster {
    Brokers { include_fenced: bool },
    Controllers,
}

impl Api for DescribeCluster {
    const NAME: &'static str = "DescribeCluster";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeClusterRequest;
    type Output = ClusterView;

    fn request(&self, _version: i16) -> Result<DescribeClusterRequest, ProtocolFault> {
        let (endpoint_type, include_fenced) = match self {
            Self::Brokers { include_fenced } => (BROKERS, *include_fenced),
            Self::Controllers => (CONTROLLERS, false),
        };
        Ok(DescribeClusterRequest::default()
            .with_endpoint_type(endpoint_type)
            .with_include_fenced_brokers(include_fenced))
    }

    fn read(&self, response: DescribeClusterResponse) -> Result<ClusterView, Refusal> {
        verdict(response.error_code, response.error_message.as_ref())?;
        let brokers = response.brokers.iter().map(|broker| BrokerState {
            id: broker.broker_id.0,
            host: broker.host.to_string(),
            port: broker.port,
            rack: broker.rack.as_ref().map(ToString::to_string),
            fenced: broker.is_fenced,
        });
        Ok(ClusterView {
            cluster_id: response.cluster_id.to_string(),
            controller_id: known(response.controller_id),
            brokers: brokers.collect(),
        })
    }

    fn throttle_ms(response: &DescribeClusterResponse) -> i32 {
        response.throttle_time_ms
    }
}
