//! Copies this binary, and the JMX exporter if the image has it, into the volume that the Kafka container mounts.
//!
//! Each file appears under its name only when it is complete, so a restarted init container never leaves half a binary.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{NodeInitError, PrepareArgs};

const OWN_EXECUTABLE: &str = "/proc/self/exe";
const JMX_EXPORTER: &str = "/jmx_prometheus_javaagent.jar";

pub(super) fn run(args: &PrepareArgs) -> Result<(), NodeInitError> {
    println!("productionkafka {}", env!("CARGO_PKG_VERSION"));
    copy_all(Path::new(OWN_EXECUTABLE), Path::new(JMX_EXPORTER), &args.to)
}

pub(super) fn copy_all(executable: &Path, exporter: &Path, to: &Path) -> Result<(), NodeInitError> {
    copy(executable, &to.join("productionkafka"), 0o555)?;
    if exporter.exists() {
        copy(exporter, &to.join("jmx_prometheus_javaagent.jar"), 0o444)?;
    } else {
        println!("no JMX exporter at {}", exporter.display());
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), NodeInitError> {
    match try_copy(from, to, mode) {
        Ok(bytes) => {
            println!("{}: {bytes} bytes", to.display());
            Ok(())
        }
        Err(source) => Err(NodeInitError::Copy {
            from: from.to_owned(),
            to: to.to_owned(),
            source,
        }),
    }
}

fn try_copy(from: &Path, to: &Path, mode: u32) -> io::Result<u64> {
    let partial = to.with_extension("partial");
    // A partial file of an earlier attempt may be read-only.
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let bytes = fs::copy(from, &partial)?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(mode))?;
    fs::rename(&partial, to)?;
    Ok(bytes)
}
