//! Limits of the machine that Kafka runs into late and with misleading errors. They are reported, not enforced: no pod
//! can raise them. Only the number of memory maps is enforced where the resource asks for that.

use super::NodeInitError;
use std::fs;

/// Kafka's operations guide asks for at least 100000 file descriptors.
const OPEN_FILES: u64 = 100_000;
/// Two memory maps per log segment; 65530 is the kernel's default.
const MEMORY_MAPS: u64 = 262_144;

/// Warnings for this machine; a limit that cannot be read gives none.
pub(super) fn warnings() -> Vec<String> {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let maps = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    judge(&limits, &maps)
}

/// Whether this machine has as many memory maps as the resource asks for; one that can't be read is none.
pub(super) fn enforce(least: Option<u64>) -> Result<(), NodeInitError> {
    let maps = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    enough(&maps, least)
}

fn enough(maps: &str, least: Option<u64>) -> Result<(), NodeInitError> {
    let found = maps.trim().parse::<u64>().ok();
    match (found, least) {
        (Some(found), Some(least)) if found < least => Err(NodeInitError::MapCount { found, least }),
        _ => Ok(()),
    }
}

fn judge(limits: &str, maps: &str) -> Vec<String> {
    let open_files = hard_open_files(limits).filter(|limit| *limit < OPEN_FILES).map(|limit| {
        format!("the hard limit of open files is {limit}; Kafka needs {OPEN_FILES} (set LimitNOFILE of the container runtime)")
    });
    let memory_maps = maps
        .trim()
        .parse::<u64>()
        .ok()
        .filter(|limit| *limit < MEMORY_MAPS)
        .map(|limit| {
            format!(
                "vm.max_map_count is {limit}; brokers with many partitions need {MEMORY_MAPS} (sysctl on the machine)"
            )
        });
    open_files.into_iter().chain(memory_maps).collect()
}

/// `Max open files  <soft>  <hard>  files`; `None` for `unlimited`.
fn hard_open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_limits_are_reported() {
        let limits = |hard: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 {hard}               files\n"
            )
        };
        assert_eq!(judge(&limits("4096"), "65530\n").len(), 2);
        assert_eq!(judge(&limits("524288"), "262144\n"), Vec::<String>::new());
        assert_eq!(judge(&limits("unlimited"), "1048576"), Vec::<String>::new());
        assert_eq!(
            judge(&limits("99999"), "262144"),
            ["the hard limit of open files is 99999; Kafka needs 100000 (set LimitNOFILE of the container runtime)"]
        );
        assert_eq!(judge("", ""), Vec::<String>::new(), "unknown is no warning");
    }

    #[test]
    fn too_few_maps_are_an_error_only_where_more_are_asked_for() {
        assert!(enough("65530\n", None).is_ok());
        assert!(enough("262144", Some(262_144)).is_ok());
        assert!(enough("", Some(262_144)).is_ok());
        let error = enough("65530\n", Some(262_144)).unwrap_err().to_string();
        assert!(
            error.contains("is 65530") && error.contains("vm.max_map_count=262144"),
            "{error}"
        );
    }

    #[test]
    fn this_machine_has_readable_limits() {
        assert!(
            fs::read_to_string("/proc/self/limits")
                .unwrap()
                .contains("Max open files")
        );
    }
}
