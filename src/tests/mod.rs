//! Tests across modules: bad input, layers, generated files.

mod bad_input;
mod crds;
mod layering;
