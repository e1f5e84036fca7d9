//! Maintenance windows: when work that isn't urgent may begin. A window opens whenever its cron expression matches the
//! wall clock of its time zone and stays open for its duration.
//!
//! Daylight saving: a start that the clock skips comes as much later as the clock jumps, one that it repeats counts
//! once, the first time. Time zones come with the binary, never from the machine, so the same input says the same.

use super::measure;
use crate::api::MaintenanceWindow;
use cronexpr::{Crontab, MakeTimestamp};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

/// A window is at most this long; what should always be allowed needs no window.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Overlapping starts that are joined to one opening; beyond it the end is said too early, never too late.
const JOINED: usize = 128;
/// More than any jump of a wall clock, in civil time.
const CLOCK_JUMP: SignedDuration = SignedDuration::from_hours(26);

/// Whether work that isn't urgent may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// There are no windows: any time is right.
    Always,
    /// At least until then.
    Open { until: Timestamp },
    /// The next opening; `None` when there's none within four years.
    Closed { opens: Option<Timestamp> },
}

impl Window {
    /// Whether work may begin now.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Closed { .. })
    }
}

/// Why a window can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error("cron {cron:?} has {fields} fields, not five: minute hour day-of-month month day-of-week")]
    Fields { cron: String, fields: usize },
    #[error("cron {cron:?} can't be read: {problem}")]
    Cron { cron: String, problem: String },
    #[error("cron {cron:?} never matches")]
    Never { cron: String },
    #[error("{duration:?} isn't a duration of 1 minute to 7 days, such as 4h")]
    Duration { duration: String },
    #[error("there's no time zone {time_zone:?}: use a name of the IANA database, such as Europe/London or UTC")]
    TimeZone { time_zone: String },
}

/// One window that makes sense.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Matches civil times, which it's given as if they were UTC: the time zone is dealt with here.
    crontab: Crontab,
    duration: SignedDuration,
    zone: TimeZone,
}

impl Schedule {
    /// Reads what a user wrote.
    pub fn parse(window: &MaintenanceWindow) -> Result<Self, WindowError> {
        let schedule = Self {
            crontab: crontab(&window.cron)?,
            duration: duration(window)?,
            zone: TimeZoneDatabase::bundled()
                .get(&window.time_zone)
                .map_err(|_| WindowError::TimeZone {
                    time_zone: window.time_zone.clone(),
                })?,
        };
        // 2000 is a leap year: what doesn't match within four years from here never does.
        let probe = Timestamp::from_second(946_684_800).unwrap_or(Timestamp::UNIX_EPOCH);
        if schedule.crontab.find_next(MakeTimestamp(probe)).is_err() {
            return Err(WindowError::Never {
                cron: window.cron.clone(),
            });
        }
        Ok(schedule)
    }

    /// The openings that begin after `after`, in order.
    fn starts_after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let civil = TimeZone::UTC.to_timestamp(self.zone.to_datetime(after)).ok();
        // Before the wall clock's last jump too; what that finds too early is left out again.
        let from = civil.and_then(|civil| civil.checked_sub(CLOCK_JUMP).ok());
        let found = from.and_then(|from| self.crontab.iter_after(MakeTimestamp(from)).ok());
        found
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .filter_map(|civil| self.zone.to_timestamp(civil.datetime()).ok())
            .filter(move |start| *start > after)
    }

    fn at(&self, now: Timestamp) -> Window {
        let closed = |start: Option<Timestamp>| Window::Closed { opens: start };
        let Ok(earliest) = now.checked_sub(self.duration) else {
            return closed(None);
        };
        let mut starts = self.starts_after(earliest);
        let Some(first) = starts.next() else {
            return closed(None);
        };
        if first > now {
            return closed(Some(first));
        }
        let end = |start: Timestamp| start.checked_add(self.duration).unwrap_or(start);
        let mut until = end(first);
        for start in starts.take(JOINED) {
            if start > until {
                break;
            }
            until = until.max(end(start));
        }
        Window::Open { until }
    }
}

/// What all windows together say now.
pub fn state(schedules: &[Schedule], now: Timestamp) -> Window {
    let mut open: Option<Timestamp> = None;
    let mut next: Option<Timestamp> = None;
    for schedule in schedules {
        match schedule.at(now) {
            Window::Open { until } => open = open.max(Some(until)),
            Window::Closed { opens: Some(opens) } => next = Some(next.map_or(opens, |next| next.min(opens))),
            _ => {}
        }
    }
    match open {
        _ if schedules.is_empty() => Window::Always,
        Some(until) => Window::Open { until },
        None => Window::Closed { opens: next },
    }
}

fn crontab(cron: &str) -> Result<Crontab, WindowError> {
    let fields = cron.split_whitespace().count();
    if fields != 5 {
        return Err(WindowError::Fields {
            cron: cron.to_owned(),
            fields,
        });
    }
    cronexpr::parse_crontab(&format!("{cron} UTC")).map_err(|error| {
        let text = error.to_string();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        WindowError::Cron {
            cron: cron.to_owned(),
            problem: lines.last().map_or_else(String::new, |line| (*line).to_owned()),
        }
    })
}

