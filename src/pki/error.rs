//! What can go wrong with certificates and keys.
//!
//! Messages name the object that was read or made; they never contain key material.

use super::KeyAlgorithm;

/// Errors of reading and issuing certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("generate a {algorithm} private key")]
    GenerateKey {
        algorithm: KeyAlgorithm,
        #[source]
        source: rcgen::Error,
    },
    #[error("draw a random certificate serial number")]
    GenerateSerial,
    #[error("read a certificate: no CERTIFICATE block of PEM found")]
    NoCertificate,
    #[error("read a certificate: the PEM block is damaged")]
    DamagedPem(#[source] x509_parser::error::PEMError),
    #[error("read a certificate: the DER inside the PEM block is not an X.509 certificate")]
    DamagedCertificate(#[source] x509_parser::error::X509Error),
    #[error("read a private key: an unencrypted PKCS#8 `PRIVATE KEY` block of PEM is needed")]
    UnreadableKey(#[source] rcgen::Error),
    #[error("use {subject} as certificate authority: it is not a CA certificate (basicConstraints cA, keyCertSign)")]
    NotAnAuthority { subject: String },
    #[error("use {subject} as certificate authority: the private key is not the key of the certificate")]
    AuthorityKeyMismatch { subject: String },
    #[error("use {subject} as certificate authority: its certificate cannot be used as an issuer")]
    UnusableAuthority {
        subject: String,
        #[source]
        source: rcgen::Error,
    },
    #[error("issue {common_name}: the certificate authority {issuer} expired at {not_after}")]
    AuthorityExpired {
        common_name: String,
        issuer: String,
        not_after: jiff::Timestamp,
    },
    #[error("issue {common_name}: {name:?} is not a DNS name that a certificate can carry")]
    BadDnsName {
        common_name: String,
        name: String,
        #[source]
        source: rcgen::Error,
    },
    #[error("issue a certificate: the common name is empty")]
    EmptyCommonName,
    #[error("issue {common_name}: the validity ends after the year 9999 or starts before 1970")]
    ValidityOutOfRange { common_name: String },
    #[error("issue {common_name}: sign the certificate")]
    Sign {
        common_name: String,
        #[source]
        source: rcgen::Error,
    },
    #[error("issue {common_name}: the new certificate does not verify against its own authority {issuer}")]
    SelfCheck { common_name: String, issuer: String },
}
