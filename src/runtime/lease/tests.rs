//! The shell of the lease against an API server in memory that can refuse, hang and interleave writes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::runtime::shutdown::Shutdown;

mod announced;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Fault {
    #[default]
    None,
    /// Every write is answered with 500.
    Refuse,
    /// No request is answered.
    Hang,
    /// Somebody else's write comes between each read and write.
    Interleave,
}

#[derive(Debug, Default)]
struct State {
    lease: Option<Lease>,
    /// Who is announced, where there's an account for it.
    announced: Option<String>,
    /// Who is announced before the next announcement arrives.
    first: Option<String>,
    looks: usize,
    version: u64,
    fault: Fault,
    requests: Vec<Method>,
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

impl Server {
    fn client(&self) -> kube::Client {
        let server = self.clone();
        kube::Client::new(
            tower::service_fn(move |request| server.clone().answer(request)),
            "operators",
        )
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    fn set(&self, fault: Fault) {
        self.with(|state| state.fault = fault);
    }

    fn spec(&self) -> k8s_openapi::api::coordination::v1::LeaseSpec {
        self.with(|state| state.lease.clone().unwrap().spec.unwrap())
    }

    fn holder(&self) -> Option<String> {
        self.spec().holder_identity
    }

    fn put_record(&self, holder: &str) {
        self.with(|state| {
            state.version += 1;
            let lease = json!({
                "metadata": {"name": "productionkafka", "resourceVersion": state.version.to_string(), "uid": "1"},
                "spec": {"holderIdentity": holder, "leaseDurationSeconds": 1, "renewTime": "2001-01-01T00:00:00.000000Z"},
            });
            state.lease = Some(serde_json::from_value(lease).unwrap());
        });
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let collection = "/apis/coordination.k8s.io/v1/namespaces/operators/leases";
        let announcing = path == "/api/v1/namespaces/operators/serviceaccounts/productionkafka-leader";
        assert!(
            path == collection || path == format!("{collection}/productionkafka") || announcing,
            "{path}"
        );
        let body = request.into_body().collect().await?.to_bytes();
        if self.with(|state| state.fault == Fault::Hang) {
            std::future::pending::<()>().await;
        }
        let (status, answer) = self.with(|state| {
            if announcing {
                state.announce(&method, &body)
            } else {
                state.handle(&method, &body)
            }
        });
        Ok(Response::builder()
            .status(status)
            .body(Body::from(answer.to_string().into_bytes()))?)
    }
}

impl State {
    fn announce(&mut self, method: &Method, body: &[u8]) -> (StatusCode, Value) {
        if *method == Method::GET {
            self.looks += 1;
        } else if let Some(first) = self.first.take() {
            self.announced = Some(first);
            self.version += 1;
        }
        if self.announced.is_none() {
            return failure(StatusCode::NOT_FOUND, "NotFound");
        }
        if *method == Method::PATCH {
            let patch: Value = serde_json::from_slice(body).unwrap();
            let based_on = &patch["metadata"]["resourceVersion"];
            if !based_on.is_null() && *based_on != *self.version.to_string() {
                return failure(StatusCode::CONFLICT, "Conflict");
            }
            let name = &patch["metadata"]["annotations"]["productionkafka.dev/leader"];
            self.announced = Some(name.as_str().unwrap().to_owned());
            self.version += 1;
        }
        let metadata = json!({"name": "productionkafka-leader", "resourceVersion": self.version.to_string(),
            "annotations": {"productionkafka.dev/leader": self.announced}});
        (
            StatusCode::OK,
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}),
        )
    }

    fn handle(&mut self, method: &Method, body: &[u8]) -> (StatusCode, Value) {
        self.requests.push(method.clone());
        if *method == Method::GET {
            return match &self.lease {
                Some(lease) => (StatusCode::OK, serde_json::to_value(lease).unwrap()),
                None => failure(StatusCode::NOT_FOUND, "NotFound"),
            };
        }
        match self.fault {
            Fault::Refuse => return failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            Fault::Interleave => self.version += 1,
            Fault::None | Fault::Hang => {}
        }
        let mut lease: Lease = serde_json::from_slice(body).unwrap();
        let current = self.lease.as_mut().map(|lease| {
            lease.metadata.resource_version = Some(self.version.to_string());
            lease.metadata.resource_version.clone()
        });
        match (method.as_str(), current) {
            ("POST", Some(_)) => return failure(StatusCode::CONFLICT, "AlreadyExists"),
            ("PUT", None) => return failure(StatusCode::NOT_FOUND, "NotFound"),
            ("PUT", Some(current)) if lease.metadata.resource_version != current => {
                return failure(StatusCode::CONFLICT, "Conflict");
            }
            ("POST" | "PUT", _) => {}
            (other, _) => panic!("{other}"),
        }
        self.version += 1;
        lease.metadata.resource_version = Some(self.version.to_string());
        lease
            .metadata
            .uid
            .get_or_insert_with(|| format!("uid-{}", self.version));
        self.lease = Some(lease.clone());
        (StatusCode::OK, serde_json::to_value(lease).unwrap())
    }
}

