//! Measurements of a bench, collected and rounded.

use super::Measurement;

/// Figures in the order in which they were taken.
#[derive(Default)]
pub struct Figures(pub Vec<Measurement>);

impl Figures {
    /// Adds one, rounded to what a reader can use.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str) {
        self.0
            .push(Measurement::new(name, (value * 1000.0).round() / 1000.0, unit));
    }

    /// Adds the least, the middle and the greatest of several.
    pub fn add_spread(&mut self, name: &str, mut values: Vec<f64>, unit: &'static str) {
        values.sort_by(f64::total_cmp);
        let chosen = [
            ("min", values.first()),
            ("median", values.get(values.len() / 2)),
            ("max", values.last()),
        ];
        for (which, value) in chosen {
            if let Some(value) = value {
                self.add(&format!("{name}_{which}"), *value, unit);
            }
        }
    }
}
