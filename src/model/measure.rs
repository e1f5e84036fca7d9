//! Quantities to bytes and millicores, durations to seconds.

use crate::api::{DurationText, Quantity};
use std::time::Duration;

/// 1 MiB in bytes.
pub const MIB: u64 = 1024 * 1024;

/// Value of a Kubernetes quantity in thousandths; `None` if it isn't one or doesn't fit.
pub fn milli(quantity: &Quantity) -> Option<u128> {
    let text = quantity.0.trim();
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let factor: u128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "P" => 1_000_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        "Pi" => 1_000 << 50,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    whole
        .checked_mul(factor)?
        .checked_add(part.checked_mul(factor)? / scale)
}

/// Bytes of a quantity, rounded down.
pub fn bytes(quantity: &Quantity) -> Option<u64> {
    u64::try_from(milli(quantity)? / 1_000).ok()
}

/// Length of a duration such as `90d`; a year is 365 days.
pub fn duration(text: &DurationText) -> Option<Duration> {
    let (number, unit) = text.0.split_at_checked(text.0.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "y" => 365 * 86_400,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(seconds)
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_their_kubernetes_value() {
        for (text, expected) in [
            ("1", Some(1)),
            ("1500m", Some(1)),
            ("1Ki", Some(1024)),
            ("1.5Gi", Some(1_610_612_736)),
            (".5k", Some(500)),
            ("2Ti", Some(2_199_023_255_552)),
            ("", None),
            ("Gi", None),
            ("1GiB", None),
            ("-1", None),
            ("1.2.3", None),
            ("99999999999999999999999999999999999999999Pi", None),
        ] {
            assert_eq!(bytes(&Quantity(text.into())), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, expected) in [
            ("90d", Some(7_776_000)),
            ("1y", Some(31_536_000)),
            ("5m", Some(300)),
            ("d", None),
            ("", None),
            ("3w", None),
        ] {
            assert_eq!(
                duration(&DurationText(text.into())).map(|d| d.as_secs()),
                expected,
                "{text}"
            );
        }
    }
}
