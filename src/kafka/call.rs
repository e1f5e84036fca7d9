//! One call from start to end: which node is asked, what is tried again, and when it is over.
//!
//! Every call has one deadline over all its attempts. Candidates are asked one after another; a further round follows
//! only after faults that pass by themselves. Orders that must not be carried out twice are repeated only if the fault
//! proves that the first try was not carried out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use kafka_protocol::protocol::Request;
use tokio::time::{Instant, timeout, timeout_at};

use super::admin::Target;
use super::connection::Connection;
use super::endpoint::{Endpoint, Endpoints};
use super::errors::{BrokerError, KafkaError, ProtocolFault};
use super::pool::Pool;

/// First pause between two rounds over the candidates.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A node may quieten a connection for at most this long, whatever it says.
const LONGEST_THROTTLE: Duration = Duration::from_mins(1);

/// One kind of request: how it is written and how its answer is understood.
pub(crate) trait Api: Send + Sync {
    const NAME: &'static str;
    const REPEAT: Repeat;
    type Request: Request<Response: Send> + Send + Sync;
    type Output: Send;

    /// The request in a version that was agreed on.
    fn request(&self, version: i16) -> Result<Self::Request, ProtocolFault>;
    fn read(&self, response: Response<Self>) -> Result<Self::Output, Refusal>;
    /// How long the node wants quiet after this answer, in milliseconds.
    fn throttle_ms(response: &Response<Self>) -> i32;
    /// The request for what comes after `page`, asked of the same node; `None` after the last page.
    fn following(&self, _page: &Self::Output) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
    /// Adds a later page to those before it.
    fn append(_pages: &mut Self::Output, _page: Self::Output) {}
}

pub(crate) type Response<A> = <<A as Api>::Request as Request>::Response;

/// Whether an order may be given again when its fate is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Doing it twice is the same as once.
    Safe,
    /// Only when the first try was certainly not carried out.
    IfNotDone,
}

/// An answer that is no success.
#[derive(Debug)]
pub(crate) enum Refusal {
    Broker(BrokerError),
    Fault(ProtocolFault),
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

impl From<ProtocolFault> for Refusal {
    fn from(fault: ProtocolFault) -> Self {
        Self::Fault(fault)
    }
}

/// Is told of each call when it's over: the request's name in the protocol, `ok` or the category of its error, and how long it took
/// with all its attempts.
pub trait Observer: Send + Sync {
    fn called(&self, api: &'static str, outcome: &'static str, took: Duration);
}

/// Limits of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// All attempts together.
    pub call: Duration,
    /// One answer of one node.
    pub attempt: Duration,
    /// Rounds over the candidates after the first one.
    pub retries: usize,
}

/// Nodes and connections, and the way of a call through them.
pub(crate) struct Caller {
    pool: Pool,
    limits: Limits,
    endpoints: RwLock<Endpoints>,
    observer: Option<Arc<dyn Observer>>,
    /// Where the last success of each kind was; the next call starts there.
    broker_cursor: AtomicUsize,
    controller_cursor: AtomicUsize,
}

impl Caller {
    pub(crate) fn new(pool: Pool, limits: Limits, endpoints: Endpoints) -> Self {
        Self {
            pool,
            limits,
            endpoints: RwLock::new(endpoints),
            observer: None,
            broker_cursor: AtomicUsize::new(0),
            controller_cursor: AtomicUsize::new(0),
        }
    }

