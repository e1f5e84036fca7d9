//! `DescribeConfigs` and `IncrementalAlterConfigs` (KIP-339).

use std::collections::BTreeMap;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{
    DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

use super::{common_refusal, settled, text, verdict};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::configs::{
    ConfigChange, ConfigEntry, ConfigOp, ConfigQuery, ConfigResource, ConfigSource, ConfigSynonym,
};
use crate::kafka::errors::{BrokerError, ProtocolFault};

/// Operations of `AlterConfigOp`.
const SET: i8 = 0;
const DELETE: i8 = 1;

pub(crate) struct DescribeConfigs {
    pub resources: Vec<ConfigResource>,
    pub query: ConfigQuery,
}

pub(crate) struct AlterConfigs {
    pub changes: Vec<ConfigChange>,
    pub validate_only: bool,
}

type Described = BTreeMap<ConfigResource, Result<Vec<ConfigEntry>, BrokerError>>;

impl Api for DescribeConfigs {
    const NAME: &'static str = "DescribeConfigs";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeConfigsRequest;
    type Output = Described;

    fn request(&self, _version: i16) -> Result<DescribeConfigsRequest, ProtocolFault> {
        let keys = self.query.keys.as_ref();
        let keys: Option<Vec<_>> = keys.map(|keys| keys.iter().map(|key| text(key)).collect());
        let resources = self.resources.iter().map(|resource| {
            let (resource_type, name) = resource.wire();
            DescribeConfigsResource::default()
                .with_resource_type(resource_type)
                .with_resource_name(text(&name))
                .with_configuration_keys(keys.clone())
        });
        Ok(DescribeConfigsRequest::default()
            .with_resources(resources.collect())
            .with_include_synonyms(self.query.synonyms))
    }

    fn read(&self, response: DescribeConfigsResponse) -> Result<Described, Refusal> {
        let described = response
            .results
            .iter()
            .map(described)
            .collect::<Result<Described, _>>()?;
        let common = common_refusal(described.values().map(|result| result.as_ref().err()));
        common.map_or(Ok(described), |error| Err(error.into()))
    }

    fn throttle_ms(response: &DescribeConfigsResponse) -> i32 {
        response.throttle_time_ms
    }
}

type DescribedOne = (ConfigResource, Result<Vec<ConfigEntry>, BrokerError>);

fn described(result: &DescribeConfigsResult) -> Result<DescribedOne, ProtocolFault> {
    let resource = resource(result.resource_type, &result.resource_name)?;
    let entries =
        verdict(result.error_code, result.error_message.as_ref()).map(|()| result.configs.iter().map(entry).collect());
    Ok((resource, entries))
}

fn entry(config: &DescribeConfigsResourceResult) -> ConfigEntry {
    ConfigEntry {
        name: config.name.to_string(),
        value: config.value.as_ref().map(ToString::to_string),
        source: ConfigSource::from_wire(config.config_source),
        read_only: config.read_only,
        sensitive: config.is_sensitive,
        synonyms: config.synonyms.iter().map(synonym).collect(),
    }
}

fn synonym(synonym: &DescribeConfigsSynonym) -> ConfigSynonym {
    ConfigSynonym {
        name: synonym.name.to_string(),
        value: synonym.value.as_ref().map(ToString::to_string),
        source: ConfigSource::from_wire(synonym.source),
    }
}

fn resource(resource_type: i8, name: &str) -> Result<ConfigResource, ProtocolFault> {
    ConfigResource::from_wire(resource_type, name)
        .ok_or_else(|| ProtocolFault::Identifier(format!("config resource {resource_type} {name:?}")))
}

impl Api for AlterConfigs {
    const NAME: &'static str = "IncrementalAlterConfigs";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = IncrementalAlterConfigsRequest;
    type Output = Outcomes<ConfigResource>;

    fn request(&self, _version: i16) -> Result<IncrementalAlterConfigsRequest, ProtocolFault> {
        let resources = self.changes.iter().map(|change| {
            let (resource_type, name) = change.resource.wire();
            AlterConfigsResource::default()
                .with_resource_type(resource_type)
                .with_resource_name(text(&name))
                .with_configs(change.ops.iter().map(alterable).collect())
        });
        Ok(IncrementalAlterConfigsRequest::default()
            .with_resources(resources.collect())
            .with_validate_only(self.validate_only))
    }

    fn read(&self, response: IncrementalAlterConfigsResponse) -> Result<Outcomes<ConfigResource>, Refusal> {
        let outcomes = response.responses.iter().map(|result| {
            let resource = resource(result.resource_type, &result.resource_name)?;
            Ok((resource, verdict(result.error_code, result.error_message.as_ref())))
        });
        settled(outcomes.collect::<Result<_, ProtocolFault>>()?)
    }

    fn throttle_ms(response: &IncrementalAlterConfigsResponse) -> i32 {
        response.throttle_time_ms
    }
}

fn alterable(op: &ConfigOp) -> AlterableConfig {
    let config = AlterableConfig::default();
    match op {
        ConfigOp::Set { name, value } => config
            .with_name(text(name))
            .with_config_operation(SET)
            .with_value(Some(text(value))),
        ConfigOp::Delete { name } => config
            .with_name(text(name))
            .with_config_operation(DELETE)
            .with_value(None),
    }
}
