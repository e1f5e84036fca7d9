//! Kernel settings of a pod: those that Kubernetes lets every pod have (Pod Security Standards, baseline). Others are of the
//! whole machine, or the kubelet must be told to allow them.

use super::Findings;
use crate::api::OperatingSystem;

/// With the release of Kubernetes since which each is safe (pod-security-admission, `sysctls`).
const SAFE: [(&str, &str); 14] = [
    ("kernel.shm_rmid_forced", "1.0"),
    ("net.ipv4.ip_local_port_range", "1.0"),
    ("net.ipv4.tcp_syncookies", "1.0"),
    ("net.ipv4.ping_group_range", "1.0"),
    ("net.ipv4.ip_unprivileged_port_start", "1.0"),
    ("net.ipv4.ip_local_reserved_ports", "1.27"),
    ("net.ipv4.tcp_keepalive_time", "1.29"),
    ("net.ipv4.tcp_fin_timeout", "1.29"),
    ("net.ipv4.tcp_keepalive_intvl", "1.29"),
    ("net.ipv4.tcp_keepalive_probes", "1.29"),
    ("net.ipv4.tcp_rmem", "1.32"),
    ("net.ipv4.tcp_wmem", "1.32"),
    ("net.ipv4.tcp_slow_start_after_idle", "1.37"),
    ("net.ipv4.tcp_notsent_lowat", "1.37"),
];

pub fn check(os: &OperatingSystem, findings: &mut Findings) {
    for (name, value) in &os.sysctls {
        let path = format!("spec.tuning.os.sysctls[{name}]");
        if !SAFE.iter().any(|(safe, _)| safe == name) {
            let message = "isn't one that Kubernetes takes for safe in a pod: set it on the machines, for example with the chart's nodeTuning";
            findings.add(path, message);
        } else if !plain(value) {
            findings.add(
                path,
                format!("{value:?} isn't numbers with spaces between: write for example \"4096 87380 67108864\""),
            );
        }
    }
    if os
        .require_max_map_count
        .is_some_and(|count| !(65_530..=16_777_216).contains(&count))
    {
        findings.add(
            "spec.tuning.os.requireMaxMapCount",
            "isn't between 65530, the kernel's default, and 16777216: write for example 262144",
        );
    }
}

fn plain(value: &str) -> bool {
    let number = |word: &str| word.len() <= 12 && word.chars().all(|c| c.is_ascii_digit());
    value.split_whitespace().count() > 0 && value.len() <= 64 && value.split_whitespace().all(number)
}
