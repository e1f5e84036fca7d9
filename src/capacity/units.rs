//! Bytes and bytes per second, so that a rate can't be taken for a size. Sums saturate: no workload that exists gets there.

use std::fmt;
use std::ops::{Add, Mul};

/// A size in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// Bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

/// A length of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u64);

impl Mul<Seconds> for Rate {
    type Output = Bytes;

    fn mul(self, time: Seconds) -> Bytes {
        Bytes(self.0.saturating_mul(time.0))
    }
}

impl Mul<u64> for Rate {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Mul<u64> for Bytes {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Add for Bytes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Rate {
    /// Shared by so many, rounded up; by nobody: all of it.
    #[must_use]
    pub fn each_of(self, count: u64) -> Self {
        Self(self.0.div_ceil(count.max(1)))
    }
}

impl Bytes {
    /// Shared by so many, rounded up; by nobody: all of it.
    #[must_use]
    pub fn each_of(self, count: u64) -> Self {
        Self(self.0.div_ceil(count.max(1)))
    }

    /// So many percent more, rounded up.
    #[must_use]
    pub fn and_percent(self, more: u64) -> Self {
        let more = u128::from(self.0) * u128::from(more);
        Self(
            self.0
                .saturating_add(u64::try_from(more.div_ceil(100)).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        binary(self.0, f)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        binary(self.0, f)?;
        f.write_str("/s")
    }
}

/// With two decimals, rounded down.
fn binary(value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const UNITS: [(&str, u32); 5] = [("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((unit, shift)) = UNITS.iter().find(|(_, shift)| value >> shift > 0) else {
        return write!(f, "{value} B");
    };
    let hundredths = (u128::from(value) * 100) >> shift;
    write!(f, "{}.{:02} {unit}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.00 KiB"),
            (1_600, "1.56 KiB"),
            (1_857_945_600_000, "1.68 TiB"),
            (u64::MAX, "16383.99 PiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(Rate(1_024_000).to_string(), "1000.00 KiB/s");
    }

    #[test]
    fn shares_and_surcharges_are_rounded_up() {
        assert_eq!(Bytes(10).each_of(3), Bytes(4));
        assert_eq!(Rate(10).each_of(0), Rate(10));
        assert_eq!(Bytes(101).and_percent(20), Bytes(122));
        assert_eq!(Rate(2) * Seconds(3), Bytes(6));
        assert_eq!(Rate(u64::MAX) * Seconds(2), Bytes(u64::MAX));
    }
}
