//! What Kafka holds of nodes that have registered: a broker's and a controller's registration is forgotten
//! (`UnregisterBroker`; `UnregisterController`, KIP-1312, from 4.4 on), a controller's is written (`ControllerRegistration`).

use kafka_protocol::messages::controller_registration_request::{Feature, Listener};
use kafka_protocol::messages::{
    ControllerRegistrationRequest, ControllerRegistrationResponse, UnregisterBrokerRequest, UnregisterBrokerResponse,
};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, Request, VersionRange};

use super::{text, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::views::ControllerRegistration;

/// Id of TLS among Kafka's security protocols (`SecurityProtocol.SSL`).
const SSL: i16 = 1;

pub(crate) struct UnregisterBroker {
    pub broker_id: i32,
}

pub(crate) struct UnregisterController {
    pub controller_id: i32,
}

pub(crate) struct RegisterController {
    pub registration: ControllerRegistration,
}

impl Api for UnregisterBroker {
    const NAME: &'static str = "UnregisterBroker";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = UnregisterBrokerRequest;
    type Output = ();

    fn request(&self, _version: i16) -> Result<UnregisterBrokerRequest, ProtocolFault> {
        Ok(UnregisterBrokerRequest::default().with_broker_id(self.broker_id.into()))
    }

    fn read(&self, response: UnregisterBrokerResponse) -> Result<(), Refusal> {
        Ok(verdict(response.error_code, response.error_message.as_ref())?)
    }

    fn throttle_ms(response: &UnregisterBrokerResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for UnregisterController {
    const NAME: &'static str = "UnregisterController";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = UnregisterControllerRequest;
    type Output = ();

    fn request(&self, _version: i16) -> Result<UnregisterControllerRequest, ProtocolFault> {
        let alike = UnregisterBrokerRequest::default().with_broker_id(self.controller_id.into());
        Ok(UnregisterControllerRequest(alike))
    }

    fn read(&self, response: UnregisterBrokerResponse) -> Result<(), Refusal> {
        Ok(verdict(response.error_code, response.error_message.as_ref())?)
    }

    fn throttle_ms(response: &UnregisterBrokerResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for RegisterController {
    const NAME: &'static str = "ControllerRegistration";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = ControllerRegistrationRequest;
    type Output = ();

    fn request(&self, _version: i16) -> Result<ControllerRegistrationRequest, ProtocolFault> {
        let listeners = self.registration.listeners.iter().map(|listener| {
            Listener::default()
                .with_name(text(&listener.name))
                .with_host(text(&listener.host))
                .with_port(listener.port)
                .with_security_protocol(SSL)
        });
        let features = self.registration.features.iter().map(|(name, levels)| {
            Feature::default()
                .with_name(text(name))
                .with_min_supported_version(levels.min)
                .with_max_supported_version(levels.max)
        });
        Ok(ControllerRegistrationRequest::default()
            .with_controller_id(self.registration.id)
            .with_listeners(listeners.collect())
            .with_features(features.collect()))
    }

    fn read(&self, response: ControllerRegistrationResponse) -> Result<(), Refusal> {
        Ok(verdict(response.error_code, response.error_message.as_ref())?)
    }

    fn throttle_ms(response: &ControllerRegistrationResponse) -> i32 {
        response.throttle_time_ms
    }
}

/// `UnregisterController` (key 94, version 0), which the protocol crate doesn't know yet. Its fields and those of its answer
/// are the ones of `UnregisterBroker`: an id; a throttle time, a code and a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnregisterControllerRequest(UnregisterBrokerRequest);

impl Encodable for UnregisterControllerRequest {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        self.0.encode(buffer, version)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        self.0.compute_size(version)
    }
}

impl Decodable for UnregisterControllerRequest {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        UnregisterBrokerRequest::decode(buffer, version).map(Self)
    }
}

impl Message for UnregisterControllerRequest {
    const VERSIONS: VersionRange = UnregisterBrokerRequest::VERSIONS;
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for UnregisterControllerRequest {
    fn header_version(version: i16) -> i16 {
        UnregisterBrokerRequest::header_version(version)
    }
}

impl Request for UnregisterControllerRequest {
    const KEY: i16 = 94;
    type Response = UnregisterBrokerResponse;
}
