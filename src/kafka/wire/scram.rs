//! `DescribeUserScramCredentials` and `AlterUserScramCredentials` (KIP-554).

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
};

use super::{settled, text, verdict};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::{ErrorCode, ProtocolFault};
use crate::kafka::views::{ScramCredential, ScramDeletion, ScramMechanism, ScramUpsert};

pub(crate) struct DescribeScram {
    pub users: Vec<String>,
}

pub(crate) struct AlterScram {
    pub upserts: Vec<ScramUpsert>,
    pub deletions: Vec<ScramDeletion>,
}

type Credentials = BTreeMap<String, Vec<ScramCredential>>;

impl Api for DescribeScram {
    const NAME: &'static str = "DescribeUserScramCredentials";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeUserScramCredentialsRequest;
    type Output = Credentials;

    fn request(&self, _version: i16) -> Result<DescribeUserScramCredentialsRequest, ProtocolFault> {
        let users = self.users.iter().map(|user| UserName::default().with_name(text(user)));
        Ok(DescribeUserScramCredentialsRequest::default().with_users(Some(users.collect())))
    }

    fn read(&self, response: DescribeUserScramCredentialsResponse) -> Result<Credentials, Refusal> {
        verdict(response.error_code, response.error_message.as_ref())?;
        let mut credentials = Credentials::new();
        for user in &response.results {
            match verdict(user.error_code, user.error_message.as_ref()) {
                Ok(()) => {
                    let known = user.credential_infos.iter().filter_map(|info| {
                        Some(ScramCredential {
                            mechanism: mechanism(info.mechanism)?,
                            iterations: info.iterations,
                        })
                    });
                    credentials.insert(user.user.to_string(), known.collect());
                }
                Err(error) if error.code == ErrorCode::RESOURCE_NOT_FOUND => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(credentials)
    }

    fn throttle_ms(response: &DescribeUserScramCredentialsResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for AlterScram {
    const NAME: &'static str = "AlterUserScramCredentials";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = AlterUserScramCredentialsRequest;
    type Output = Outcomes<String>;

    fn request(&self, _version: i16) -> Result<AlterUserScramCredentialsRequest, ProtocolFault> {
        let upsertions = self.upserts.iter().map(|upsert| {
            ScramCredentialUpsertion::default()
                .with_name(text(&upsert.user))
                .with_mechanism(wire_mechanism(upsert.mechanism))
                .with_iterations(upsert.iterations)
                .with_salt(Bytes::copy_from_slice(&upsert.salt))
                .with_salted_password(Bytes::copy_from_slice(upsert.salted_password.expose()))
        });
        let deletions = self.deletions.iter().map(|deletion| {
            ScramCredentialDeletion::default()
                .with_name(text(&deletion.user))
                .with_mechanism(wire_mechanism(deletion.mechanism))
        });
        Ok(AlterUserScramCredentialsRequest::default()
            .with_upsertions(upsertions.collect())
            .with_deletions(deletions.collect()))
    }

    fn read(&self, response: AlterUserScramCredentialsResponse) -> Result<Outcomes<String>, Refusal> {
        let outcomes = response.results.iter().map(|result| {
            (
                result.user.to_string(),
                verdict(result.error_code, result.error_message.as_ref()),
            )
        });
        settled(outcomes.collect())
    }

    fn throttle_ms(response: &AlterUserScramCredentialsResponse) -> i32 {
        response.throttle_time_ms
    }
}

/// Kafka's `ScramMechanism` numbers.
fn wire_mechanism(mechanism: ScramMechanism) -> i8 {
    match mechanism {
        ScramMechanism::Sha256 => 1,
        ScramMechanism::Sha512 => 2,
    }
}

fn mechanism(code: i8) -> Option<ScramMechanism> {
    match code {
        1 => Some(ScramMechanism::Sha256),
        2 => Some(ScramMechanism::Sha512),
        _ => None,
    }
}
