//! The restricted Pod Security profile, and a read-only root file system beyond it. Nothing a user sets can loosen it.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext, Sysctl};
use std::collections::BTreeMap;

/// `appuser` of the apache/kafka image. Its name alone doesn't satisfy `runAsNonRoot`.
pub const KAFKA_USER: i64 = 1000;

/// Context of a pod whose processes and volumes belong to `user`; the kernel settings are safe ones.
pub fn pod(user: i64, sysctls: &BTreeMap<String, String>) -> PodSecurityContext {
    let sysctl = |(name, value): (&String, &String)| Sysctl {
        name: name.clone(),
        value: value.clone(),
    };
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        run_as_group: Some(user),
        fs_group: Some(user),
        // Walking millions of segment files at each start would take minutes.
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".into(),
            localhost_profile: None,
        }),
        sysctls: (!sysctls.is_empty()).then(|| sysctls.iter().map(sysctl).collect()),
        ..PodSecurityContext::default()
    }
}

/// Context of every container.
pub fn container() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        privileged: Some(false),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            add: None,
        }),
        ..SecurityContext::default()
    }
}
