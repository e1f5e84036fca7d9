//! Issuing leaf certificates.
//!
//! A leaf never outlives its authority, and every new leaf is verified against the authority before it is handed out:
//! a certificate that Kafka would refuse must fail here, not in a listener.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};

use super::authority::{BACKDATE, CertificateAuthority, distinguished_name};
use super::error::PkiError;
use super::secret::SecretPem;
use super::{KeyAlgorithm, entropy, parse};

/// Extended key usages of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usages {
    Server,
    Client,
    /// Kafka nodes: they accept and open connections with the same certificate.
    Both,
}

/// What a leaf certificate must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRequest {
    pub common_name: String,
    pub organisation: Option<String>,
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<IpAddr>,
    pub usages: Usages,
    pub algorithm: KeyAlgorithm,
    /// From now on; shortened to the authority's own end.
    pub lifetime: Duration,
}

/// An issued certificate with its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The leaf followed by its issuer.
    pub cert_pem: String,
    /// PKCS#8, as Kafka's PEM key stores need it (KIP-651).
    pub key_pem: SecretPem,
}

impl Leaf {
    /// Key and chain in one text: the file form of `ssl.keystore.type=PEM` (KIP-651).
    pub fn keystore_pem(&self) -> SecretPem {
        SecretPem::new(format!("{}{}", self.key_pem.expose(), self.cert_pem))
    }
}

/// Issues a leaf with a new key of the algorithm that is asked for.
pub fn issue(ca: &CertificateAuthority, request: &LeafRequest, now: jiff::Timestamp) -> Result<Leaf, PkiError> {
    let common_name = request.common_name.clone();
    if common_name.is_empty() {
        return Err(PkiError::EmptyCommonName);
    }
    if ca.facts().not_after <= now {
        let issuer = ca.facts().subject_cn.clone();
        return Err(PkiError::AuthorityExpired {
            common_name,
            issuer,
            not_after: ca.facts().not_after,
        });
    }
    let params = parameters(ca, request, now)?;
    let key = entropy::generate_key(request.algorithm)?;
    let certificate = params
        .signed_by(&key, &ca.issuer()?)
        .map_err(|source| PkiError::Sign { common_name, source })?;
    if !parse::is_signed_by(&parse::certificate(certificate.der())?, &ca.certificate()?) {
        let issuer = ca.facts().subject_cn.clone();
        return Err(PkiError::SelfCheck {
            common_name: request.common_name.clone(),
            issuer,
        });
    }
    Ok(Leaf {
        cert_pem: format!("{}{}", certificate.pem(), ca.cert_pem()),
        key_pem: SecretPem::new(key.serialize_pem()),
    })
}

fn parameters(
    ca: &CertificateAuthority,
    request: &LeafRequest,
    now: jiff::Timestamp,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, request.lifetime, Some(ca.facts().not_after)).map_err(|OutOfRange| {
        PkiError::ValidityOutOfRange {
            common_name: request.common_name.clone(),
        }
    })?;
    params.serial_number = Some(entropy::random_serial()?);
    params.distinguished_name = distinguished_name(request.organisation.as_deref(), &request.common_name);
    params.subject_alt_names = alternative_names(request)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = match request.usages {
        Usages::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Usages::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Usages::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
    };
    Ok(params)
}

fn alternative_names(request: &LeafRequest) -> Result<Vec<SanType>, PkiError> {
    let dns = request.dns_names.iter().map(|name| match name.as_str().try_into() {
        Ok(name) => Ok(SanType::DnsName(name)),
        Err(source) => Err(PkiError::BadDnsName {
            common_name: request.common_name.clone(),
            name: name.clone(),
            source,
        }),
    });
    dns.chain(
        request
            .ip_addresses
            .iter()
            .map(|address| Ok(SanType::IpAddress(*address))),
    )
    .collect()
}

/// When a certificate made `now` ends: after `lifetime`, but not after its issuer.
pub(super) fn end_of(
    now: jiff::Timestamp,
    lifetime: Duration,
    issuer_end: Option<jiff::Timestamp>,
) -> Option<jiff::Timestamp> {
    let end = now.checked_add(lifetime).ok()?;
    Some(issuer_end.map_or(end, |issuer_end| end.min(issuer_end)))
}

/// Sets `notBefore` and `notAfter`. The `time` crate's type is reached through rcgen's own constructor.
pub(super) fn set_validity(
    params: &mut CertificateParams,
    now: jiff::Timestamp,
    lifetime: Duration,
    issuer_end: Option<jiff::Timestamp>,
) -> Result<(), OutOfRange> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let start = now.checked_sub(BACKDATE).map_err(|_| OutOfRange)?;
    let end = end_of(now, lifetime, issuer_end).ok_or(OutOfRange)?;
    // The additions cannot overflow: jiff ends in the year 9999 and so does `time`.
    params.not_before = epoch + since_epoch(start)?;
    params.not_after = epoch + since_epoch(end)?;
    Ok(())
}

/// The validity is not between 1970 and 9999.
pub(super) struct OutOfRange;

fn since_epoch(time: jiff::Timestamp) -> Result<Duration, OutOfRange> {
    u64::try_from(time.as_second())
        .map(Duration::from_secs)
        .map_err(|_| OutOfRange)
}