fn duration(window: &MaintenanceWindow) -> Result<SignedDuration, WindowError> {
    measure::duration(&window.duration)
        .and_then(|duration| SignedDuration::try_from(duration).ok())
        .filter(|duration| (SignedDuration::from_mins(1)..=LONGEST).contains(duration))
        .ok_or_else(|| WindowError::Duration {
            duration: window.duration.0.clone(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::DurationText;

    fn window(cron: &str, duration: &str, zone: &str) -> MaintenanceWindow {
        MaintenanceWindow {
            cron: cron.into(),
            duration: DurationText(duration.into()),
            time_zone: zone.into(),
        }
    }

    fn at(windows: &[(&str, &str, &str)], now: &str) -> Window {
        let schedules: Vec<Schedule> = windows
            .iter()
            .map(|(cron, duration, zone)| Schedule::parse(&window(cron, duration, zone)).unwrap())
            .collect();
        state(&schedules, now.parse().unwrap())
    }

    fn open(until: &str) -> Window {
        Window::Open {
            until: until.parse().unwrap(),
        }
    }

    fn closed(opens: &str) -> Window {
        Window::Closed {
            opens: Some(opens.parse().unwrap()),
        }
    }

    #[test]
    fn without_windows_any_time_is_right() {
        assert_eq!(at(&[], "2026-03-01T00:00:00Z"), Window::Always);
    }

    #[test]
    fn a_window_opens_on_the_wall_clock_of_its_zone_and_closes_after_its_duration() {
        let nightly = [("0 2 * * *", "2h", "Europe/Berlin")];
        for (now, expected) in [
            ("2026-01-10T00:59:59Z", closed("2026-01-10T01:00:00Z")),
            ("2026-01-10T01:00:00Z", open("2026-01-10T03:00:00Z")),
            ("2026-01-10T02:59:59Z", open("2026-01-10T03:00:00Z")),
            ("2026-01-10T03:00:00Z", closed("2026-01-11T01:00:00Z")),
            ("2026-07-10T00:00:00Z", open("2026-07-10T02:00:00Z")),
        ] {
            assert_eq!(at(&nightly, now), expected, "{now}");
        }
    }

    #[test]
    fn a_start_that_the_clock_skips_comes_later() {
        // On 2026-03-29 the clocks of Berlin jump from 02:00 to 03:00, at 01:00Z.
        let nightly = [("30 2 * * *", "1h", "Europe/Berlin")];
        assert_eq!(
            at(&nightly, "2026-03-29T00:00:00Z"),
            closed("2026-03-29T01:30:00Z"),
            "03:30 summer time"
        );
        assert_eq!(at(&nightly, "2026-03-29T02:00:00Z"), open("2026-03-29T02:30:00Z"));
        assert_eq!(
            at(&nightly, "2026-03-29T02:30:00Z"),
            closed("2026-03-30T00:30:00Z"),
            "from then on in summer time"
        );
    }

    #[test]
    fn a_start_that_the_clock_repeats_counts_once() {
        // On 2026-10-25 the clocks of Berlin go back from 03:00 to 02:00, at 01:00Z: 02:30 is at 00:30Z and at 01:30Z.
        let nightly = [("30 2 * * *", "30m", "Europe/Berlin")];
        assert_eq!(at(&nightly, "2026-10-25T00:40:00Z"), open("2026-10-25T01:00:00Z"));
        assert_eq!(at(&nightly, "2026-10-25T01:40:00Z"), closed("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn several_windows_are_one_when_they_overlap_and_the_nearest_counts_when_all_are_closed() {
        let two = [("0 22 * * 5", "4h", "UTC"), ("0 1 * * 6", "3h", "UTC")];
        assert_eq!(at(&two, "2026-01-09T23:00:00Z"), open("2026-01-10T02:00:00Z"));
        assert_eq!(at(&two, "2026-01-10T01:30:00Z"), open("2026-01-10T04:00:00Z"));
        assert_eq!(at(&two, "2026-01-10T04:00:00Z"), closed("2026-01-16T22:00:00Z"));
        let joined = [("0 * * * *", "90m", "UTC")];
        assert!(
            matches!(at(&joined, "2026-01-10T04:59:00Z"), Window::Open { until } if until > "2026-01-11T00:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn a_leap_day_is_waited_for() {
        assert_eq!(
            at(&[("0 0 29 2 *", "1d", "UTC")], "2025-01-01T00:00:00Z"),
            closed("2028-02-29T00:00:00Z")
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_clear_error() {
        for (cron, duration, zone, said) in [
            ("0 2 * *", "1h", "UTC", "has 4 fields, not five"),
            ("0 2 * * * *", "1h", "UTC", "has 6 fields, not five"),
            ("61 2 * * *", "1h", "UTC", "\"61 2 * * *\" can't be read"),
            ("0 2 * * someday", "1h", "UTC", "can't be read"),
            ("0 2 31 2 *", "1h", "UTC", "never matches"),
            ("0 2 * * *", "30s", "UTC", "1 minute to 7 days"),
            ("0 2 * * *", "8d", "UTC", "1 minute to 7 days"),
            ("0 2 * * *", "1h", "Europe/Atlantis", "no time zone \"Europe/Atlantis\""),
        ] {
            let error = Schedule::parse(&window(cron, duration, zone)).unwrap_err().to_string();
            assert!(error.contains(said), "{cron} {duration} {zone}: {error}");
        }
    }
}
