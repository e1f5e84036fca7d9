//! The one binary: operator, command line tools, and what runs inside the Kafka pods.
#![forbid(unsafe_code)]

/// Gives memory back after a burst, such as the first look at ten thousand users; a static glibc keeps what it once had.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    productionkafka::cli::main()
}
