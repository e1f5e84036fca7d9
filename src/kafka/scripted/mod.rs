//! A broker that plays a script: the client's counterpart in tests, made with the same codec.
//!
//! It listens on 127.0.0.1, plain or with mutual TLS, answers the APIs it was given handlers for, and can be slow,
//! silent, rude or wrong. Requests of one connection are handled at the same time, so answers may overtake each other.
#![allow(clippy::missing_panics_doc, reason = "a broken test broker is a failed test")]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, Request, StrBytes};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::connection::Stream;
use super::endpoint::Endpoint;

pub mod pki;

/// What a handler does with a request.
pub enum Step<T> {
    Reply(T),
    ReplyAfter(Duration, T),
    /// Never answers.
    Silence,
    /// Closes the connection without an answer.
    Hangup,
    /// Bytes in place of header and body; the correlation id is written before them.
    Garbage(Vec<u8>),
    /// A length prefix and nothing else.
    FrameLength(i32),
}

/// The same, encoded.
enum Act {
    Frame(Duration, Bytes),
    Silence,
    Hangup,
}

type Handler = Box<dyn Fn(&mut Bytes, i16, i32, usize) -> Act + Send + Sync>;

struct Entry {
    versions: (i16, i16),
    /// Version of the request's header, by that of the request.
    header: fn(i16) -> i16,
    calls: AtomicUsize,
    handler: Handler,
}

/// How `ApiVersions` is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Greeting {
    Newest,
    OnlyVersion(i16),
}

/// What the broker will do.
#[must_use]
pub struct Script {
    entries: HashMap<i16, Entry>,
    greeting: Greeting,
    features: BTreeMap<String, i16>,
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Script {
    pub fn new() -> Self {
        Self {
            entries: HashMap::new(),
            greeting: Greeting::Newest,
            features: BTreeMap::new(),
        }
    }

    /// Answers `R` with `handler`, which also gets how many `R`s came before.
    pub fn on<R: Request + 'static>(
        mut self,
        handler: impl Fn(R, usize) -> Step<R::Response> + Send + Sync + 'static,
    ) -> Self {
        let ours = <R as Message>::VERSIONS;
        let handler: Handler = Box::new(move |body, version, correlation_id, nth| {
            let request = R::decode(body, version).expect("a request that decodes");
            act::<R>(handler(request, nth), version, correlation_id)
        });
        let entry = Entry {
            versions: (ours.min, ours.max),
            header: <R as HeaderVersion>::header_version,
            calls: AtomicUsize::new(0),
            handler,
        };
        self.entries.insert(R::KEY, entry);
        self
    }

    /// Offers only these versions of `R`, which must have a handler already.
    pub fn offering<R: Request>(mut self, min: i16, max: i16) -> Self {
        self.entries.get_mut(&R::KEY).expect("a handler first").versions = (min, max);
        self
    }

    /// Knows `ApiVersions` only up to `version` and refuses newer ones as KIP-511 says.
    pub fn greeting_in_version(mut self, version: i16) -> Self {
        self.greeting = Greeting::OnlyVersion(version);
        self
    }

    /// Finalised at this level.
    pub fn feature(mut self, name: &str, level: i16) -> Self {
        self.features.insert(name.to_owned(), level);
        self
    }
}

fn act<R: Request>(step: Step<R::Response>, version: i16, correlation_id: i32) -> Act {
    let reply = |response: &R::Response| {
        let mut body = BytesMut::new();
        let header = ResponseHeader::default().with_correlation_id(correlation_id);
        header
            .encode(&mut body, <R::Response as HeaderVersion>::header_version(version))
            .expect("header");
        response.encode(&mut body, version).expect("a response that encodes");
        framed(&body)
    };
    match step {
        Step::Reply(response) => Act::Frame(Duration::ZERO, reply(&response)),
        Step::ReplyAfter(delay, response) => Act::Frame(delay, reply(&response)),
        Step::Silence => Act::Silence,
        Step::Hangup => Act::Hangup,
        Step::Garbage(bytes) => {
            let mut body = BytesMut::new();
            body.put_i32(correlation_id);
            body.put_slice(&bytes);
            Act::Frame(Duration::ZERO, framed(&body))
        }
        Step::FrameLength(length) => Act::Frame(Duration::ZERO, Bytes::copy_from_slice(&length.to_be_bytes())),
    }
}

fn framed(body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(body.len() + 4);
    frame.put_i32(i32::try_from(body.len()).expect("a small frame"));
    frame.put_slice(body);
    frame.freeze()
}

