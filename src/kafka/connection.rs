//! One connection to one node: many requests under way at once, told apart by correlation id.
//!
//! A task owns the socket and lives as long as the handle. When the socket breaks, everybody who waits hears why, and
//! the handle stays broken: making a new one is the pool's business.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::errors::{KafkaError, ProtocolFault};
use super::negotiate::NodeVersions;

/// How many requests may queue for the socket before senders wait.
const SEND_QUEUE: usize = 32;
/// A frame's buffer grows from here, so that a length prefix alone cannot claim memory.
const FIRST_READ: usize = 64 * 1024;

/// A byte stream to a node, plain or TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a connection ended.
#[derive(Debug, Clone)]
enum Fault {
    Io(Arc<io::Error>),
    FrameLength(i64),
}

type Reply = Result<Bytes, Fault>;

/// Requests that wait for their answer, by correlation id; `broken` once the socket ended.
#[derive(Default)]
struct Waiting {
    replies: HashMap<i32, oneshot::Sender<Reply>>,
    broken: Option<Fault>,
}

/// What every connection of a client is made with.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionSettings {
    /// Shown in the brokers' request log.
    pub client_id: String,
    /// Largest frame accepted, in bytes.
    pub max_frame: usize,
}

/// A live connection.
pub(crate) struct Connection {
    endpoint: Endpoint,
    settings: ConnectionSettings,
    versions: NodeVersions,
    next_id: AtomicI32,
    frames: mpsc::Sender<Bytes>,
    waiting: Arc<Mutex<Waiting>>,
    quiet_until: Mutex<Option<Instant>>,
    retired: AtomicBool,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Takes over a connected stream and asks the node which versions it speaks.
    pub(crate) async fn open<S: Stream + 'static>(
        stream: S,
        endpoint: Endpoint,
        settings: ConnectionSettings,
    ) -> Result<Self, KafkaError> {
        let (frames, queue) = mpsc::channel(SEND_QUEUE);
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let driver = tokio::spawn(drive(stream, queue, Arc::clone(&waiting), settings.max_frame));
        let mut connection = Self {
            endpoint,
            settings,
            versions: NodeVersions::default(),
            next_id: AtomicI32::new(1),
            frames,
            waiting,
            quiet_until: Mutex::new(None),
            retired: AtomicBool::new(false),
            driver,
        };
        connection.versions = super::negotiate::negotiate(&connection).await?;
        Ok(connection)
    }

    pub(crate) fn address(&self) -> &str {
        &self.endpoint.address
    }

    pub(crate) fn versions(&self) -> &NodeVersions {
        &self.versions
    }

    /// False once the socket ended or the connection was retired; then a new one is due.
    pub(crate) fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && lock(&self.waiting).broken.is_none()
    }

    /// Takes no new callers, e.g. because an answer was overdue; requests under way may still be answered.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// The node asked for a pause (`throttle_time_ms`): later requests wait for its end first.
    pub(crate) fn pause(&self, pause: Duration) {
        *lock(&self.quiet_until) = Some(Instant::now() + pause);
    }

    /// Waits for the end of a pause that the node asked for.
    pub(crate) async fn resumed(&self) {
        let resume = *lock(&self.quiet_until);
        if let Some(instant) = resume {
            tokio::time::sleep_until(instant).await;
        }
    }

    /// Sends `request` in `version` and waits for its answer. Dropping the future forgets the answer.
    pub(crate) async fn request<R: Request>(
        &self,
        api: &'static str,
        request: &R,
        version: i16,
    ) -> Result<R::Response, KafkaError> {
        let mut body = self.exchange(api, request, version).await?;
        R::Response::decode(&mut body, version).map_err(|_| self.fault(api, ProtocolFault::Undecodable))
    }

    /// As [`Self::request`], but leaves the body undecoded.
    pub(crate) async fn exchange<R: Request>(
        &self,
        api: &'static str,
        request: &R,
        version: i16,
    ) -> Result<Bytes, KafkaError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let frame = self
            .encode(request, version, id)
            .map_err(|_| self.fault(api, ProtocolFault::Unencodable { version }))?;
        let (sender, receiver) = oneshot::channel();
        let _forget = self.enlist(id, sender).map_err(|fault| self.broken(api, fault))?;
        if self.frames.send(frame).await.is_err() {
            return Err(self.broken(api, self.why_broken()));
        }
        let reply = receiver.await.unwrap_or_else(|_| Err(self.why_broken()));
        let mut body = reply.map_err(|fault| self.broken(api, fault))?;
        ResponseHeader::decode(&mut body, <R::Response as HeaderVersion>::header_version(version))
            .map_err(|_| self.fault(api, ProtocolFault::Undecodable))?;
        Ok(body)
    }

    fn encode<R: Request>(&self, request: &R, version: i16, id: i32) -> Result<Bytes, EncodeFailed> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(StrBytes::from_string(self.settings.client_id.clone())));
        let mut body = BytesMut::new();
        header
            .encode(&mut body, R::header_version(version))
            .map_err(|_| EncodeFailed)?;
        request.encode(&mut body, version).map_err(|_| EncodeFailed)?;
        let mut frame = BytesMut::with_capacity(body.len() + 4);
        frame.put_i32(i32::try_from(body.len()).map_err(|_| EncodeFailed)?);
        frame.put_slice(&body);
        Ok(frame.freeze())
    }

    fn enlist(&self, id: i32, sender: oneshot::Sender<Reply>) -> Result<Forget<'_>, Fault> {
        let mut waiting = lock(&self.waiting);
        if let Some(fault) = &waiting.broken {
            return Err(fault.clone());
        }
        waiting.replies.insert(id, sender);
        Ok(Forget {
            waiting: &self.waiting,
            id,
        })
    }

    fn why_broken(&self) -> Fault {
        let known = lock(&self.waiting).broken.clone();
        known.unwrap_or_else(|| Fault::Io(Arc::new(io::ErrorKind::ConnectionAborted.into())))
    }

    fn broken(&self, api: &'static str, fault: Fault) -> KafkaError {
        match fault {
            Fault::Io(source) => KafkaError::Disconnected {
                address: self.endpoint.address.clone(),
                source,
            },
            Fault::FrameLength(length) => self.fault(
                api,
                ProtocolFault::FrameLength {
                    length,
                    limit: self.settings.max_frame,
                },
            ),
        }
    }

    pub(crate) fn fault(&self, api: &'static str, what: ProtocolFault) -> KafkaError {
        KafkaError::Protocol {
            api,
            address: self.endpoint.address.clone(),
            what,
        }
    }
}