fn failure(status: StatusCode, reason: &str) -> (StatusCode, Value) {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
        "message": reason, "code": status.as_u16()});
    (status, body)
}

fn config(identity: &str) -> LeaseConfig {
    LeaseConfig {
        lease_duration: Duration::from_secs(2),
        renew_deadline: Duration::from_secs(1),
        retry_period: Duration::from_millis(40),
        margin: Duration::from_millis(200),
        ..LeaseConfig::new("operators", "productionkafka", identity)
    }
}

fn candidate(server: &Server, identity: &str) -> LeaderElection {
    LeaderElection::new(server.client(), config(identity)).unwrap()
}

async fn leader(server: &Server, identity: &str) -> Leadership {
    let (_trigger, shutdown) = Shutdown::manual();
    within(candidate(server, identity).acquire(&shutdown)).await.unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it must end")
}

#[tokio::test]
async fn the_first_candidate_creates_the_record() {
    let server = Server::default();
    let leadership = leader(&server, "a").await;
    assert!(leadership.is_valid());
    let spec = server.spec();
    assert_eq!(
        (spec.holder_identity.as_deref(), spec.lease_transitions),
        (Some("a"), Some(0))
    );
    assert!(spec.acquire_time.is_some() && spec.renew_time.is_some());
}

#[tokio::test]
async fn a_released_lease_is_taken_over_and_counted() {
    let server = Server::default();
    let first = leader(&server, "a").await;
    let fence = first.fence();
    let (stop, stopped) = Shutdown::manual();
    let holding = tokio::spawn(first.hold(async move { stopped.requested().await }));
    let (_trigger, shutdown) = Shutdown::manual();
    let second = candidate(&server, "b");
    let waiting = tokio::spawn(async move { second.acquire(&shutdown).await });
    // Longer than the lease lasts: renewals must have kept the second candidate waiting.
    tokio::time::sleep(Duration::from_millis(2400)).await;
    assert!(!waiting.is_finished());
    assert!(fence.is_valid());
    stop.request();
    assert_eq!(within(holding).await.unwrap(), Outcome::Released);
    assert!(!fence.is_valid());
    assert!(within(waiting).await.unwrap().unwrap().is_valid());
    let spec = server.spec();
    assert_eq!(
        (spec.holder_identity.as_deref(), spec.lease_transitions),
        (Some("b"), Some(1))
    );
}

#[tokio::test]
async fn release_clears_the_holder() {
    let server = Server::default();
    let leadership = leader(&server, "a").await;
    assert_eq!(within(leadership.hold(std::future::ready(()))).await, Outcome::Released);
    assert_eq!(server.holder().as_deref(), Some(""));
}

#[tokio::test]
async fn a_release_that_meets_another_write_is_repeated() {
    let server = Server::default();
    let leadership = leader(&server, "a").await;
    server.set(Fault::Interleave);
    let releasing = tokio::spawn(leadership.hold(std::future::ready(())));
    while server.with(|state| !state.requests.contains(&Method::PUT)) {
        tokio::task::yield_now().await;
    }
    server.set(Fault::None);
    assert_eq!(within(releasing).await.unwrap(), Outcome::Released);
    assert_eq!(server.holder().as_deref(), Some(""));
}

#[tokio::test]
async fn release_leaves_the_record_of_another() {
    let server = Server::default();
    let leadership = leader(&server, "a").await;
    server.put_record("b");
    within(leadership.hold(std::future::ready(()))).await;
    assert_eq!(server.holder().as_deref(), Some("b"));
}

#[tokio::test]
async fn a_dead_holder_is_replaced_only_after_its_duration_on_our_clock() {
    let server = Server::default();
    server.put_record("dead");
    let started = Instant::now();
    // Its renewTime is decades ago: a comparison of clocks would take over at once.
    let leadership = leader(&server, "a").await;
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(leadership.is_valid());
    assert_eq!(server.holder().as_deref(), Some("a"));
}

