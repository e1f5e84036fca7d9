//! `DescribeCluster` (fenced brokers since version 2, KIP-1073).

use kafka_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

use super::{known, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::views::{BrokerState, ClusterView};

pub(crate) struct DescribeCluster {
    pub include_fenced: bool,
}

impl Api for DescribeCluster {
    const NAME: &'static str = "DescribeCluster";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeClusterRequest;
    type Output = ClusterView;

    fn request(&self, _version: i16) -> Result<DescribeClusterRequest, ProtocolFault> {
        Ok(DescribeClusterRequest::default().with_include_fenced_brokers(self.include_fenced))
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