/// The codec's reason is text without structure; the version that failed is what a reader can act on.
struct EncodeFailed;

/// Takes a request off the waiting list when its caller is served or gone.
struct Forget<'a> {
    waiting: &'a Mutex<Waiting>,
    id: i32,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.waiting).replies.remove(&self.id);
    }
}

async fn drive<S: Stream>(stream: S, queue: mpsc::Receiver<Bytes>, waiting: Arc<Mutex<Waiting>>, max_frame: usize) {
    let (reader, writer) = tokio::io::split(stream);
    let fault = tokio::select! {
        fault = read_frames(reader, &waiting, max_frame) => fault,
        fault = write_frames(writer, queue) => fault,
    };
    let mut waiting = lock(&waiting);
    waiting.broken = Some(fault.clone());
    for (_, reply) in waiting.replies.drain() {
        // A caller that gave up has dropped its receiver.
        drop(reply.send(Err(fault.clone())));
    }
}

async fn write_frames(mut writer: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Bytes>) -> Fault {
    while let Some(frame) = queue.recv().await {
        let written = async {
            writer.write_all(&frame).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            return Fault::Io(Arc::new(error));
        }
    }
    Fault::Io(Arc::new(io::ErrorKind::ConnectionAborted.into()))
}

async fn read_frames(mut reader: impl AsyncRead + Unpin, waiting: &Mutex<Waiting>, max_frame: usize) -> Fault {
    loop {
        let frame = match read_frame(&mut reader, max_frame).await {
            Ok(frame) => frame,
            Err(fault) => return fault,
        };
        let Some(id) = frame.clone().try_get_i32().ok() else {
            return Fault::FrameLength(0);
        };
        let reply = lock(waiting).replies.remove(&id);
        if let Some(reply) = reply {
            drop(reply.send(Ok(frame)));
        }
    }
}

async fn read_frame(reader: &mut (impl AsyncRead + Unpin), max_frame: usize) -> Result<Bytes, Fault> {
    let io_fault = |error| Fault::Io(Arc::new(error));
    let length = reader.read_i32().await.map_err(io_fault)?;
    let size = usize::try_from(length)
        .ok()
        .filter(|size| (4..=max_frame).contains(size))
        .ok_or(Fault::FrameLength(length.into()))?;
    let mut frame = BytesMut::with_capacity(size.min(FIRST_READ));
    while frame.len() < size {
        let missing = u64::try_from(size - frame.len()).unwrap_or(u64::MAX);
        let read = (&mut *reader)
            .take(missing)
            .read_buf(&mut frame)
            .await
            .map_err(io_fault)?;
        if read == 0 {
            return Err(Fault::Io(Arc::new(io::ErrorKind::UnexpectedEof.into())));
        }
    }
    Ok(frame.freeze())
}

/// A poisoned lock holds data that is still whole: every critical section here is a few moves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
