//! The objects that every cluster has from the start: cluster DNS and two storage classes.

use super::spec::DNS_ADDRESS;
use crate::build::system;

/// The manifest, ready to apply.
pub fn manifest() -> String {
    include_str!("addons.yaml")
        .replace("COREDNS_IMAGE", &system::coredns_image())
        .replace("DNS_ADDRESS", DNS_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_holder_is_filled() {
        let text = manifest();
        assert!(text.contains("clusterIP: 10.96.0.10") && text.contains("coredns/coredns:v1."));
        assert!(!text.contains("COREDNS_IMAGE") && !text.contains("DNS_ADDRESS"));
    }
}
