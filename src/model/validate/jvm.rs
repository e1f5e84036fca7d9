//! JVM options a user may add: sizes, collectors, flags; nothing that runs code or loosens Kafka's own safety switches.

use super::Findings;
use crate::api::refused::JVM_OPTIONS;

pub fn check(options: &[String], findings: &mut Findings) -> Vec<String> {
    for option in options {
        let message = if !option.starts_with("-X") && !option.starts_with("-D") {
            "isn't an option that starts with -X or -D"
        } else if option.contains(|c: char| c.is_whitespace() || "'\"$`\\;&|<>".contains(c)) {
            "has a space, quote or shell character: write one option per list entry"
        } else if option.starts_with("-Xmx") || option.starts_with("-Xms") {
            "is set by tuning.jvm.heap: use that"
        } else if JVM_OPTIONS.iter().any(|refused| option.starts_with(refused)) {
            "runs code, opens a port or undoes a safety setting, which isn't allowed: remove it"
        } else {
            continue;
        };
        findings.add(format!("spec.tuning.jvm.options[{option}]"), message);
    }
    options.to_vec()
}