#[tokio::test]
async fn a_conflict_on_the_write_means_not_leader() {
    let server = Server::default();
    server.put_record("");
    server.set(Fault::Interleave);
    let (trigger, shutdown) = Shutdown::manual();
    let waiting = {
        let candidate = candidate(&server, "a");
        tokio::spawn(async move { candidate.acquire(&shutdown).await.map(drop) })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    assert!(
        server.with(|state| state.requests.contains(&Method::PUT)),
        "it must have tried"
    );
    trigger.request();
    assert!(matches!(within(waiting).await.unwrap(), Err(LeaseError::ShuttingDown)));
    assert_eq!(server.holder().as_deref(), Some(""));
}

#[tokio::test]
async fn only_one_of_many_candidates_leads() {
    let server = Server::default();
    let (trigger, shutdown) = Shutdown::manual();
    let tasks: Vec<_> = (0..5)
        .map(|number| {
            // So long that nobody may take over from the first, however slow this machine is.
            let config = LeaseConfig {
                lease_duration: Duration::from_hours(1),
                ..config(&format!("candidate-{number}"))
            };
            let candidate = LeaderElection::new(server.client(), config).unwrap();
            let shutdown = shutdown.clone();
            tokio::spawn(async move {
                candidate
                    .acquire(&shutdown)
                    .await
                    .map(|leadership| leadership.is_valid())
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    trigger.request();
    let mut leaders = 0;
    for task in tasks {
        leaders += u32::from(within(task).await.unwrap().is_ok());
    }
    assert_eq!(leaders, 1);
}

#[tokio::test]
async fn renewals_that_fail_for_too_long_lose_the_lease() {
    for fault in [Fault::Refuse, Fault::Hang] {
        let server = Server::default();
        let leadership = leader(&server, "a").await;
        let fence = leadership.fence();
        server.set(fault);
        assert_eq!(
            within(leadership.hold(std::future::pending())).await,
            Outcome::Lost,
            "{fault:?}"
        );
        assert!(!fence.is_valid(), "{fault:?}");
        assert_eq!(
            server.holder().as_deref(),
            Some("a"),
            "a lost lease is not released: {fault:?}"
        );
    }
}

#[tokio::test]
async fn a_short_fault_does_not_lose_the_lease() {
    for fault in [Fault::Refuse, Fault::Interleave] {
        let server = Server::default();
        let leadership = leader(&server, "a").await;
        let fence = leadership.fence();
        server.set(fault);
        let holding = tokio::spawn(leadership.hold(std::future::pending()));
        tokio::time::sleep(Duration::from_millis(120)).await;
        server.set(Fault::None);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!holding.is_finished() && fence.is_valid(), "{fault:?}");
        holding.abort();
    }
}

#[tokio::test]
async fn a_record_that_names_another_loses_the_lease() {
    let server = Server::default();
    let leadership = leader(&server, "a").await;
    server.put_record("b");
    assert_eq!(within(leadership.hold(std::future::pending())).await, Outcome::Lost);
    assert_eq!(server.holder().as_deref(), Some("b"));
}

#[tokio::test]
async fn a_deleted_record_is_made_again() {
    let server = Server::default();
    let leadership = leader(&server, "a").await;
    let fence = leadership.fence();
    server.with(|state| state.lease = None);
    let holding = tokio::spawn(leadership.hold(std::future::pending()));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!holding.is_finished() && fence.is_valid());
    assert_eq!(server.holder().as_deref(), Some("a"));
    holding.abort();
}

#[tokio::test]
async fn the_fence_closes_by_itself_before_the_lease_ends() {
    let server = Server::default();
    let started = Instant::now();
    let leadership = leader(&server, "a").await;
    let fence = leadership.fence();
    // Nobody renews, as in a process whose runtime is stuck.
    while fence.is_valid() {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(
        started.elapsed() >= Duration::from_millis(1800),
        "{:?}",
        started.elapsed()
    );
    drop(leadership);
}

#[tokio::test]
async fn a_steady_leader_sends_one_request_per_renewal() {
    let server = Server::default();
    let leadership = leader(&server, "a").await;
    server.with(|state| state.requests.clear());
    let holding = tokio::spawn(leadership.hold(std::future::pending()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    holding.abort();
    let requests = server.with(|state| state.requests.clone());
    assert!(
        requests.len() >= 2 && requests.iter().all(|method| *method == Method::PUT),
        "{requests:?}"
    );
}

#[test]
fn a_configuration_that_cannot_be_safe_is_refused() {
    let safe = LeaseConfig::new("operators", "productionkafka", "me");
    assert!(safe.check().is_ok());
    let secs = Duration::from_secs;
    let table = [
        (
            "no identity",
            LeaseConfig {
                identity: String::new(),
                ..safe.clone()
            },
        ),
        (
            "deadline and margin beyond the lease",
            LeaseConfig {
                margin: secs(6),
                ..safe.clone()
            },
        ),
        (
            "retry as long as the deadline",
            LeaseConfig {
                retry_period: secs(10),
                ..safe.clone()
            },
        ),
        (
            "no pause",
            LeaseConfig {
                retry_period: Duration::ZERO,
                ..safe.clone()
            },
        ),
        (
            "part of a second",
            LeaseConfig {
                lease_duration: Duration::from_millis(15_001),
                ..safe.clone()
            },
        ),
        (
            "beyond an int32",
            LeaseConfig {
                lease_duration: secs(1 << 40),
                ..safe.clone()
            },
        ),
    ];
    for (case, config) in table {
        assert!(config.check().is_err(), "{case}");
    }
}
