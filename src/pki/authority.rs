//! A certificate authority: making one, and loading one from a Secret.
//!
//! A loaded authority is proved usable (CA flag, keyCertSign, matching key) before anything is signed with it. Expiry is
//! judged where the clock is known, in `leaf::issue` and by the caller.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use x509_parser::certificate::X509Certificate;

use super::error::PkiError;
use super::facts::{CertificateFacts, facts};
use super::leaf::{OutOfRange, set_validity};
use super::secret::SecretPem;
use super::{KeyAlgorithm, entropy, parse};

/// Clocks of nodes differ; a certificate is valid from this long before it was made.
pub(super) const BACKDATE: Duration = Duration::from_hours(1);

/// What a new authority is called, how long it lives and which key it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRequest {
    pub common_name: String,
    pub organisation: Option<String>,
    pub algorithm: KeyAlgorithm,
    pub lifetime: Duration,
}

/// A CA certificate with its private key.
#[derive(Clone, Debug)]
pub struct CertificateAuthority {
    cert_pem: String,
    key_pem: SecretPem,
    der: Vec<u8>,
    facts: CertificateFacts,
}

impl CertificateAuthority {
    /// A new self-signed authority that may sign leaves only (path length 0) and certificate revocation lists.
    pub fn generate(request: &AuthorityRequest, now: jiff::Timestamp) -> Result<Self, PkiError> {
        let common_name = &request.common_name;
        if common_name.is_empty() {
            return Err(PkiError::EmptyCommonName);
        }
        Self::certified(&entropy::generate_key(request.algorithm)?, request, now)
    }

    /// The same authority with the same name and key, and a certificate that ends later. Whoever trusts the former one trusts
    /// what this one signs.
    pub fn renewed(&self, lifetime: Duration, now: jiff::Timestamp) -> Result<Self, PkiError> {
        let request = AuthorityRequest {
            common_name: self.facts.subject_cn.clone(),
            organisation: self.facts.organisation.clone(),
            // Of the key that there is.
            algorithm: KeyAlgorithm::default(),
            lifetime,
        };
        Self::certified(&parse::private_key(self.key_pem.expose())?, &request, now)
    }

    fn certified(key: &KeyPair, request: &AuthorityRequest, now: jiff::Timestamp) -> Result<Self, PkiError> {
        let common_name = &request.common_name;
        let mut params = CertificateParams::default();
        set_validity(&mut params, now, request.lifetime, None).map_err(|OutOfRange| PkiError::ValidityOutOfRange {
            common_name: common_name.clone(),
        })?;
        params.serial_number = Some(entropy::random_serial()?);
        params.distinguished_name = distinguished_name(request.organisation.as_deref(), common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let sign = |source| PkiError::Sign {
            common_name: common_name.clone(),
            source,
        };
        let certificate = params.self_signed(key).map_err(sign)?;
        Self::from_pem(&certificate.pem(), &key.serialize_pem())
    }

    /// Loads the `ca.crt` and `ca.key` of a Secret. If `cert_pem` holds several certificates the first is the signer and
    /// the others are handed on with every chain.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self, PkiError> {
        let der = parse::first_certificate(cert_pem)?;
        let key = parse::private_key(key_pem)?;
        let certificate = parse::certificate(&der)?;
        let subject = certificate.subject().to_string();
        if !may_sign_certificates(&certificate) {
            return Err(PkiError::NotAnAuthority { subject });
        }
        if !parse::key_belongs_to(&key, &certificate) {
            return Err(PkiError::AuthorityKeyMismatch { subject });
        }
        let facts = facts(&certificate);
        Issuer::from_ca_cert_der(&der.as_slice().into(), &key)
            .map_err(|source| PkiError::UnusableAuthority { subject, source })?;
        Ok(Self {
            cert_pem: with_final_newline(cert_pem),
            key_pem: SecretPem::new(key_pem),
            der,
            facts,
        })
    }

    /// Its own certificate alone, in PEM: what it's trusted by. Whoever trusts what signed it, too, trusts all its siblings.
    pub fn own_pem(&self) -> String {
        with_final_newline(parse::first_block(&self.cert_pem))
    }

    /// The certificate in PEM with its chain, which applications need that accept only what leads to a root.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// The private key in PEM (PKCS#8).
    pub fn key_pem(&self) -> &SecretPem {
        &self.key_pem
    }

    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    pub(super) fn issuer(&self) -> Result<Issuer<'static, KeyPair>, PkiError> {
        let key = parse::private_key(self.key_pem.expose())?;
        Issuer::from_ca_cert_der(&self.der.as_slice().into(), key).map_err(|source| PkiError::UnusableAuthority {
            subject: self.facts.subject_cn.clone(),
            source,
        })
    }

    pub(super) fn certificate(&self) -> Result<X509Certificate<'_>, PkiError> {
        parse::certificate(&self.der)
    }
}

/// A subject with O before CN in DER, so that Java's RFC 2253 rendering, which reverses, prints `CN=…,O=…`.
pub(super) fn distinguished_name(organisation: Option<&str>, common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organisation) = organisation {
        name.push(DnType::OrganizationName, organisation);
    }
    name.push(DnType::CommonName, common_name);
    name
}

fn may_sign_certificates(certificate: &X509Certificate<'_>) -> bool {
    // RFC 5280 §4.2.1.3: without the extension the key may be used for anything.
    let key_usage_allows = match certificate.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    certificate.is_ca() && key_usage_allows
}

fn with_final_newline(pem: &str) -> String {
    format!("{}\n", pem.trim_end())
}
