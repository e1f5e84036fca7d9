//! Mutual TLS towards Kafka: one certificate authority is trusted, one client identity is shown.
//!
//! The provider is passed explicitly, so no process-wide default has to be installed. The system's trust store is never
//! read: a broker that only a public authority vouches for is refused.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use super::secret::Secret;

/// PEM texts of the client's identity and of the authority it trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// Certificates of the authority that signed the brokers' certificates; may hold several during a CA roll.
    pub ca: Vec<u8>,
    /// The client's certificate, then its intermediates.
    pub chain: Vec<u8>,
    /// The client's private key, PKCS#8.
    pub key: Secret,
}

/// Which of the PEM texts cannot be used.
#[derive(Debug, Clone, Error)]
pub enum TlsError {
    #[error("read the PEM of the {what}")]
    Pem {
        what: &'static str,
        source: Arc<pem::Error>,
    },
    #[error("the PEM of the {what} holds no certificate")]
    Empty { what: &'static str },
    #[error("use the {what} for TLS")]
    Refused { what: &'static str, source: rustls::Error },
}

impl ClientIdentity {
    /// A TLS configuration for TLS 1.2 and 1.3 without session resumption, so that each connection shows the certificate.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(self.key.expose()).map_err(|source| TlsError::Pem {
            what: "client key",
            source: Arc::new(source),
        })?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Refused {
                what: "protocol versions",
                source,
            })?
            .with_root_certificates(roots(&self.ca)?)
            .with_client_auth_cert(certificates(&self.chain, "client certificate")?, key)
            .map_err(|source| TlsError::Refused {
                what: "client certificate and key",
                source,
            })?;
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

fn roots(ca: &[u8]) -> Result<RootCertStore, TlsError> {
    let what = "certificate authority";
    let mut store = RootCertStore::empty();
    for certificate in certificates(ca, what)? {
        store
            .add(certificate)
            .map_err(|source| TlsError::Refused { what, source })?;
    }
    Ok(store)
}

fn certificates(text: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem {
            what,
            source: Arc::new(source),
        })?;
    if found.is_empty() {
        Err(TlsError::Empty { what })
    } else {
        Ok(found)
    }
}
