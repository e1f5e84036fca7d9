//! SCRAM credentials: who is asked for, and what is read of them.

use kafka_protocol::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use kafka_protocol::messages::{DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

/// An empty list stands for everybody (`ScramImage.describe`), and is asked, not answered here.
#[tokio::test]
async fn nobody_named_is_everybody() {
    let script = Script::new().on::<DescribeUserScramCredentialsRequest>(|request, _| {
        assert!(request.users.is_some_and(|users| users.is_empty()));
        let info = |mechanism| {
            CredentialInfo::default()
                .with_mechanism(mechanism)
                .with_iterations(4097)
        };
        let user = DescribeUserScramCredentialsResult::default()
            .with_user(StrBytes::from_static_str("app"))
            .with_credential_infos(vec![info(2), info(1), info(9)]);
        Step::Reply(DescribeUserScramCredentialsResponse::default().with_results(vec![user]))
    });
    let broker = ScriptedBroker::plain(script).await;
    let known = client_of(&broker).describe_user_scram(Vec::new()).await.unwrap();
    let mechanisms: Vec<ScramMechanism> = known["app"].iter().map(|one| one.mechanism).collect();
    assert_eq!(mechanisms, [ScramMechanism::Sha512, ScramMechanism::Sha256]);
}
