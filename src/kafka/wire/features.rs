//! Finalised features: Kafka tells them in `ApiVersions` (KIP-584) and changes them with `UpdateFeatures` (KIP-778).
//!
//! A change of unknown fate is not ordered again, for most cannot be taken back: the caller reads the levels first.

use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

use super::{settled, text, verdict};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::{BrokerError, ErrorCode, ProtocolFault};
use crate::kafka::features::{FeatureChange, FeatureUpgrade};
use crate::kafka::negotiate;
use crate::kafka::views::FeaturesView;

/// Upgrade types, and a dry run, exist from here (KIP-778).
const FIRST_WITH_UPGRADE_TYPE: i16 = 1;

pub(crate) struct DescribeFeatures;

pub(crate) struct UpdateFeatures {
    pub changes: Vec<FeatureChange>,
    pub validate_only: bool,
    pub timeout_ms: i32,
}

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

impl Api for UpdateFeatures {
    const NAME: &'static str = "UpdateFeatures";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = UpdateFeaturesRequest;
    type Output = Outcomes<String>;

    /// In version 0 a dry run does not encode, so it never becomes a real change.
    fn request(&self, version: i16) -> Result<UpdateFeaturesRequest, ProtocolFault> {
        Ok(UpdateFeaturesRequest::default()
            .with_timeout_ms(self.timeout_ms)
            .with_validate_only(self.validate_only)
            .with_feature_updates(self.changes.iter().map(|change| update(change, version)).collect()))
    }

    /// Up to version 1 each feature has a result; version 2 has one verdict on all.
    fn read(&self, response: UpdateFeaturesResponse) -> Result<Outcomes<String>, Refusal> {
        let common = match verdict(response.error_code, response.error_message.as_ref()) {
            Err(error) if !is_about_features(&error) => return Err(error.into()),
            common => common,
        };
        let results = response.results.iter().map(|result| {
            let own = verdict(result.error_code, result.error_message.as_ref());
            (result.feature.to_string(), own)
        });
        let mut outcomes: Outcomes<String> = results.collect();
        for change in &self.changes {
            if outcomes.contains_key(&change.feature) {
                continue;
            }
            if !response.results.is_empty() && common.is_ok() {
                return Err(ProtocolFault::Missing(change.feature.clone()).into());
            }
            outcomes.insert(change.feature.clone(), common.clone());
        }
        settled(outcomes)
    }

    fn throttle_ms(response: &UpdateFeaturesResponse) -> i32 {
        response.throttle_time_ms
    }
}

fn is_about_features(error: &BrokerError) -> bool {
    matches!(
        error.code,
        ErrorCode::INVALID_UPDATE_VERSION | ErrorCode::FEATURE_UPDATE_FAILED
    )
}

fn update(change: &FeatureChange, version: i16) -> FeatureUpdateKey {
    let update = FeatureUpdateKey::default()
        .with_feature(text(&change.feature))
        .with_max_version_level(change.level);
    if version < FIRST_WITH_UPGRADE_TYPE {
        return update.with_allow_downgrade(change.upgrade != FeatureUpgrade::Upgrade);
    }
    update.with_upgrade_type(match change.upgrade {
        FeatureUpgrade::Upgrade => 1,
        FeatureUpgrade::SafeDowngrade => 2,
        FeatureUpgrade::UnsafeDowngrade => 3,
    })
}
