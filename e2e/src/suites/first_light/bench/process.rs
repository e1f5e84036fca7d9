//! The operator's process as the kernel accounts for it; only where the cluster's processes run on this machine.

use anyhow::{Context as _, Result, ensure};

use crate::harness::Context;

/// Kernel ticks per second on every Linux that this runs on.
const TICKS: f64 = 100.0;

/// One look at the process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Resident memory, shared pages of its own binary included.
    pub resident_mib: f64,
    /// Seconds of processor time since it started.
    pub busy: f64,
    /// When it started, in seconds of the epoch, exact to a tick.
    pub started: f64,
}

/// Finds the process by its command line and prints number, memory, times and both clocks.
const LOOK: &str = r#"
for folder in /proc/[0-9]*; do
  case "$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null)" in
    "/productionkafka run "*)
      rss=$(awk '/^VmRSS:/ {print $2}' "$folder/status")
      stat=$(sed 's/.*) //' "$folder/stat")
      echo "$rss $(echo "$stat" | awk '{print $12 + $13, $20}') $(cut -d' ' -f1 /proc/uptime) $(date +%s.%N)" ;;
  esac
done"#;

/// The only process of the operator.
pub fn operator(context: &Context) -> Result<Process> {
    let text = context.sh(LOOK)?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(lines.len() == 1, "{} processes of the operator: {text}", lines.len());
    parse(&text).with_context(|| format!("read {text:?}"))
}

/// Resident KiB, busy ticks, start tick, uptime in seconds, epoch in seconds.
fn parse(text: &str) -> Option<Process> {
    let numbers: Vec<f64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [resident, busy, start, uptime, now] = numbers.as_slice() else {
        return None;
    };
    Some(Process {
        resident_mib: resident / 1024.0,
        busy: busy / TICKS,
        started: now - (uptime - start / TICKS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_counted_back_from_now() {
        let process = parse("20480 150 90000 1000.5 1700000000.5\n").unwrap();
        assert!((process.resident_mib - 20.0).abs() < 0.001);
        assert!((process.busy - 1.5).abs() < 0.001);
        assert!((process.started - 1_699_999_900.0).abs() < 0.001);
        assert!(parse("1 2 3").is_none());
    }
}
