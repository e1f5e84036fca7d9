//! The registry of suites: one file per suite, one line per suite in `ALL`.

mod access;
mod cluster;
mod first_light;
mod insight;
mod ledger;
mod quorum;
mod rights;
mod safe_change;
mod trust;

use anyhow::Result;

use crate::harness::{Context, Measurement, Report};

/// Measures, and gives one figure per line to print.
pub type Bench = fn(&Context) -> Result<Vec<Measurement>>;

/// A group of tests that share a set-up; `cargo e2e test NAME` runs it alone.
pub struct Suite {
    pub name: &'static str,
    /// What it proves, in a few words.
    pub about: &'static str,
    /// Nodes that a cluster started for it has.
    pub nodes: u8,
    /// Kafka releases whose images that cluster has.
    pub kafka: &'static [&'static str],
    /// Whether it needs the operator's image, which is then built from this checkout and loaded first.
    pub operator: bool,
    /// Namespaces that it makes and removes, besides the operator's.
    pub namespaces: &'static [&'static str],
    pub run: fn(&Context) -> Result<Report>,
    /// Its measurements, for `cargo e2e bench NAME`.
    pub bench: Option<Bench>,
}

/// Every suite, in the order in which `cargo e2e test` runs them.
pub const ALL: &[Suite] = &[
    cluster::SUITE,
    ledger::SUITE,
    first_light::SUITE,
    access::SUITE,
    trust::SUITE,
    insight::SUITE,
    safe_change::SUITE,
    quorum::SUITE,
    rights::SUITE,
];
