//! `ApiVersions`: what a node speaks, and the highest version of each request that both sides know.
//!
//! A node that does not know our `ApiVersions` version answers `UNSUPPORTED_VERSION` in a version 0 body, which names the
//! versions it does know (KIP-511); then we ask once more in one of those.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::{Decodable, Message, Request, StrBytes};

use super::connection::Connection;
use super::errors::{BrokerError, ErrorCode, KafkaError, ProtocolFault};
use super::views::{FeatureLevels, FeaturesView};

pub(crate) const API: &str = "ApiVersions";
/// Software name and version in this request, and client features in its answer, exist from here (KIP-511, KIP-584).
const FIRST_WITH_FEATURES: i16 = 3;

/// What one node said about itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeVersions {
    ranges: BTreeMap<i16, (i16, i16)>,
}

impl NodeVersions {
    /// The highest version of `R` that the node and this client both speak.
    pub(crate) fn best<R: Request>(&self) -> Option<i16> {
        let (min, max) = self.ranges.get(&R::KEY)?;
        let ours = <R as Message>::VERSIONS;
        let best = ours.max.min(*max);
        (best >= ours.min && best >= *min).then_some(best)
    }
}

pub(crate) async fn negotiate(connection: &Connection) -> Result<NodeVersions, KafkaError> {
    let newest = <ApiVersionsRequest as Message>::VERSIONS.max;
    match ask(connection, newest).await? {
        Answer::Spoken(response) => Ok(node_versions(&response)),
        Answer::Unsupported(offer) => {
            let version = node_versions(&offer)
                .best::<ApiVersionsRequest>()
                .filter(|best| *best < newest)
                .unwrap_or(0);
            match ask(connection, version).await? {
                Answer::Spoken(response) => Ok(node_versions(&response)),
                Answer::Unsupported(_) => Err(KafkaError::UnsupportedApi {
                    api: API,
                    address: connection.address().to_owned(),
                }),
            }
        }
    }
}

enum Answer {
    Spoken(ApiVersionsResponse),
    Unsupported(ApiVersionsResponse),
}

async fn ask(connection: &Connection, version: i16) -> Result<Answer, KafkaError> {
    let body = connection.exchange(API, &request(version), version).await?;
    let undecodable = || connection.fault(API, ProtocolFault::Undecodable);
    let code = body.clone().try_get_i16().map_err(|_| undecodable())?;
    if ErrorCode(code) == ErrorCode::UNSUPPORTED_VERSION {
        return decode(body, 0).map(Answer::Unsupported).ok_or_else(undecodable);
    }
    BrokerError::check(code, None).map_err(|error| KafkaError::Broker {
        api: API,
        address: connection.address().to_owned(),
        error,
    })?;
    decode(body, version).map(Answer::Spoken).ok_or_else(undecodable)
}

pub(crate) fn request(version: i16) -> ApiVersionsRequest {
    let request = ApiVersionsRequest::default();
    if version < FIRST_WITH_FEATURES {
        return request;
    }
    request
        .with_client_software_name(StrBytes::from_static_str("productionkafka"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")))
}

fn decode(mut body: Bytes, version: i16) -> Option<ApiVersionsResponse> {
    ApiVersionsResponse::decode(&mut body, version).ok()
}

fn node_versions(response: &ApiVersionsResponse) -> NodeVersions {
    let ranges = response
        .api_keys
        .iter()
        .map(|api| (api.api_key, (api.min_version, api.max_version)))
        .collect();
    NodeVersions { ranges }
}

pub(crate) fn features(response: &ApiVersionsResponse) -> FeaturesView {
    FeaturesView {
        finalized_epoch: Some(response.finalized_features_epoch).filter(|epoch| *epoch >= 0),
        finalized: response
            .finalized_features
            .iter()
            .map(|feature| (feature.name.to_string(), feature.max_version_level))
            .collect(),
        supported: response
            .supported_features
            .iter()
            .map(|feature| {
                (
                    feature.name.to_string(),
                    FeatureLevels {
                        min: feature.min_version,
                        max: feature.max_version,
                    },
                )
            })
            .collect(),
    }
}
