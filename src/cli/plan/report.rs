//! A plan in words, and as one JSON document. It decides nothing, and shows no value that isn't in the plan.

use crate::controller::plan::{Action, ObjectChange, Plan, PodRestart, SettingChange, Verdict};
use serde::Serialize;
use std::fmt::Write as _;

/// Settings and fields shown in one line.
const SHOWN: usize = 6;

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    verdict: Verdict,
    exit_code: u8,
    #[serde(flatten)]
    plan: &'a Plan,
}

impl<'a> Document<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        let verdict = plan.verdict();
        Self {
            verdict,
            exit_code: super::code(verdict),
            plan,
        }
    }
}

/// What a person should know, in the order in which it happens.
pub(crate) fn text(plan: &Plan) -> String {
    let mut text = format!("{}/{}: {}\n", plan.namespace, plan.name, summary(plan));
    let findings = plan.findings.iter().map(|one| format!("{}: {}", one.path, one.message));
    section(&mut text, "refused, so nothing of it is carried out", findings);
    section(&mut text, "objects", plan.objects.iter().map(object));
    section(
        &mut text,
        "settings that Kafka takes over while it runs",
        plan.settings.iter().map(setting),
    );
    let nodes = plan.nodes.iter().map(|one| format!("node {} {}", one.node, one.change));
    section(&mut text, "nodes", nodes);
    let dynamic = "kraft.version from 0 to 1: the quorum becomes a dynamic one, for good; then nodes restart without the \
                   list of voters";
    section(&mut text, "quorum", plan.dynamic_quorum.then(|| dynamic.to_owned()));
    section(&mut text, "restarts, in this order", restarts(plan));
    let left = plan.left.iter().map(|one| format!("{}: {}", one.pod, why(one)));
    section(&mut text, "restarts that nothing lets go", left);
    let disks = plan.disks.iter().map(|id| format!("node {id}"));
    section(
        &mut text,
        "other disks after that, one node after the other, each with a restart",
        disks,
    );
    let levels = plan.levels.iter().map(|one| {
        let who = if one.automatic {
            "after the soak"
        } else {
            "by a person: spec.upgrade.finalize is Manual"
        };
        format!("{} from {} to {}, {who}", one.feature, one.from, one.to)
    });
    section(&mut text, "feature levels", levels);
    let capacity = plan.capacity.iter();
    let changes = capacity.clone().flat_map(|capacity| &capacity.changes).map(setting);
    let lacks = capacity.flat_map(|capacity| &capacity.shortages);
    let lacks = lacks.map(|lack| format!("the workload lacks {lack}"));
    section(&mut text, "capacity", changes.chain(lacks));
    let holds = plan.holds.iter().map(|hold| match &hold.before {
        Some(pod) => format!("before {pod}: {}", hold.why),
        None => hold.why.clone(),
    });
    section(&mut text, "what holds now", holds);
    section(&mut text, "not known", plan.notes.iter().cloned());
    text
}

fn section(text: &mut String, title: &str, lines: impl IntoIterator<Item = String>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "{title}:");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

fn summary(plan: &Plan) -> String {
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    if !plan.findings.is_empty() {
        return counted(plan.findings.len(), "finding", "findings").unwrap_or_default();
    }
    if plan.verdict() == Verdict::Nothing {
        return "nothing would change".to_owned();
    }
    let pods = plan.restarts.iter().map(|step| step.pods.len()).sum::<usize>() + plan.left.len();
    let parts = [
        (!plan.exists).then(|| "a new cluster".to_owned()),
        counted(plan.objects.len(), "object", "objects"),
        counted(plan.settings.len(), "dynamic setting", "dynamic settings"),
        counted(
            plan.nodes.len(),
            "node comes, goes or changes its vote",
            "nodes come, go or change their vote",
        ),
        Some(counted(pods, "restart", "restarts").unwrap_or_else(|| "no restart".to_owned())),
        (plan.verdict() == Verdict::Held).then(|| "held".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn object(change: &ObjectChange) -> String {
    let sign = match change.action {
        Action::Create => '+',
        Action::Change => '~',
        Action::Delete => '-',
    };
    let name = format!("{sign} {} {}", change.kind, change.name);
    if change.fields.is_empty() {
        name
    } else {
        format!("{name}: {}", some(&change.fields))
    }
}

fn setting(change: &SettingChange) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
    let why = change.why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{} {} → {}{why}", change.key, value(&change.old), value(&change.new))
}

fn restarts(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, step) in plan.restarts.iter().enumerate() {
        for (of_step, pod) in step.pods.iter().enumerate() {
            let number = if of_step == 0 {
                format!("{}.", index + 1)
            } else {
                "   together with".to_owned()
            };
            lines.push(format!("{number} {}: {}", pod.pod, why(pod)));
        }
        lines.extend(step.warnings.iter().map(|warning| format!("   {warning}")));
    }
    lines
}

fn why(pod: &PodRestart) -> String {
    let parts = some(&pod.parts);
    if pod.settings.is_empty() {
        return parts;
    }
    let settings: Vec<String> = pod.settings.iter().map(setting).collect();
    format!("{parts}: {}", some(&settings))
}

fn some(all: &[String]) -> String {
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
