//! The decision in a table, and the asking against a scripted node.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_quorum_response::{PartitionData, ReplicaState, TopicData};
use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, DescribeQuorumRequest, DescribeQuorumResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::role::Role;
use super::*;
use crate::kafka::BrokerState;
use crate::kafka::scripted::pki::TestCa;
use crate::kafka::scripted::{Script, ScriptedBroker, Step};

const HOST: &str = "orders-brokers-100-0.orders-nodes.kafka.svc";
const BROKER: Node = Node {
    id: 100,
    broker: true,
    controller: false,
};
const CONTROLLER: Node = Node {
    id: 0,
    broker: false,
    controller: true,
};

fn cluster(controller_id: Option<i32>, brokers: &[(i32, bool)]) -> Seen {
    let state = |(id, fenced): &(i32, bool)| BrokerState {
        id: *id,
        host: HOST.to_owned(),
        port: 9091,
        rack: None,
        fenced: *fenced,
    };
    let brokers = brokers.iter().map(state).collect();
    Seen::Cluster(ClusterView {
        cluster_id: "TEgxAmaTT0OrL3bKwUBMwg".to_owned(),
        controller_id,
        brokers,
    })
}

fn no(why: &str) -> Verdict {
    Verdict::No(why.to_owned())
}

#[test]
fn verdicts() {
    use Kind::{Live, Ready, Startup};
    use Verdict::Yes;
    let mute = || Seen::Mute("handshake failed".to_owned());
    let cases = [
        (Startup, BROKER, Seen::Refused, no("port 9091 refuses connections")),
        (Startup, CONTROLLER, Seen::Refused, no("port 9090 refuses connections")),
        (Startup, BROKER, mute(), no("handshake failed")),
        (Startup, BROKER, Seen::Speaks, Yes),
        (Startup, CONTROLLER, Seen::Speaks, Yes),
        (Ready, BROKER, Seen::Refused, no("port 9091 refuses connections")),
        (Ready, BROKER, mute(), no("handshake failed")),
        (Ready, CONTROLLER, mute(), no("handshake failed")),
        (Ready, CONTROLLER, Seen::Speaks, Yes),
        (Ready, BROKER, Seen::Speaks, Yes),
        (Ready, BROKER, cluster(Some(101), &[(100, false), (101, false)]), Yes),
        (
            Ready,
            BROKER,
            cluster(Some(101), &[(100, true), (101, false)]),
            no("broker 100 is fenced"),
        ),
        (
            Ready,
            BROKER,
            cluster(Some(101), &[(101, false)]),
            no("broker 100 is not registered"),
        ),
        (Ready, BROKER, cluster(None, &[(100, true), (101, true)]), Yes),
        (Ready, BROKER, cluster(None, &[]), Yes),
        (Live, BROKER, Seen::Refused, no("port 9091 refuses connections")),
        (Live, BROKER, mute(), Yes),
        (Live, CONTROLLER, Seen::Speaks, Yes),
        (Live, BROKER, cluster(Some(101), &[(100, true)]), Yes),
    ];
    for (kind, node, seen, expected) in cases {
        assert_eq!(judge(kind, node, &seen), expected, "{kind:?} {node:?} {seen:?}");
    }
}

#[test]
fn nodes_are_read_from_their_properties() {
    let path = Path::new("server.properties");
    let parsed = |text: &str| Node::parse(path, text.as_bytes());
    assert_eq!(
        parsed("# node.id=7\nprocess.roles=broker\nnode.id=100\n").unwrap(),
        BROKER
    );
    assert_eq!(parsed("node.id = 0\nprocess.roles = controller\n").unwrap(), CONTROLLER);
    let both = parsed("node.id=1\nprocess.roles=controller,broker").unwrap();
    assert!(both.broker && both.controller);
    for (text, missing) in [
        ("process.roles=broker", "node.id"),
        ("node.id=1", "process.roles"),
        ("node.id=x", "numeric node.id"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(
            matches!(error, ProbeError::Missing { key, .. } if key == missing),
            "{text}: {error}"
        );
    }
}

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new(ca: &TestCa) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) = ca.leaf(&[HOST]);
        std::fs::write(dir.path().join("node.pem"), format!("{key}{chain}")).unwrap();
        std::fs::write(dir.path().join("cluster-ca.crt"), &ca.pem).unwrap();
        std::fs::write(
            dir.path().join("server.properties"),
            "node.id=100\nprocess.roles=broker\n",
        )
        .unwrap();
        Self { dir }
    }

    fn args(&self, kind: Kind) -> Args {
        let config = self.dir.path().join("server.properties");
        Args {
            kind,
            config,
            tls: self.dir.path().to_owned(),
            host: HOST.to_owned(),
        }
    }
}

async fn seen(script: Script, about_the_cluster: bool) -> Seen {
    let ca = TestCa::new();
    let files = Files::new(&ca);
    let broker = ScriptedBroker::tls(script, ca.server(&[HOST])).await;
    let args = files.args(Kind::Ready);
    let client = client(&args, own(&args, format!("127.0.0.1:{}", broker.port())))
        .await
        .unwrap();
    ask(&client, about_the_cluster).await
}

