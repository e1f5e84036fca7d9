//! Running Kafka's own `StorageTool`.
//!
//! Options are passed as `--name=value`, because base64 ids may start with `-` (KAFKA-15754). The JVM settings make a
//! short run cheap: small heap, first compiler tier only, the image's class archive.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::{FormatArgs, NodeInitError};

/// A format takes about a second; a machine that starts many JVMs at once is slower.
const LIMIT: Duration = Duration::from_mins(5);
/// The kubelet keeps 4096 bytes of the termination log.
const KEPT_OUTPUT: usize = 2048;

const ENVIRONMENT: [(&str, &str); 3] = [
    ("LOG_DIR", "/tmp"),
    ("KAFKA_HEAP_OPTS", "-Xmx128m"),
    (
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:SharedArchiveFile=/opt/kafka/storage.jsa -Xshare:auto",
    ),
];

/// Which quorum a disk is formatted for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quorum<'a> {
    /// The voters stand in the configuration: with a flag the disk would be made for a dynamic quorum (KAFKA-19719).
    Static,
    /// The node is no voter of the first day.
    Joined,
    /// The voters of the first day.
    Formed(&'a str),
}

impl<'a> Quorum<'a> {
    pub(super) fn of(is_static: bool, initial_voters: Option<&'a str>) -> Self {
        match initial_voters {
            _ if is_static => Self::Static,
            None => Self::Joined,
            Some(voters) => Self::Formed(voters),
        }
    }
}

pub(super) fn arguments(args: &FormatArgs, quorum: Quorum<'_>) -> Vec<String> {
    let flag = match quorum {
        Quorum::Static => None,
        Quorum::Joined => Some("--no-initial-controllers".to_owned()),
        Quorum::Formed(voters) => Some(format!("--initial-controllers={voters}")),
    };
    let mut all = vec![
        "format".to_owned(),
        format!("--cluster-id={}", args.cluster_id),
        format!("--config={}", args.config.display()),
        "--ignore-formatted".to_owned(),
    ];
    all.extend(flag);
    all
}

/// Formats and waits for the end; what the tool prints goes to standard output.
pub(super) async fn format(args: &FormatArgs, quorum: Quorum<'_>) -> Result<(), NodeInitError> {
    let tool = args.storage_tool.as_path();
    let mut command = Command::new(tool);
    command
        .args(arguments(args, quorum))
        .envs(ENVIRONMENT)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match timeout(LIMIT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(source)) => {
            return Err(NodeInitError::StartTool {
                tool: tool.to_owned(),
                source,
            });
        }
        Err(_) => {
            return Err(NodeInitError::ToolTimeout {
                tool: tool.to_owned(),
                timeout: LIMIT,
            });
        }
    };
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.success() {
        print!("{text}");
        return Ok(());
    }
    Err(failure(tool, output.status, &text))
}

fn failure(tool: &Path, status: std::process::ExitStatus, text: &str) -> NodeInitError {
    let text = text.trim();
    let mut start = text.len().saturating_sub(KEPT_OUTPUT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let output = text.get(start..).unwrap_or_default().to_owned();
    NodeInitError::ToolFailed {
        tool: tool.to_owned(),
        status,
        output,
    }
}
