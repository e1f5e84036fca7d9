//! Membership of the quorum: `AddRaftVoter` and `RemoveRaftVoter` (KIP-853).
//!
//! A voter change whose fate is unknown is never repeated: the caller re-reads the quorum first (KAFKA-20740).

use kafka_protocol::messages::add_raft_voter_request::Listener;
use kafka_protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse,
};

use super::{text, uuid, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::views::{VoterEndpoint, VoterKey};

pub(crate) struct AddVoter {
    pub cluster_id: String,
    pub voter: VoterKey,
    pub listeners: Vec<VoterEndpoint>,
    pub timeout_ms: i32,
}

pub(crate) struct RemoveVoter {
    pub cluster_id: String,
    pub voter: VoterKey,
}

impl Api for AddVoter {
    const NAME: &'static str = "AddRaftVoter";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = AddRaftVoterRequest;
    type Output = ();

    fn request(&self, _version: i16) -> Result<AddRaftVoterRequest, ProtocolFault> {
        let listeners = self.listeners.iter().map(|listener| {
            Listener::default()
                .with_name(text(&listener.name))
                .with_host(text(&listener.host))
                .with_port(listener.port)
        });
        Ok(AddRaftVoterRequest::default()
            .with_cluster_id(Some(text(&self.cluster_id)))
            .with_timeout_ms(self.timeout_ms)
            .with_voter_id(self.voter.id)
            .with_voter_directory_id(uuid(&self.voter.directory_id)?)
            .with_listeners(listeners.collect()))
    }

    fn read(&self, response: AddRaftVoterResponse) -> Result<(), Refusal> {
        Ok(verdict(response.error_code, response.error_message.as_ref())?)
    }

    fn throttle_ms(response: &AddRaftVoterResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for RemoveVoter {
    const NAME: &'static str = "RemoveRaftVoter";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = RemoveRaftVoterRequest;
    type Output = ();

    fn request(&self, _version: i16) -> Result<RemoveRaftVoterRequest, ProtocolFault> {
        Ok(RemoveRaftVoterRequest::default()
            .with_cluster_id(Some(text(&self.cluster_id)))
            .with_voter_id(self.voter.id)
            .with_voter_directory_id(uuid(&self.voter.directory_id)?))
    }

    fn read(&self, response: RemoveRaftVoterResponse) -> Result<(), Refusal> {
        Ok(verdict(response.error_code, response.error_message.as_ref())?)
    }

    fn throttle_ms(response: &RemoveRaftVoterResponse) -> i32 {
        response.throttle_time_ms
    }
}
