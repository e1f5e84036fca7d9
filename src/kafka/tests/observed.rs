//! Whoever observes a client is told of each call, of those that fail too.

use std::sync::{Arc, Mutex};

use super::*;

#[derive(Default)]
struct Told(Mutex<Vec<(&'static str, &'static str)>>);

impl Observer for Told {
    fn called(&self, api: &'static str, outcome: &'static str, _: Duration) {
        self.0.lock().unwrap().push((api, outcome));
    }
}

#[tokio::test]
async fn calls_are_told_with_their_outcome() {
    let broker = ScriptedBroker::plain(Script::new().on::<DescribeClusterRequest>(|_, _| {
        let broker = DescribeClusterBroker::default().with_broker_id(BrokerId(100));
        Step::Reply(DescribeClusterResponse::default().with_brokers(vec![broker]))
    }))
    .await;
    let told = Arc::new(Told::default());
    let observer: Arc<dyn Observer> = Arc::clone(&told) as Arc<dyn Observer>;
    let client = plain(brokers(vec![broker.endpoint(Some(100), HOST)])).observed(observer);
    client.describe_cluster(false).await.unwrap();
    client.describe_quorum(Target::Controllers).await.unwrap_err();
    assert_eq!(
        *told.0.lock().unwrap(),
        [("DescribeCluster", "ok"), ("DescribeQuorum", "no_endpoint")]
    );
}
