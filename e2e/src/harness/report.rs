//! What a suite found: one line per test as it ends, and the counts for the closing line.

use std::time::Instant;

use anyhow::Result;

use super::Context;

/// One figure of a bench.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
}

impl Measurement {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
        }
    }
}

/// Results of one suite.
#[derive(Debug, Default)]
pub struct Report {
    pub passed: usize,
    /// Names of the tests that failed.
    pub failed: Vec<String>,
    pub skipped: usize,
    /// Parts of the names of the tests that are asked for; all without any.
    only: Vec<String>,
    /// Whether what takes longer than CI allows is asked for.
    full: bool,
}

impl Report {
    /// For the tests that the context asks for.
    pub fn of(context: &Context) -> Self {
        Self {
            only: context.only.clone(),
            full: context.full,
            ..Self::default()
        }
    }

    /// Like [`Report::test`], for what others build on: it's never left out.
    pub fn setup(&mut self, name: &str, check: impl FnOnce() -> Result<()>) -> bool {
        let only = std::mem::take(&mut self.only);
        let passed = self.test(name, check);
        self.only = only;
        passed
    }

    /// Runs one test, prints its line, and says whether it passed; a failure does not end the suite.
    pub fn test(&mut self, name: &str, check: impl FnOnce() -> Result<()>) -> bool {
        if !self.only.is_empty() && !self.only.iter().any(|only| name.contains(only)) {
            self.skipped += 1;
            return true;
        }
        let started = Instant::now();
        let result = check();
        let seconds = started.elapsed().as_secs_f64();
        match &result {
            Ok(()) => {
                println!("  ok      {name} ({seconds:.1} s)");
                self.passed += 1;
            }
            Err(error) => {
                println!("  FAILED  {name} ({seconds:.1} s): {error:#}");
                self.failed.push(name.to_owned());
            }
        }
        result.is_ok()
    }

    /// Like [`Report::test`] with `--full`; else it says what the test takes.
    pub fn long(&mut self, name: &str, takes: &str, check: impl FnOnce() -> Result<()>) -> bool {
        if self.full {
            return self.test(name, check);
        }
        self.skip(name, &format!("{takes}: --full"));
        true
    }

    /// Says that a test cannot run here, and why; it counts neither as passed nor as failed.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("  skipped {name}: {why}");
        self.skipped += 1;
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_failure_is_counted_and_the_suite_goes_on() {
        let mut report = Report::default();
        assert!(!report.test("first", || Err(anyhow!("broken"))));
        assert!(report.test("second", || Ok(())));
        report.skip("third", "not here");
        assert_eq!(
            (report.passed, report.failed.as_slice(), report.skipped),
            (1, ["first".to_owned()].as_slice(), 1)
        );
    }
    #[test]
    fn a_long_test_runs_when_all_is_asked_for() {
        let mut report = Report::default();
        assert!(report.long("rolls", "an hour", || Err(anyhow!("not asked for"))));
        let mut full = Report {
            full: true,
            ..Report::default()
        };
        assert!(!full.long("rolls", "an hour", || Err(anyhow!("broken"))));
        assert_eq!((report.skipped, report.failed.len(), full.failed.len()), (1, 0, 1));
    }

    #[test]
    fn only_what_is_asked_for_runs_and_what_sets_it_up() {
        let mut report = Report {
            only: vec!["drain".to_owned(), "lost".to_owned()],
            ..Report::default()
        };
        assert!(report.setup("start", || Ok(())));
        assert!(report.test("upgrade", || Err(anyhow!("not asked for"))));
        assert!(!report.test("every node is drained", || Err(anyhow!("broken"))));
        assert!(report.test("a lost machine", || Ok(())));
        assert_eq!((report.passed, report.failed.len(), report.skipped), (2, 1, 1));
    }
}
