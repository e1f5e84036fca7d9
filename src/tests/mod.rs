//! Tests across modules: bad input, layers, generated files.

mod access;
mod bad_input;
mod convergence;
mod crds;
mod disks;
mod layering;
mod listeners;
mod plan;
mod quorum;
mod rolls;
mod scaling;
mod scenarios;
mod simulation;
mod topics;
mod trust;
