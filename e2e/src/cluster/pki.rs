//! Certificates of the local control plane: one CA, one key pair per program, ECDSA P-256 throughout.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::spec::{API_SERVICE_ADDRESS, CONTROL_ADDRESS, DOMAIN, Spec};

/// Who a certificate speaks for: Kubernetes reads the user from the common name and groups from the organisation.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Also the file name.
    pub file: String,
    pub common_name: String,
    pub organisation: Option<String>,
    pub names: Vec<String>,
    pub addresses: Vec<String>,
}

impl Identity {
    fn client(file: &str, common_name: &str, organisation: Option<&str>) -> Self {
        Self {
            file: file.to_owned(),
            common_name: common_name.to_owned(),
            organisation: organisation.map(str::to_owned),
            ..Self::default()
        }
    }
}

/// Every identity of the cluster. Components have users of their own, so that the audit log tells them apart.
pub fn identities(spec: &Spec) -> Vec<Identity> {
    let mut all = vec![
        Identity::client("admin", "admin", Some("system:masters")),
        Identity::client("controller-manager", "system:kube-controller-manager", None),
        Identity::client("scheduler", "system:kube-scheduler", None),
        Identity::client("proxy", "system:kube-proxy", None),
        Identity::client("provisioner", "local-volume-provisioner", Some("system:masters")),
        Identity::client("dns", "cluster-dns", Some("system:masters")),
        Identity::client(
            "apiserver-kubelet",
            "kube-apiserver-kubelet-client",
            Some("system:masters"),
        ),
    ];
    let service = "kubernetes.default.svc";
    all.push(Identity {
        names: [
            "kubernetes",
            "kubernetes.default",
            service,
            &format!("{service}.{DOMAIN}"),
            "localhost",
        ]
        .map(str::to_owned)
        .into(),
        addresses: ["127.0.0.1", CONTROL_ADDRESS, API_SERVICE_ADDRESS]
            .map(str::to_owned)
            .into(),
        ..Identity::client("apiserver", "kube-apiserver", None)
    });
    all.extend(spec.node_list().into_iter().map(|node| Identity {
        names: vec![node.name.clone()],
        addresses: vec![node.address],
        ..Identity::client(&node.name, &format!("system:node:{}", node.name), Some("system:nodes"))
    }));
    all
}

/// Writes the CA, all identities, and the key that signs service-account tokens.
pub fn write(spec: &Spec) -> Result<()> {
    let folder = spec.certificates();
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let authority = authority("local-cluster-ca")?;
    put(&folder.join("ca.crt"), &authority.pem())?;
    for identity in identities(spec) {
        let key = KeyPair::generate()?;
        let certificate = leaf(&identity)?.signed_by(&key, &authority)?;
        put(&folder.join(format!("{}.crt", identity.file)), &certificate.pem())?;
        put(&folder.join(format!("{}.key", identity.file)), &key.serialize_pem())?;
    }
    let tokens = KeyPair::generate()?;
    put(&folder.join("service-accounts.key"), &tokens.serialize_pem())?;
    put(&folder.join("service-accounts.pub"), &tokens.public_key_pem())
}

/// The pair of files of one identity: certificate, key.
pub fn files(spec: &Spec, identity: &str) -> (PathBuf, PathBuf) {
    let folder = spec.certificates();
    (
        folder.join(format!("{identity}.crt")),
        folder.join(format!("{identity}.key")),
    )
}

/// A new authority.
pub fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    Ok(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?)
}

/// A server certificate for some names and its key, both PEM.
pub fn server(authority: &CertifiedIssuer<'_, KeyPair>, names: &[&str]) -> Result<(String, String)> {
    let identity = Identity {
        common_name: names.first().map_or_else(String::new, |name| (*name).to_owned()),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Identity::default()
    };
    let key = KeyPair::generate()?;
    let certificate = leaf(&identity)?.signed_by(&key, authority)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn leaf(identity: &Identity) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(identity.names.clone())?;
    for address in &identity.addresses {
        parameters.subject_alt_names.push(SanType::IpAddress(address.parse()?));
    }
    if let Some(organisation) = &identity.organisation {
        parameters
            .distinguished_name
            .push(DnType::OrganizationName, organisation.as_str());
    }
    parameters
        .distinguished_name
        .push(DnType::CommonName, identity.common_name.as_str());
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

fn put(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
