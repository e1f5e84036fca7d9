//! Finalised features, which Kafka tells in `ApiVersions` (KIP-584).

use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

use super::verdict;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::negotiate;
use crate::kafka::views::FeaturesView;

pub(crate) struct DescribeFeatures;

impl Api for DescribeFeatures {
    const NAME: &'static str = negotiate::API;
    const REPEAT: Repeat = Repeat::Safe;
    type Request = ApiVersionsRequest;
    type Output = FeaturesView;

    fn request(&self, version: i16) -> Result<ApiVersionsRequest, ProtocolFault> {
        Ok(negotiate::request(version))
    }

    fn read(&self, response: ApiVersionsResponse) -> Result<FeaturesView, Refusal> {
        verdict(response.error_code, None)?;
        Ok(negotiate::features(&response))
    }

    fn throttle_ms(response: &ApiVersionsResponse) -> i32 {
        response.throttle_time_ms
    }
}