/// A running scripted broker; it stops when dropped.
pub struct ScriptedBroker {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    script: Script,
    connections: AtomicUsize,
    /// API key and version of every request, in order of arrival.
    seen: Mutex<Vec<(i16, i16)>>,
}

impl Drop for ScriptedBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedBroker {
    pub async fn plain(script: Script) -> Self {
        Self::start(script, None).await
    }

    pub async fn tls(script: Script, config: Arc<ServerConfig>) -> Self {
        Self::start(script, Some(TlsAcceptor::from(config))).await
    }

    async fn start(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            script,
            connections: AtomicUsize::new(0),
            seen: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// Where it listens, as node `node_id`; its certificate must carry `server_name`.
    pub fn endpoint(&self, node_id: Option<i32>, server_name: &str) -> Endpoint {
        Endpoint {
            node_id,
            address: self.address.to_string(),
            server_name: server_name.to_owned(),
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Versions in which `R` was asked, in order.
    pub fn asked<R: Request>(&self) -> Vec<i16> {
        let seen = self.shared.seen.lock().expect("no poison");
        seen.iter()
            .filter(|(key, _)| *key == R::KEY)
            .map(|(_, version)| *version)
            .collect()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut serving = tokio::task::JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        serving.spawn(greet(tcp, tls.clone(), Arc::clone(&shared)));
    }
}

async fn greet(tcp: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    match tls {
        None => serve(tcp, shared).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(tcp).await {
                serve(stream, shared).await;
            }
        }
    }
}

async fn serve(stream: impl Stream, shared: Arc<Shared>) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (answers, mut queue) = mpsc::unbounded_channel::<Bytes>();
    let writing = async {
        while let Some(frame) = queue.recv().await {
            writer.write_all(&frame).await?;
            writer.flush().await?;
        }
        std::io::Result::Ok(())
    };
    let reading = async {
        loop {
            let length = reader.read_i32().await?;
            let mut frame = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
            reader.read_exact(&mut frame).await?;
            match shared.handle(Bytes::from(frame)) {
                Act::Silence => {}
                Act::Hangup => return std::io::Result::Ok(()),
                Act::Frame(delay, frame) => {
                    let answers = answers.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        let _ = answers.send(frame);
                    });
                }
            }
        }
    };
    tokio::select! {
        _ = writing => {}
        _ = reading => {}
    }
}

impl Shared {
    fn handle(&self, mut frame: Bytes) -> Act {
        let key = frame.clone().get_i16();
        let version = frame.slice(2..).get_i16();
        self.seen.lock().expect("no poison").push((key, version));
        if key == ApiVersionsRequest::KEY {
            let correlation_id = frame.slice(4..).get_i32();
            return self.api_versions(version, correlation_id);
        }
        let entry = self
            .script
            .entries
            .get(&key)
            .unwrap_or_else(|| panic!("no handler for API {key}"));
        let header = RequestHeader::decode(&mut frame, (entry.header)(version)).expect("a header");
        let nth = entry.calls.fetch_add(1, Ordering::SeqCst);
        (entry.handler)(&mut frame, version, header.correlation_id, nth)
    }

    fn api_versions(&self, version: i16, correlation_id: i32) -> Act {
        let ours = match self.script.greeting {
            Greeting::Newest => <ApiVersionsRequest as Message>::VERSIONS.max,
            Greeting::OnlyVersion(version) => version,
        };
        let range = |(key, (min, max)): (i16, (i16, i16))| {
            ApiVersion::default()
                .with_api_key(key)
                .with_min_version(min)
                .with_max_version(max)
        };
        let offered = self.script.entries.iter().map(|(key, entry)| (*key, entry.versions));
        let keys = offered
            .chain([(ApiVersionsRequest::KEY, (0, ours))])
            .map(range)
            .collect();
        let features = self.script.features.iter().map(|(name, level)| {
            FinalizedFeatureKey::default()
                .with_name(StrBytes::from_string(name.clone()))
                .with_max_version_level(*level)
                .with_min_version_level(*level)
        });
        let response = ApiVersionsResponse::default().with_api_keys(keys);
        if version > ours {
            let refusal = response.with_error_code(35);
            return act::<ApiVersionsRequest>(Step::Reply(refusal), 0, correlation_id);
        }
        let response = response
            .with_finalized_features(features.collect())
            .with_finalized_features_epoch(7);
        act::<ApiVersionsRequest>(Step::Reply(response), version, correlation_id)
    }
}
