//! One plain HTTP GET, bounded in time and size: text that a process exports about itself.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Largest answer, in bytes.
const LARGEST: usize = 1 << 20;

/// The body at `path` of the server at `address` (`host:port`), if all of it comes within `limit`; `None` whatever goes wrong.
pub async fn text(address: &str, path: &str, limit: Duration) -> Option<String> {
    tokio::time::timeout(limit, fetch(address, path)).await.ok()?
}

async fn fetch(address: &str, path: &str) -> Option<String> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::get(path)
        .header(header::HOST, address)
        .body(Empty::<Bytes>::new())
        .ok()?;
    let answer = async move {
        let response = sender.send_request(request).await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await.ok()?;
        String::from_utf8(body.to_bytes().to_vec()).ok()
    };
    // The connection does its work beside the answer, and ends when its sender is gone.
    let (text, _) = tokio::join!(answer, connection);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn served(answer: &'static [u8]) -> Option<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let read = stream.read(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let text = text(&address, "/metrics?x=y", Duration::from_secs(2)).await;
        assert!(server.await.unwrap().starts_with("GET /metrics?x=y HTTP/1.1\r\n"));
        text
    }

    #[tokio::test]
    async fn an_answer_is_its_body_and_anything_else_is_nothing() {
        let good = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n";
        assert_eq!(served(good).await.as_deref(), Some("a 1\n"));
        assert_eq!(served(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno").await, None);
        assert_eq!(served(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort").await, None);
        assert_eq!(served(b"SSH-2.0\r\n").await, None);
        assert_eq!(text("127.0.0.1:1", "/", Duration::from_secs(2)).await, None);
    }
}
