//! Who the admission policy is told leads.

use super::*;

fn announcing(server: &Server, identity: &str) -> LeaderElection {
    let config = LeaseConfig {
        announced_in: Some("productionkafka-leader".into()),
        ..config(identity)
    };
    LeaderElection::new(server.client(), config).unwrap()
}

/// With an account for it, in which nobody is announced.
fn server() -> Server {
    let server = Server::default();
    server.with(|state| state.announced = Some(String::new()));
    server
}

async fn leads(server: &Server, identity: &str) -> Leadership {
    let (_trigger, shutdown) = Shutdown::manual();
    within(announcing(server, identity).acquire(&shutdown)).await.unwrap()
}

fn announced(server: &Server) -> String {
    server.with(|state| state.announced.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_leader_is_announced_before_it_acts() {
    let server = server();
    let first = leads(&server, "a").await;
    assert_eq!(announced(&server), "a");
    within(first.hold(std::future::ready(()))).await;
    leads(&server, "b").await;
    assert_eq!(announced(&server), "b");
}

#[tokio::test]
async fn nobody_is_announced_where_no_policy_asks() {
    let server = server();
    leader(&server, "a").await;
    assert_eq!((announced(&server).as_str(), server.with(|state| state.looks)), ("", 0));
}

/// It has looked, is paused, and writes only once another has announced itself.
#[tokio::test]
async fn a_former_leader_that_wakes_up_does_not_announce_itself() {
    let server = server();
    server.with(|state| state.first = Some("b".into()));
    leads(&server, "a").await;
    assert_eq!(announced(&server), "b");
}

/// Its Lease went to another after the last renewal; it looks at the annotation only now.
#[tokio::test]
async fn who_has_lost_the_lease_does_not_announce_itself() {
    let server = server();
    let mut election = announcing(&server, "a");
    assert!(matches!(
        election.attempt().await.unwrap(),
        super::election::Attempt::Leading { .. }
    ));
    server.put_record("b");
    election.announce().await;
    assert_eq!(announced(&server), "");
}

/// Without the account, or while the annotation can't be written, it leads; and it's announced as soon as it can be.
#[tokio::test]
async fn an_announcement_that_fails_is_tried_again_and_costs_no_leadership() {
    let server = Server::default();
    let leadership = leads(&server, "a").await;
    let fence = leadership.fence();
    let holding = tokio::spawn(leadership.hold(std::future::pending()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(fence.is_valid() && server.with(|state| state.looks) >= 2);
    server.with(|state| state.announced = Some(String::new()));
    within(async {
        while announced(&server) != "a" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let looks = server.with(|state| state.looks);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.with(|state| state.looks), looks, "once it's told, it rests");
    holding.abort();
}

#[tokio::test(start_paused = true)]
async fn an_annotation_that_somebody_took_off_is_written_again_within_a_minute() {
    let server = server();
    let mut election = announcing(&server, "a");
    let wiped = || server.with(|state| state.announced = Some(String::new()));
    assert!(matches!(
        election.attempt().await.unwrap(),
        super::election::Attempt::Leading { .. }
    ));
    election.announce().await;
    wiped();
    tokio::time::advance(Duration::from_secs(59)).await;
    election.announce().await;
    assert_eq!(announced(&server), "", "looked at too often");
    tokio::time::advance(Duration::from_secs(1)).await;
    election.announce().await;
    assert_eq!(announced(&server), "a");
}
