//! The one binary: operator, command line tools, and what runs inside the Kafka pods.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    productionkafka::cli::main()
}
