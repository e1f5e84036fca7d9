//! One connection per endpoint, made when first needed and made again after it broke.
//!
//! Callers that want the same node at once share a single dial and its outcome. Nothing is retried here.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::connection::{Connection, ConnectionSettings};
use super::endpoint::{Endpoint, Endpoints};
use super::errors::KafkaError;

/// How bytes travel to a node.
#[derive(Clone)]
pub enum Transport {
    Tls(Arc<ClientConfig>),
    /// Exists for tests only: the product has no plaintext listener.
    #[cfg(test)]
    Plain,
}

type Slot = Arc<tokio::sync::Mutex<Held>>;

/// The connection to one endpoint, and how the last dial failed.
#[derive(Default)]
struct Held {
    live: Option<Arc<Connection>>,
    failed: Option<(Instant, KafkaError)>,
}

/// The client's connections.
pub(crate) struct Pool {
    transport: Transport,
    settings: ConnectionSettings,
    /// For the TCP connect and, separately, for TLS handshake and `ApiVersions`.
    dial_timeout: Duration,
    slots: Mutex<HashMap<Endpoint, Slot>>,
}

impl Pool {
    pub(crate) fn new(transport: Transport, settings: ConnectionSettings, dial_timeout: Duration) -> Self {
        Self {
            transport,
            settings,
            dial_timeout,
            slots: Mutex::default(),
        }
    }

    /// The live connection to `endpoint`, dialling if there is none. Who waited for a dial that failed shares its error,
    /// so that a dead node costs its callers one timeout and not one each.
    pub(crate) async fn connection(&self, endpoint: &Endpoint) -> Result<Arc<Connection>, KafkaError> {
        let asked = Instant::now();
        let slot = Arc::clone(self.slots().entry(endpoint.clone()).or_default());
        let mut held = slot.lock().await;
        if let Some(connection) = held.live.as_ref().filter(|connection| connection.is_usable()) {
            return Ok(Arc::clone(connection));
        }
        if let Some((_, error)) = held.failed.as_ref().filter(|(when, _)| *when > asked) {
            return Err(error.clone());
        }
        held.live = None;
        match self.dial(endpoint).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                held.live = Some(Arc::clone(&connection));
                Ok(connection)
            }
            Err(error) => {
                held.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Forgets connections to endpoints that are no longer in use.
    pub(crate) fn retain(&self, endpoints: &Endpoints) {
        self.slots()
            .retain(|known, _| endpoints.brokers.contains(known) || endpoints.controllers.contains(known));
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<Endpoint, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dial(&self, endpoint: &Endpoint) -> Result<Connection, KafkaError> {
        let connecting = bounded(self.dial_timeout, TcpStream::connect(&endpoint.address));
        let connect_error = |source| KafkaError::Connect {
            address: endpoint.address.clone(),
            source,
        };
        let tcp = connecting.await.map_err(|error| connect_error(Arc::new(error)))?;
        tcp.set_nodelay(true).map_err(|error| connect_error(Arc::new(error)))?;
        match &self.transport {
            Transport::Tls(config) => {
                let tls = bounded(self.dial_timeout, handshake(config, endpoint, tcp)).await;
                let tls = tls.map_err(|error| KafkaError::Tls {
                    address: endpoint.address.clone(),
                    server_name: endpoint.server_name.clone(),
                    source: Arc::new(error),
                })?;
                self.open(tls, endpoint).await
            }
            #[cfg(test)]
            Transport::Plain => self.open(tcp, endpoint).await,
        }
    }

    async fn open<S: super::connection::Stream + 'static>(
        &self,
        stream: S,
        endpoint: &Endpoint,
    ) -> Result<Connection, KafkaError> {
        let opening = Connection::open(stream, endpoint.clone(), self.settings.clone());
        timeout(self.dial_timeout, opening).await.unwrap_or_else(|_| {
            Err(KafkaError::Timeout {
                api: "ApiVersions",
                after: self.dial_timeout,
                last: None,
            })
        })
    }
}

async fn handshake(
    config: &Arc<ClientConfig>,
    endpoint: &Endpoint,
    tcp: TcpStream,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = ServerName::try_from(endpoint.server_name.clone()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(config)).connect(name, tcp).await
}

async fn bounded<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
