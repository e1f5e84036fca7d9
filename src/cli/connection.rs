//! A connection to Kafka for a command: brokers as they're named on the command line, a certificate from a directory.

use crate::kafka::{ClientIdentity, ClientOptions, Endpoint, Endpoints, KafkaClient, Secret, TlsError, Transport};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum ConnectionError {
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{0:?} is not host:port")]
    Bootstrap(String),
    #[error("the certificates in {}: {source}", dir.display())]
    Tls { dir: PathBuf, source: TlsError },
}

/// A client of these brokers, each of which must show a certificate for its host; `tls` holds `tls.crt`, `tls.key` and `ca.crt`.
pub async fn open(bootstrap: &[String], tls: &Path, client_id: &str) -> Result<KafkaClient, ConnectionError> {
    let identity = ClientIdentity {
        ca: read(&tls.join("ca.crt")).await?,
        chain: read(&tls.join("tls.crt")).await?,
        key: Secret::new(read(&tls.join("tls.key")).await?),
    };
    let config = identity.client_config().map_err(|source| ConnectionError::Tls {
        dir: tls.to_owned(),
        source,
    })?;
    let brokers = bootstrap
        .iter()
        .map(|address| endpoint(address))
        .collect::<Result<_, _>>()?;
    let options = ClientOptions {
        client_id: client_id.to_owned(),
        ..ClientOptions::default()
    };
    let endpoints = Endpoints {
        brokers,
        controllers: Vec::new(),
    };
    Ok(KafkaClient::new(Transport::Tls(config), endpoints, options))
}

/// The file's bytes.
pub async fn read(path: &Path) -> Result<Vec<u8>, ConnectionError> {
    tokio::fs::read(path).await.map_err(|source| ConnectionError::Read {
        path: path.to_owned(),
        source,
    })
}

fn endpoint(address: &str) -> Result<Endpoint, ConnectionError> {
    let (host, port) = address
        .rsplit_once(':')
        .ok_or_else(|| ConnectionError::Bootstrap(address.to_owned()))?;
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(ConnectionError::Bootstrap(address.to_owned()));
    }
    Ok(Endpoint {
        node_id: None,
        address: address.to_owned(),
        server_name: host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for address in ["localhost", ":9091", "localhost:ninety", "[::1]"] {
            assert!(
                matches!(endpoint(address), Err(ConnectionError::Bootstrap(_))),
                "{address}"
            );
        }
        for (address, host) in [("localhost:9091", "localhost"), ("[::1]:9091", "::1")] {
            assert_eq!(endpoint(address).unwrap().server_name, host);
        }
    }
}
