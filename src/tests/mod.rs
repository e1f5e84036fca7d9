//! Tests across modules: bad input, layers, generated files.

mod access;
mod bad_input;
mod convergence;
mod crds;
mod disks;
mod docs;
mod fuzz;
mod given;
mod layering;
mod listeners;
pub mod mutate;
mod plan;
mod protection;
mod quorum;
mod rolls;
mod scaling;
mod scenarios;
mod secure;
mod simulation;
mod topics;
mod trust;
