//! Which certificate a server shows. Looks, and says nothing: no certificate of ours is shown, no request is sent, and what is
//! learnt decides only whether a broker must be told once more to read its files.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The server's own certificate, DER; `None`: it didn't come to that within `limit`.
pub async fn certificate(address: &str, limit: Duration) -> Option<Vec<u8>> {
    let seen = Arc::new(Seen::default());
    // A server that wants a certificate ends the handshake after it has shown its own: what it says then is of no account.
    let _ = timeout(limit, handshake(address, Arc::clone(&seen))).await;
    seen.certificate.lock().unwrap_or_else(PoisonError::into_inner).take()
}

async fn handshake(address: &str, seen: Arc<Seen>) -> Option<()> {
    let config = ClientConfig::builder_with_provider(Arc::clone(&seen.provider))
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(seen)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.ok()?;
    let name = ServerName::try_from("kafka").ok()?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()?;
    Some(())
}

/// Takes any certificate and remembers it; that the server has its key is proven by its signature.
#[derive(Debug)]
struct Seen {
    provider: Arc<CryptoProvider>,
    certificate: Mutex<Option<Vec<u8>>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            certificate: Mutex::new(None),
        }
    }
}

impl Seen {
    /// Remembers the certificate if the server has its key.
    fn proven(
        &self,
        certificate: &CertificateDer<'_>,
        verdict: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if verdict.is_ok() {
            *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate.to_vec());
        }
        verdict
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.proven(
            certificate,
            verify_tls12_signature(message, certificate, signed, algorithms),
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.proven(
            certificate,
            verify_tls13_signature(message, certificate, signed, algorithms),
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
