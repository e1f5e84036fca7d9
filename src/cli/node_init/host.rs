//! Waiting until the node's own name resolves.
//!
//! A controller that starts before its peers can resolve it wedges (KAFKA-20247 and cold-boot DNS races), so an
//! unresolved name fails the container instead of being waved through: the kubelet tries again.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::NodeInitError;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Waits until `host` has an address, at most `limit`.
pub(super) async fn wait_until_resolvable(host: &str, limit: Duration) -> Result<(), NodeInitError> {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(source) = lookup(host, deadline.saturating_duration_since(Instant::now())).await else {
            return Ok(());
        };
        if Instant::now() + pause >= deadline {
            return Err(NodeInitError::Unresolved {
                host: host.to_owned(),
                timeout: limit,
                source,
            });
        }
        eprintln!("{host} does not resolve yet ({source}); trying again");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn lookup(host: &str, limit: Duration) -> io::Result<()> {
    let Ok(addresses) = timeout(limit, tokio::net::lookup_host((host, 0))).await else {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer from DNS"));
    };
    let found = addresses?.next();
    found
        .map(drop)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
}
