//! `DescribeAcls`, `CreateAcls`, `DeleteAcls` (prefixed patterns since version 1, KIP-290).

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kafka_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
    DescribeAclsResponse,
};

use super::{settled, text, verdict};
use crate::kafka::acls::{AclBinding, AclFilter, AclOperation, AclPatternType, AclPermission, AclResourceType};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::{BrokerError, ProtocolFault};

pub(crate) struct DescribeAcls {
    pub filter: AclFilter,
}

pub(crate) struct CreateAcls {
    pub bindings: Vec<AclBinding>,
}

pub(crate) struct DeleteAcls {
    pub bindings: Vec<AclBinding>,
}

impl Api for DescribeAcls {
    const NAME: &'static str = "DescribeAcls";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeAclsRequest;
    type Output = Vec<AclBinding>;

    fn request(&self, _version: i16) -> Result<DescribeAclsRequest, ProtocolFault> {
        let filter = &self.filter;
        Ok(DescribeAclsRequest::default()
            .with_resource_type_filter(AclResourceType::filter(filter.resource_type))
            .with_resource_name_filter(filter.resource_name.as_deref().map(text))
            .with_pattern_type_filter(AclPatternType::filter(filter.pattern_type))
            .with_principal_filter(filter.principal.as_deref().map(text))
            .with_host_filter(filter.host.as_deref().map(text))
            .with_operation(AclOperation::filter(filter.operation))
            .with_permission_type(AclPermission::filter(filter.permission)))
    }

    fn read(&self, response: DescribeAclsResponse) -> Result<Vec<AclBinding>, Refusal> {
        verdict(response.error_code, response.error_message.as_ref())?;
        let bindings = response
            .resources
            .iter()
            .flat_map(|resource| resource.acls.iter().map(move |acl| binding(resource, acl)));
        Ok(bindings.collect::<Result<_, _>>()?)
    }

    fn throttle_ms(response: &DescribeAclsResponse) -> i32 {
        response.throttle_time_ms
    }
}

/// An ACL with a number this client does not know cannot be left out: the diff would be wrong.
fn binding(resource: &DescribeAclsResource, acl: &AclDescription) -> Result<AclBinding, ProtocolFault> {
    let known = || {
        Some(AclBinding {
            principal: acl.principal.to_string(),
            resource_type: AclResourceType::from_wire(resource.resource_type)?,
            resource_name: resource.resource_name.to_string(),
            pattern_type: AclPatternType::from_wire(resource.pattern_type)?,
            operation: AclOperation::from_wire(acl.operation)?,
            permission: AclPermission::from_wire(acl.permission_type)?,
            host: acl.host.to_string(),
        })
    };
    known().ok_or_else(|| {
        ProtocolFault::Identifier(format!(
            "ACL of {} on resource type {}, pattern {}, operation {}, permission {}",
            &*acl.principal, resource.resource_type, resource.pattern_type, acl.operation, acl.permission_type
        ))
    })
}

impl Api for CreateAcls {
    const NAME: &'static str = "CreateAcls";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = CreateAclsRequest;
    type Output = Outcomes<AclBinding>;

    fn request(&self, _version: i16) -> Result<CreateAclsRequest, ProtocolFault> {
        let creations = self.bindings.iter().map(|binding| {
            AclCreation::default()
                .with_resource_type(binding.resource_type.wire())
                .with_resource_name(text(&binding.resource_name))
                .with_resource_pattern_type(binding.pattern_type.wire())
                .with_principal(text(&binding.principal))
                .with_host(text(&binding.host))
                .with_operation(binding.operation.wire())
                .with_permission_type(binding.permission.wire())
        });
        Ok(CreateAclsRequest::default().with_creations(creations.collect()))
    }

    fn read(&self, response: CreateAclsResponse) -> Result<Outcomes<AclBinding>, Refusal> {
        let verdicts = response
            .results
            .iter()
            .map(|it| verdict(it.error_code, it.error_message.as_ref()));
        paired(&self.bindings, verdicts.collect())
    }

    fn throttle_ms(response: &CreateAclsResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for DeleteAcls {
    const NAME: &'static str = "DeleteAcls";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DeleteAclsRequest;
    type Output = Outcomes<AclBinding>;

    fn request(&self, _version: i16) -> Result<DeleteAclsRequest, ProtocolFault> {
        let filters = self.bindings.iter().map(|binding| {
            DeleteAclsFilter::default()
                .with_resource_type_filter(binding.resource_type.wire())
                .with_resource_name_filter(Some(text(&binding.resource_name)))
                .with_pattern_type_filter(binding.pattern_type.wire())
                .with_principal_filter(Some(text(&binding.principal)))
                .with_host_filter(Some(text(&binding.host)))
                .with_operation(binding.operation.wire())
                .with_permission_type(binding.permission.wire())
        });
        Ok(DeleteAclsRequest::default().with_filters(filters.collect()))
    }

    fn read(&self, response: DeleteAclsResponse) -> Result<Outcomes<AclBinding>, Refusal> {
        let verdicts = response.filter_results.iter().map(|filter| {
            verdict(filter.error_code, filter.error_message.as_ref())?;
            filter
                .matching_acls
                .iter()
                .try_for_each(|acl| verdict(acl.error_code, acl.error_message.as_ref()))
        });
        paired(&self.bindings, verdicts.collect())
    }

    fn throttle_ms(response: &DeleteAclsResponse) -> i32 {
        response.throttle_time_ms
    }
}

/// Kafka answers in the order of the request, without repeating the bindings.
fn paired(bindings: &[AclBinding], verdicts: Vec<Result<(), BrokerError>>) -> Result<Outcomes<AclBinding>, Refusal> {
    if bindings.len() != verdicts.len() {
        return Err(ProtocolFault::Missing(format!("{} ACLs, {} answered", bindings.len(), verdicts.len())).into());
    }
    settled(bindings.iter().cloned().zip(verdicts).collect())
}