    /// Tells somebody of each call.
    pub(crate) fn observed(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Replaces what may be dialled; connections to endpoints that stay are kept.
    pub(crate) fn set_endpoints(&self, endpoints: Endpoints) {
        self.pool.retain(&endpoints);
        *self.endpoints.write().unwrap_or_else(PoisonError::into_inner) = endpoints;
    }

    /// Asks `target` and, where that is safe, asks again until the deadline.
    pub(crate) async fn call<A: Api>(&self, target: Target, api: A) -> Result<A::Output, KafkaError> {
        let start = Instant::now();
        let result = self.bounded(target, api).await;
        if let Some(observer) = &self.observer {
            let outcome = result.as_ref().err().map_or("ok", KafkaError::category);
            observer.called(A::NAME, outcome, start.elapsed());
        }
        result
    }

    async fn bounded<A: Api>(&self, target: Target, api: A) -> Result<A::Output, KafkaError> {
        let mut last = None;
        let deadline = Instant::now() + self.limits.call;
        match timeout_at(deadline, self.rounds(target, &api, &mut last)).await {
            Ok(result) => result,
            Err(_) => Err(KafkaError::Timeout {
                api: A::NAME,
                after: self.limits.call,
                last: last.map(Box::new),
            }),
        }
    }

    async fn rounds<A: Api>(
        &self,
        target: Target,
        api: &A,
        last: &mut Option<KafkaError>,
    ) -> Result<A::Output, KafkaError> {
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(self.limits.retries)
            .with_jitter()
            .build();
        loop {
            let error = match self.round(target, api, last).await {
                Round::Done(result) => return result,
                Round::Again(error) => error,
            };
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    /// Asks each candidate once.
    async fn round<A: Api>(&self, target: Target, api: &A, last: &mut Option<KafkaError>) -> Round<A::Output> {
        let mut fault = KafkaError::NoEndpoint { target };
        let mut passing = false;
        for (index, endpoint) in self.candidates(target) {
            match self.attempt(&endpoint, api).await {
                Ok(output) => {
                    self.remember(target, index);
                    return Round::Done(Ok(output));
                }
                Err(error) => {
                    *last = Some(error.clone());
                    if is_final(A::REPEAT, &error) {
                        return Round::Done(Err(error));
                    }
                    if passes(&error) || !passing {
                        passing |= passes(&error);
                        fault = error;
                    }
                }
            }
        }
        if passing {
            Round::Again(fault)
        } else {
            Round::Done(Err(fault))
        }
    }

    /// Asks one node for all pages of an answer.
    async fn attempt<A: Api>(&self, endpoint: &Endpoint, api: &A) -> Result<A::Output, KafkaError> {
        let connection = self.pool.connection(endpoint).await?;
        let mut pages = self.page(&connection, endpoint, api).await?;
        let mut following = api.following(&pages);
        while let Some(api) = following {
            let page = self.page(&connection, endpoint, &api).await?;
            following = api.following(&page);
            A::append(&mut pages, page);
        }
        Ok(pages)
    }

    async fn page<A: Api>(
        &self,
        connection: &Connection,
        endpoint: &Endpoint,
        api: &A,
    ) -> Result<A::Output, KafkaError> {
        connection.resumed().await;
        let version = connection
            .versions()
            .best::<A::Request>()
            .ok_or_else(|| KafkaError::UnsupportedApi {
                api: A::NAME,
                address: endpoint.address.clone(),
            })?;
        let request = api.request(version).map_err(|what| connection.fault(A::NAME, what))?;
        let answer = timeout(self.limits.attempt, connection.request(A::NAME, &request, version)).await;
        let Ok(answer) = answer else {
            connection.retire();
            return Err(KafkaError::Timeout {
                api: A::NAME,
                after: self.limits.attempt,
                last: None,
            });
        };
        let response = answer?;
        if let Some(pause) = throttle(A::throttle_ms(&response)) {
            connection.pause(pause);
        }
        api.read(response).map_err(|refusal| match refusal {
            Refusal::Broker(error) => KafkaError::Broker {
                api: A::NAME,
                address: endpoint.address.clone(),
                error,
            },
            Refusal::Fault(what) => connection.fault(A::NAME, what),
        })
    }

    /// Whether there's anyone to ask.
    pub(crate) fn knows(&self, target: Target) -> bool {
        !self.candidates(target).is_empty()
    }

    /// The endpoints of `target`, the last one that answered first.
    fn candidates(&self, target: Target) -> Vec<(usize, Endpoint)> {
        let endpoints = self.endpoints.read().unwrap_or_else(PoisonError::into_inner);
        match target {
            Target::Brokers => rotated(&endpoints.brokers, self.broker_cursor.load(Ordering::Relaxed)),
            Target::Controllers => rotated(&endpoints.controllers, self.controller_cursor.load(Ordering::Relaxed)),
            Target::Node(id) => exactly(endpoints.brokers.iter().chain(&endpoints.controllers), id),
            Target::Controller(id) => exactly(endpoints.controllers.iter(), id),
        }
    }

    fn remember(&self, target: Target, index: usize) {
        match target {
            Target::Brokers => self.broker_cursor.store(index, Ordering::Relaxed),
            Target::Controllers => self.controller_cursor.store(index, Ordering::Relaxed),
            Target::Node(_) | Target::Controller(_) => {}
        }
    }
}

fn exactly<'a>(mut endpoints: impl Iterator<Item = &'a Endpoint>, id: i32) -> Vec<(usize, Endpoint)> {
    let found = endpoints.find(|endpoint| endpoint.node_id == Some(id));
    found.map(|endpoint| (0, endpoint.clone())).into_iter().collect()
}

enum Round<T> {
    Done(Result<T, KafkaError>),
    Again(KafkaError),
}

/// True when no other candidate may be asked after this fault.
fn is_final(repeat: Repeat, error: &KafkaError) -> bool {
    let refused = matches!(error, KafkaError::Broker { .. }) && !error.is_retriable();
    refused || (repeat == Repeat::IfNotDone && !error.is_certainly_not_done())
}

/// True when the same candidate may answer a little later.
fn passes(error: &KafkaError) -> bool {
    error.is_retriable() || matches!(error, KafkaError::Timeout { .. })
}

fn rotated(endpoints: &[Endpoint], start: usize) -> Vec<(usize, Endpoint)> {
    let start = start.checked_rem(endpoints.len()).unwrap_or(0);
    let indexed = endpoints.iter().cloned().enumerate();
    indexed.clone().skip(start).chain(indexed.take(start)).collect()
}

fn throttle(milliseconds: i32) -> Option<Duration> {
    let pause = Duration::from_millis(u64::try_from(milliseconds).ok()?);
    (!pause.is_zero()).then_some(pause.min(LONGEST_THROTTLE))
}
