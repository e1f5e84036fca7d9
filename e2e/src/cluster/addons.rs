//! What every cluster has from the start: cluster DNS and two storage classes.

use super::spec::{CONTROL_ADDRESS, DNS_ADDRESS, DOMAIN, Spec};

/// The manifest, ready to apply.
pub fn manifest() -> String {
    include_str!("addons.yaml")
        .replace("DNS_ADDRESS", DNS_ADDRESS)
        .replace("CONTROL_ADDRESS", CONTROL_ADDRESS)
}

/// Configuration of `CoreDNS`. No upstream: nothing outside of the cluster can be reached. The short lifetime makes a
/// moved pod visible soon.
pub fn corefile(spec: &Spec) -> String {
    let kubeconfig = spec.kubeconfig("dns");
    format!(
        ".:53 {{
  bind {CONTROL_ADDRESS}
  errors
  ready 127.0.0.1:8181
  kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
    kubeconfig {}
    pods insecure
    ttl 5
  }}
}}
",
        kubeconfig.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_holder_is_filled() {
        let text = manifest();
        assert!(text.contains("clusterIP: 10.96.0.10") && text.contains("addresses: [172.31.0.1]"));
        assert!(!text.contains("_ADDRESS"));
    }
}
