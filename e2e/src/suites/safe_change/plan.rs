//! `plan` on a real cluster, in the operator's own pod, from where Kafka can be asked: what is as wanted plans nothing, and
//! a change restarts exactly the pods that were listed, in that order.

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{change, resource, say, settled, watch};
use crate::exec;
use crate::harness::{Context, RELEASE, Report};
use crate::install;

/// Printed by the shell after the plan, since a code that says "changes" isn't a failure.
const MARK: &str = "exit code ";

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "a plan lists the pods that a change then replaces, and changes nothing",
        || planned(context),
    );
}

fn planned(context: &Context) -> Result<()> {
    let mut file = written(&resource(context)?)?;
    let (code, plan) = plan(context, &file)?;
    ensure!(code == 0, "nothing has changed, and the plan says {code}: {plan}");
    let setting = json!({"group.initial.rebalance.delay.ms": "2500"});
    let config = file.pointer_mut("/spec/tuning/config").and_then(Value::as_object_mut);
    let config = config.context("the resource has settings by now")?;
    config.extend(setting.as_object().cloned().unwrap_or_default());
    let before = watch::pods(context)?;
    let generation = super::generation(&resource(context)?);
    let (code, plan) = self::plan(context, &file)?;
    ensure!(code == 2, "the plan says {code}: {plan}");
    ensure!(plan.get("notes") == Some(&json!([])), "something isn't known: {plan}");
    let listed = listed(&plan);
    say(&format!("planned: {listed:?}"));
    ensure!(
        watch::pods(context)? == before && super::generation(&resource(context)?) == generation,
        "the plan changed something"
    );
    let since = Timestamp::now();
    let generation = change(context, &json!({"tuning": {"config": setting}}))?;
    settled(context, generation)?;
    let mut expected = listed.clone();
    expected.sort();
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced == expected, "planned {expected:?}, replaced {replaced:?}");
    let mut taken = watch::evictions(context, since)?;
    taken.sort_by_key(|(_, at)| *at);
    let order: Vec<String> = taken.into_iter().map(|(pod, _)| pod).collect();
    ensure!(order == listed, "planned {listed:?}, taken {order:?}");
    Ok(())
}

/// The resource as somebody would keep it in a file.
fn written(resource: &Value) -> Result<Value> {
    let field = |pointer: &str| resource.pointer(pointer).cloned().context("the resource is whole");
    Ok(json!({
        "apiVersion": field("/apiVersion")?,
        "kind": field("/kind")?,
        "metadata": {"name": field("/metadata/name")?, "namespace": field("/metadata/namespace")?},
        "spec": field("/spec")?,
    }))
}

/// Runs the operator's binary in its own pod; its exit code and what it prints.
fn plan(context: &Context, file: &Value) -> Result<(i32, Value)> {
    let line = format!(
        "kubectl -n {} exec -i deploy/{RELEASE} -- /productionkafka plan - -o json; echo \"{MARK}$?\"",
        install::NAMESPACE
    );
    let text = exec::output_with_input(&mut context.command(&["sh", "-c", &line])?, &file.to_string())?;
    let Some((document, code)) = text.rsplit_once(MARK) else {
        bail!("no exit code in {text:?}");
    };
    let code = code
        .trim()
        .parse()
        .with_context(|| format!("read the exit code in {text:?}"))?;
    let plan = serde_json::from_str(document).with_context(|| format!("read the plan: exit code {code}: {text:?}"))?;
    Ok((code, plan))
}

/// Pods in the order in which they would be taken.
fn listed(plan: &Value) -> Vec<String> {
    let steps = plan.pointer("/restarts").and_then(Value::as_array);
    let pods = steps
        .into_iter()
        .flatten()
        .filter_map(|step| step.pointer("/pods")?.as_array());
    let names = pods.flatten().filter_map(|pod| pod.pointer("/pod")?.as_str());
    names.map(str::to_owned).collect()
}
