//! Every query of every dashboard returns data from a running cluster: a panel that stays empty is a mistake in a name.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::prometheus::Prometheus;
use super::{CLUSTER, NAMESPACE, say};
use crate::harness::{Context, Report};
use crate::paths;

/// Rates over five minutes need two scrapes; the operator looks at lag twice a minute.
const FILLED: Duration = Duration::from_mins(2);

pub fn run(context: &Context, prometheus: &Prometheus<'_>, report: &mut Report) {
    report.test("every query of every dashboard returns data", || {
        filled(context, prometheus)
    });
    report.test("an expression of a metric that doesn't exist returns none", || {
        let none = prometheus.query("productionkafka_cluster_no_such_thing")?;
        ensure!(none.is_empty(), "{none:?}");
        Ok(())
    });
}

fn filled(context: &Context, prometheus: &Prometheus<'_>) -> Result<()> {
    let queries = queries()?;
    ensure!(queries.len() > 50, "only {} queries were found", queries.len());
    let mut left: Vec<&(String, String)> = queries.iter().collect();
    context.wait_until("every query returns data", FILLED, || {
        let mut empty = Vec::new();
        for query in &left {
            if prometheus.query(&query.1)?.is_empty() {
                empty.push(*query);
            }
        }
        left = empty;
        let named: Vec<String> = left
            .iter()
            .map(|(panel, expression)| format!("{panel}: {expression}"))
            .collect();
        ensure!(left.is_empty(), "no data: {}", named.join("; "));
        Ok(Some(()))
    })?;
    say(&format!("{} queries of five dashboards", queries.len()));
    Ok(())
}

/// Dashboard and panel with each expression, variables filled in.
fn queries() -> Result<Vec<(String, String)>> {
    let folder = paths::repository().join("charts/productionkafka/dashboards");
    let mut all = Vec::new();
    for file in fs::read_dir(&folder).context("list the dashboards")? {
        let path = file?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let board: Value = serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        for panel in board.get("panels").and_then(Value::as_array).into_iter().flatten() {
            for target in panel.get("targets").and_then(Value::as_array).into_iter().flatten() {
                let name = format!("{}, {}", text(&board, "title"), text(panel, "title"));
                all.push((name, filled_in(&text(target, "expr"))));
            }
        }
    }
    Ok(all)
}

fn filled_in(expression: &str) -> String {
    let variables = [
        ("$namespace", NAMESPACE),
        ("$name", CLUSTER),
        ("$node", ".*"),
        ("$group", ".*"),
    ];
    let fill = |text: String, (variable, value): (&str, &str)| text.replace(variable, value);
    variables.into_iter().fold(expression.to_owned(), fill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_has_a_query_and_no_variable_is_left() {
        let all = queries().unwrap();
        assert!(all.len() > 50);
        for (panel, expression) in all {
            assert!(
                !expression.is_empty() && !expression.contains('$'),
                "{panel}: {expression}"
            );
        }
    }
}
