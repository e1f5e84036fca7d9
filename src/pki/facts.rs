//! What a certificate says, read for status, events and renewal decisions.

use std::fmt;
use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;

use super::error::PkiError;
use super::leaf::Usages;
use super::parse;

/// The facts of one certificate. Names keep the order of the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    pub subject_cn: String,
    pub organisation: Option<String>,
    pub not_before: jiff::Timestamp,
    pub not_after: jiff::Timestamp,
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<IpAddr>,
    /// Lower-case hexadecimal without leading zero octets.
    pub serial_hex: String,
    /// Issuer's distinguished name in DER order, such as `O=productionkafka, CN=orders-cluster-ca`.
    pub issuer: String,
    pub public_key: PublicKeyAlgorithm,
    pub is_ca: bool,
    /// Extended key usages; `None` if the certificate restricts nothing or allows neither.
    pub usages: Option<Usages>,
}

/// Public key type with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyAlgorithm {
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Ed25519,
    Rsa { bits: usize },
    Other,
}

impl fmt::Display for PublicKeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::EcdsaP521 => f.write_str("ECDSA P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Other => f.write_str("unknown"),
        }
    }
}

/// Facts of the first certificate in `cert_pem` (of a chain: the leaf).
pub fn inspect(cert_pem: &str) -> Result<CertificateFacts, PkiError> {
    let der = parse::first_certificate(cert_pem)?;
    Ok(facts(&parse::certificate(&der)?))
}

/// Serial number of a certificate in DER, as in its facts.
pub fn serial_of(der: &[u8]) -> Result<String, PkiError> {
    Ok(hex(parse::certificate(der)?.raw_serial()))
}

pub(super) fn facts(certificate: &X509Certificate<'_>) -> CertificateFacts {
    let (dns_names, ip_addresses) = alternative_names(certificate);
    let first = |attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
        attribute.and_then(|value| value.as_str().ok()).map(str::to_owned)
    };
    CertificateFacts {
        subject_cn: first(certificate.subject().iter_common_name().next()).unwrap_or_default(),
        organisation: first(certificate.subject().iter_organization().next()),
        not_before: parse::timestamp(certificate.validity().not_before),
        not_after: parse::timestamp(certificate.validity().not_after),
        dns_names,
        ip_addresses,
        serial_hex: hex(certificate.raw_serial()),
        issuer: certificate.issuer().to_string(),
        public_key: public_key(certificate),
        is_ca: certificate.is_ca(),
        usages: usages(certificate),
    }
}

fn alternative_names(certificate: &X509Certificate<'_>) -> (Vec<String>, Vec<IpAddr>) {
    let (mut dns_names, mut ip_addresses) = (Vec::new(), Vec::new());
    let names = certificate.subject_alternative_name().ok().flatten();
    for name in names.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(octets) => ip_addresses.extend(ip_address(octets)),
            _ => {}
        }
    }
    (dns_names, ip_addresses)
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn usages(certificate: &X509Certificate<'_>) -> Option<Usages> {
    let extension = certificate.extended_key_usage().ok().flatten()?;
    match (extension.value.server_auth, extension.value.client_auth) {
        (true, true) => Some(Usages::Both),
        (true, false) => Some(Usages::Server),
        (false, true) => Some(Usages::Client),
        (false, false) => None,
    }
}

fn public_key(certificate: &X509Certificate<'_>) -> PublicKeyAlgorithm {
    let key = certificate.public_key();
    if key.algorithm.algorithm.to_id_string() == "1.3.101.112" {
        return PublicKeyAlgorithm::Ed25519;
    }
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => PublicKeyAlgorithm::Rsa { bits: rsa.key_size() },
        Ok(PublicKey::EC(_)) => curve(certificate),
        _ => PublicKeyAlgorithm::Other,
    }
}

fn curve(certificate: &X509Certificate<'_>) -> PublicKeyAlgorithm {
    let parameters = certificate.public_key().algorithm.parameters.as_ref();
    let oid = parameters
        .and_then(|any| any.as_oid().ok())
        .map(|oid| oid.to_id_string());
    match oid.as_deref() {
        Some("1.2.840.10045.3.1.7") => PublicKeyAlgorithm::EcdsaP256,
        Some("1.3.132.0.34") => PublicKeyAlgorithm::EcdsaP384,
        Some("1.3.132.0.35") => PublicKeyAlgorithm::EcdsaP521,
        _ => PublicKeyAlgorithm::Other,
    }
}

fn hex(octets: &[u8]) -> String {
    let significant = octets.iter().skip_while(|octet| **octet == 0);
    significant.fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}