#[tokio::test]
async fn a_node_is_asked_with_its_own_certificate() {
    let described = Script::new().on::<DescribeClusterRequest>(|request: DescribeClusterRequest, _| {
        assert!(request.include_fenced_brokers);
        Step::Reply(DescribeClusterResponse::default())
    });
    assert!(matches!(seen(described, true).await, Seen::Cluster(_)));
    assert_eq!(seen(Script::new(), false).await, Seen::Speaks);
}

#[tokio::test]
async fn a_node_that_cannot_describe_the_cluster_still_speaks() {
    for step in [
        || Step::Silence,
        || Step::Hangup,
        || Step::Reply(DescribeClusterResponse::default().with_error_code(7)),
    ] as [fn() -> Step<DescribeClusterResponse>; 3]
    {
        let script = Script::new().on::<DescribeClusterRequest>(move |_, _| step());
        assert_eq!(seen(script, true).await, Seen::Speaks);
    }
}

#[tokio::test]
async fn a_node_under_another_name_is_mute() {
    let ca = TestCa::new();
    let files = Files::new(&ca);
    let broker = ScriptedBroker::tls(Script::new(), ca.server(&["other.kafka.svc"])).await;
    let args = files.args(Kind::Startup);
    let client = client(&args, own(&args, format!("127.0.0.1:{}", broker.port())))
        .await
        .unwrap();
    let Seen::Mute(why) = ask(&client, false).await else {
        panic!("must not pass")
    };
    assert!(why.contains("not valid for name"), "{why}");
}

#[tokio::test]
async fn knocking_tells_a_closed_port_from_a_silent_one() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    assert_eq!(knock(&address).await, Seen::Speaks);
    drop(listener);
    assert_eq!(knock(&address).await, Seen::Refused);
}

#[tokio::test]
async fn missing_files_fail_readiness_but_not_life() {
    let dir = tempfile::tempdir().unwrap();
    let args = |kind| Args {
        kind,
        config: dir.path().join("none"),
        tls: dir.path().to_owned(),
        host: HOST.to_owned(),
    };
    let code = |code: ExitCode| format!("{code:?}");
    assert_eq!(code(run(args(Kind::Live)).await), code(ExitCode::SUCCESS));
    assert_eq!(code(run(args(Kind::Ready)).await), code(ExitCode::FAILURE));
}

/// What a controller says when it's asked for the cluster's controllers, with one at this port of this machine.
fn controllers(leader: i32, port: u16) -> Script {
    Script::new().on::<DescribeClusterRequest>(move |request: DescribeClusterRequest, _| {
        assert_eq!(request.endpoint_type, 2, "controllers are asked for (KIP-919)");
        let controller = DescribeClusterBroker::default()
            .with_broker_id(BrokerId(leader))
            .with_host(StrBytes::from_static_str("localhost"))
            .with_port(i32::from(port));
        Step::Reply(
            DescribeClusterResponse::default()
                .with_controller_id(BrokerId(leader))
                .with_brokers(vec![controller]),
        )
    })
}

fn soon() -> Instant {
    Instant::now() + LIMIT
}

fn described() -> Script {
    let replica = |id| {
        ReplicaState::default()
            .with_replica_id(BrokerId(id))
            .with_log_end_offset(500)
            .with_last_caught_up_timestamp(1_000)
    };
    let partition = PartitionData::default()
        .with_leader_id(BrokerId(1))
        .with_current_voters(vec![replica(1)])
        .with_observers(vec![replica(0)]);
    let topic = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str("__cluster_metadata")))
        .with_partitions(vec![partition]);
    let answer = DescribeQuorumResponse::default().with_topics(vec![topic]);
    Script::new().on::<DescribeQuorumRequest>(move |_, _| Step::Reply(answer.clone()))
}

#[tokio::test]
async fn a_follower_asks_its_leader_whether_it_follows() {
    let ca = TestCa::new();
    let files = Files::new(&ca);
    let args = files.args(Kind::Ready);
    let leader = ScriptedBroker::tls(described(), ca.server(&["localhost"])).await;
    let port = leader.port();
    let follower = ScriptedBroker::tls(controllers(1, port), ca.server(&[HOST])).await;
    let asked = client(&args, own(&args, format!("127.0.0.1:{}", follower.port())))
        .await
        .unwrap();
    let told = role::role(&args, CONTROLLER, &asked, soon()).await.unwrap();
    let Role::Follows(view) = &told else { panic!("{told:?}") };
    assert_eq!(view.leader_id, Some(1));
    assert_eq!(role::judge(CONTROLLER.id, &told), Verdict::Yes);
    drop(leader);
    let told = role::role(&args, CONTROLLER, &asked, soon()).await.unwrap();
    assert_eq!(told, Role::Untold, "a leader that doesn't answer here may be well");
}

#[tokio::test]
async fn a_controller_without_a_leader_says_so() {
    let ca = TestCa::new();
    let files = Files::new(&ca);
    let args = files.args(Kind::Ready);
    let alone = ScriptedBroker::tls(controllers(-1, 1), ca.server(&[HOST])).await;
    let asked = client(&args, own(&args, format!("127.0.0.1:{}", alone.port())))
        .await
        .unwrap();
    assert_eq!(
        role::role(&args, CONTROLLER, &asked, soon()).await.unwrap(),
        Role::Leaderless
    );
}
