//! `capacity`: what the workload of a file needs and what its cluster gives, each number with its arithmetic. Asks nobody. The
//! same numbers are in the condition `CapacitySufficient`.

use super::offline::{self, OfflineError, Source};
use super::print_error;
use crate::capacity::{Estimate, Figure, Supply, Unit, estimate};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Exit codes: 0 the cluster suffices; 3 it doesn't; 1 an error.

The workload is spec.capacity.workload; what one broker can do, if it's known, spec.capacity.broker.";

/// Arguments of `capacity`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// For people, or for programs.
    #[arg(short, long, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Table,
    Json,
}

#[derive(Debug, thiserror::Error)]
enum CapacityError {
    #[error(transparent)]
    Offline(#[from] OfflineError),
    #[error("spec.capacity.workload isn't there: state messagesPerSecond, messageBytes and retention")]
    NoWorkload,
}

pub fn run(args: &Args) -> ExitCode {
    match calculated(args) {
        Ok(estimate) => {
            match args.output {
                Output::Table => print!("{}", table(&estimate)),
                Output::Json => println!("{:#}", document(&estimate)),
            }
            if estimate.suffices() {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(3)
            }
        }
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn calculated(args: &Args) -> Result<Estimate, CapacityError> {
    let cluster = offline::cluster(&args.source)?;
    let workload = cluster.workload.ok_or(CapacityError::NoWorkload)?;
    Ok(estimate(&workload, &Supply::of(&cluster)))
}

/// One line for each number, and one for what doesn't suffice.
fn table(estimate: &Estimate) -> String {
    let row = |figure: &Figure| {
        let offered = figure.offered.map(|offered| figure.text(offered)).unwrap_or_default();
        let verdict = match figure.offered {
            None => "",
            Some(_) if figure.suffices() => "ok",
            Some(_) => "TOO FEW",
        };
        let needed = figure.text(figure.needed);
        let (title, arithmetic) = (figure.title, &figure.arithmetic);
        format!("{title:<33} {needed:>14} {offered:>14}  {verdict:<8} {arithmetic}\n")
    };
    let mut text = format!("{:<33} {:>14} {:>14}  {:<8} HOW\n", "WHAT", "NEEDED", "THERE", "");
    text.extend(estimate.0.iter().map(row));
    let shortages = estimate.shortages();
    let verdict = if shortages.is_empty() {
        "the cluster suffices".to_owned()
    } else {
        format!("the cluster doesn't suffice: {}", shortages.join("; "))
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn document(estimate: &Estimate) -> Value {
    let one = |figure: &Figure| {
        let unit = match figure.unit {
            Unit::Bytes => "bytes",
            Unit::BytesPerSecond => "bytes/s",
            Unit::Count => "count",
        };
        json!({
            "name": figure.name,
            "needed": figure.needed,
            "offered": figure.offered,
            "unit": unit,
            "sufficient": figure.suffices(),
            "arithmetic": figure.arithmetic,
        })
    };
    json!({
        "sufficient": estimate.suffices(),
        "figures": estimate.0.iter().map(one).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn example() -> Estimate {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/capacity.yaml");
        let cluster = offline::of_path(&path).unwrap();
        estimate(&cluster.workload.unwrap(), &Supply::of(&cluster))
    }

    #[test]
    fn the_example_reads_well() {
        insta::assert_snapshot!("capacity_of_the_example", table(&example()));
    }

    #[test]
    fn programs_get_the_same_numbers() {
        let document = document(&example());
        assert_eq!(document["sufficient"], true);
        let disk = &document["figures"][2];
        assert_eq!(disk["name"], "disk");
        assert_eq!(disk["unit"], "bytes");
        // 2 229 534 720 000 (see docs/capacity.md) and 12 partitions × 3 copies × 1 GiB
        assert_eq!(disk["needed"], 2_229_534_720_000_u64 + 36 * (1 << 30));
    }
}
