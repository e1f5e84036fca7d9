//! Credentials files, one per program that talks to the API server.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::pki;
use super::spec::{CONTROL_ADDRESS, Spec};

/// Where the API server listens.
pub fn server() -> String {
    format!("https://{CONTROL_ADDRESS}:6443")
}

/// Writes the file of every identity that is a client. JSON is YAML, and needs no quoting rules.
pub fn write(spec: &Spec) -> Result<()> {
    for identity in pki::identities(spec) {
        let (certificate, key) = pki::files(spec, &identity.file);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "local",
            "clusters": [{"name": "local", "cluster": {
                "server": server(), "certificate-authority": spec.certificates().join("ca.crt")}}],
            "users": [{"name": identity.file, "user": {"client-certificate": certificate, "client-key": key}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": identity.file}}],
        });
        let path = spec.kubeconfig(&identity.file);
        fs::write(&path, serde_json::to_vec_pretty(&config)?).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}
