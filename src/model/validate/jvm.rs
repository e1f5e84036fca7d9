//! JVM options a user may add: sizes, collectors, flags; nothing that runs code or loosens Kafka's own safety switches.

use super::Findings;

/// Options that run code, open a port, read files of options or undo what the operator sets.
const REFUSED: [&str; 27] = [
    "-javaagent",
    "-agentlib",
    "-agentpath",
    "-Xrun",
    "-Xdebug",
    "-Xbootclasspath",
    "-Xmx",
    "-Xms",
    "-Xloggc",
    "-XX:OnError",
    "-XX:OnOutOfMemoryError",
    "-XX:Flags",
    "-XX:VMOptionsFile",
    "-XX:HeapDumpPath",
    "-XX:ErrorFile",
    "-XX:SharedArchiveFile",
    "-XX:MaxHeapSize",
    "-XX:InitialHeapSize",
    "-Dcom.sun.management",
    "-Dorg.apache.kafka",
    "-Djava.class.path",
    "-Djava.library.path",
    "-Djava.security",
    "-Djava.system.class.loader",
    "-Djavax.net.ssl",
    "-Dlog4j",
    "-Djdk.",
];

pub fn check(options: &[String], findings: &mut Findings) -> Vec<String> {
    for option in options {
        let message = if !option.starts_with("-X") && !option.starts_with("-D") {
            "isn't an option that starts with -X or -D"
        } else if option.contains(|c: char| c.is_whitespace() || "'\"$`\\;&|<>".contains(c)) {
            "has a space, quote or shell character: write one option per list entry"
        } else if option.starts_with("-Xmx") || option.starts_with("-Xms") {
            "is set by tuning.jvm.heap: use that"
        } else if REFUSED.iter().any(|refused| option.starts_with(refused)) {
            "runs code, opens a port or undoes a safety setting, which isn't allowed: remove it"
        } else {
            continue;
        };
        findings.add(format!("spec.tuning.jvm.options[{option}]"), message);
    }
    options.to_vec()
}
