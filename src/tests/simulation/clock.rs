//! Time and randomness of one simulation: each runs on one thread and sees no other's.

use jiff::Timestamp;
use std::cell::Cell;

/// Midnight of a day, so that no run sees two dates before it's quiet.
const START: i64 = 1_780_272_000;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(START) };
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// Back to the start.
pub fn reset() {
    NOW.set(START);
    DRAWN.set(0);
}

pub fn advance(seconds: i64) {
    NOW.set(NOW.get() + seconds);
}

/// Seconds since the epoch.
pub fn seconds() -> i64 {
    NOW.get()
}

pub fn now() -> Timestamp {
    Timestamp::from_second(seconds()).unwrap()
}

/// Never the same bytes twice in a run, whatever is killed in between.
pub fn random(bytes: &mut [u8; 32]) -> bool {
    DRAWN.set(DRAWN.get() + 1);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &DRAWN.get().to_be_bytes());
    bytes.copy_from_slice(digest.as_ref());
    true
}
