//! Who is let in and who is believed.

use kafka_protocol::messages::DescribeClusterRequest;

use super::super::scripted::ScriptedBroker;
use super::super::scripted::pki::TestCa;
use super::*;

fn over_tls(identity: &ClientIdentity, endpoint: Endpoint) -> KafkaClient {
    let transport = Transport::Tls(identity.client_config().unwrap());
    KafkaClient::new(transport, brokers(vec![endpoint]), quick())
}

#[tokio::test]
async fn mutual_tls_reaches_a_node_by_address_under_its_host_name() {
    let ca = TestCa::new();
    let broker = ScriptedBroker::tls(answers_cluster(), ca.server(&[HOST])).await;
    over_tls(&ca.client(), broker.endpoint(Some(100), HOST))
        .describe_cluster(false)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let broker = ScriptedBroker::tls(answers_cluster(), theirs.server(&[HOST])).await;
    let client = over_tls(&theirs.client_trusting(&ours), broker.endpoint(Some(100), HOST));
    let error = client.describe_cluster(false).await.unwrap_err();
    let KafkaError::Tls { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(
        source.to_string().contains("UnknownIssuer") || source.to_string().contains("BadSignature"),
        "{source}"
    );
    assert!(broker.asked::<DescribeClusterRequest>().is_empty());
}

#[tokio::test]
async fn a_server_with_another_name_is_refused() {
    let ca = TestCa::new();
    let broker = ScriptedBroker::tls(
        answers_cluster(),
        ca.server(&["orders-brokers-101-0.orders-nodes.kafka.svc"]),
    )
    .await;
    let error = over_tls(&ca.client(), broker.endpoint(Some(100), HOST))
        .describe_cluster(false)
        .await
        .unwrap_err();
    let KafkaError::Tls {
        source, server_name, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(server_name, HOST);
    assert!(source.to_string().contains("not valid for name"), "{source}");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused_by_the_server() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let broker = ScriptedBroker::tls(answers_cluster(), ours.server(&[HOST])).await;
    let client = over_tls(&theirs.client_trusting(&ours), broker.endpoint(Some(100), HOST));
    client.describe_cluster(false).await.unwrap_err();
    assert!(broker.asked::<DescribeClusterRequest>().is_empty());
}

#[test]
fn debug_of_an_identity_hides_the_key() {
    let identity = TestCa::new().client();
    let shown = format!("{identity:?}");
    assert!(shown.contains("Secret(…)"), "{shown}");
    assert!(!shown.contains(std::str::from_utf8(identity.key.expose()).unwrap()));
}

#[test]
fn an_identity_without_a_certificate_is_refused() {
    let identity = ClientIdentity {
        chain: Vec::new(),
        ..TestCa::new().client()
    };
    let error = identity.client_config().unwrap_err();
    assert!(
        matches!(
            error,
            TlsError::Empty {
                what: "client certificate"
            }
        ),
        "{error:?}"
    );
    let identity = ClientIdentity {
        ca: b"nonsense".to_vec(),
        ..TestCa::new().client()
    };
    let error = identity.client_config().unwrap_err();
    assert!(
        matches!(
            error,
            TlsError::Empty {
                what: "certificate authority"
            }
        ),
        "{error:?}"
    );
}
