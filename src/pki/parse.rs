//! Reading PEM certificates and keys; shared by authority, leaf, facts and decide.

use rcgen::{KeyPair, PublicKeyData};
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;

use super::error::PkiError;

/// The first CERTIFICATE block of `pem`, as DER.
pub(super) fn first_certificate(pem: &str) -> Result<Vec<u8>, PkiError> {
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block.map_err(PkiError::DamagedPem)?;
        if block.label == "CERTIFICATE" {
            return Ok(block.contents);
        }
    }
    Err(PkiError::NoCertificate)
}

/// The text of the first CERTIFICATE block; all of it if there's none.
pub(super) fn first_block(pem: &str) -> &str {
    const END: &str = "-----END CERTIFICATE-----";
    let start = pem.find("-----BEGIN CERTIFICATE-----").unwrap_or_default();
    let end = pem.find(END).map_or(pem.len(), |end| end + END.len());
    pem.get(start..end).unwrap_or(pem)
}

/// Every CERTIFICATE block of `pem`, as DER; what can't be read is left out.
pub(super) fn certificates(pem: &str) -> Vec<Vec<u8>> {
    let blocks = Pem::iter_from_buffer(pem.as_bytes()).flatten();
    let certificates = blocks.filter(|block| block.label == "CERTIFICATE");
    certificates.map(|block| block.contents).collect()
}

pub(super) fn certificate(der: &[u8]) -> Result<X509Certificate<'_>, PkiError> {
    match x509_parser::parse_x509_certificate(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(x509_parser::nom::Err::Error(source) | x509_parser::nom::Err::Failure(source)) => {
            Err(PkiError::DamagedCertificate(source))
        }
        Err(x509_parser::nom::Err::Incomplete(_)) => Err(PkiError::DamagedCertificate(
            x509_parser::error::X509Error::InvalidCertificate,
        )),
    }
}

pub(super) fn private_key(pem: &str) -> Result<KeyPair, PkiError> {
    KeyPair::from_pem(pem).map_err(PkiError::UnreadableKey)
}

/// Whether `key` is the private half of the certificate's public key. Compares the key bits, not the algorithm
/// identifiers, whose encoding differs between tools.
pub(super) fn key_belongs_to(key: &KeyPair, certificate: &X509Certificate<'_>) -> bool {
    key.der_bytes() == &*certificate.public_key().subject_public_key.data
}

/// Whether `leaf` names `issuer` and carries its signature. Dates are not looked at.
pub(super) fn is_signed_by(leaf: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    leaf.issuer().as_raw() == issuer.subject().as_raw() && leaf.verify_signature(Some(issuer.public_key())).is_ok()
}

/// Timestamp of an X.509 time; a date that jiff cannot hold (year > 9999 does not exist in X.509) saturates.
pub(super) fn timestamp(time: x509_parser::time::ASN1Time) -> jiff::Timestamp {
    jiff::Timestamp::from_second(time.timestamp()).unwrap_or(jiff::Timestamp::MAX)
}
