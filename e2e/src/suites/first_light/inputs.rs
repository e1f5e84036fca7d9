//! The table of bad input, applied: what the API server refuses by a dry run, what the operator refuses for real in a
//! namespace of its own, where nothing may appear.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::applications::{TOPIC_CHANGES, TOPICS, USER_CHANGES, USERS};
use super::evidence;
use super::table::{By, CASES, Case};
use crate::harness::{Context, Report};
use crate::{diagnosis, exec};

pub const NAMESPACE: &str = "first-light-inputs";

pub fn run(context: &Context, report: &mut Report) {
    let of = |by: By| CASES.iter().filter(|case| case.by == by).collect::<Vec<_>>();
    let (api, operator) = (of(By::Api), of(By::Operator));
    report.test("the resource that bad input starts from is accepted", || {
        context.restricted_namespace(NAMESPACE)?;
        dry_run(context, &base("valid")).map(drop)
    });
    report.test(
        &format!(
            "{} bad inputs are refused by the API server, with the reason",
            api.len()
        ),
        || every(&api, |case| refused_by_api(context, case, base(case.name))),
    );
    let count = USERS.len() + TOPICS.len() + USER_CHANGES.len() + TOPIC_CHANGES.len();
    report.test(
        &format!("{count} bad users, topics and changes of them are refused by the API server, with the reason"),
        || applications(context),
    );
    report.test(
        &format!("{} bad inputs are Stalled, with field and advice", operator.len()),
        || {
            context.apply(&list(&operator)?.to_string())?;
            every(&operator, |case| stalled(context, case))
        },
    );
    report.test("nothing was created for any of them", || nothing_created(context));
}

/// A valid resource, on which the cases build.
fn base(name: &str) -> Value {
    let storage = json!({"volumes": [{"size": "1Gi"}]});
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "ProductionKafka",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "version": "4.3.1",
            "nodePools": [
                {"name": "controllers", "roles": ["Controller"], "replicas": 3, "storage": storage},
                {"name": "brokers", "roles": ["Broker"], "replicas": 3, "storage": storage},
            ],
            "listeners": [{"name": "scram", "port": 9094, "authentication": {"type": "ScramSha512"}}],
        },
    })
}

fn application(kind: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1", "kind": kind,
        "metadata": {"name": "valid", "namespace": NAMESPACE}, "spec": spec,
    })
}

fn user() -> Value {
    application(
        "KafkaUser",
        &json!({"cluster": "valid", "authentication": {"type": "ScramSha512"}}),
    )
}

fn topic() -> Value {
    application("KafkaTopic", &json!({"cluster": "valid", "partitions": 3}))
}

/// What is there is changed, what isn't is created; all of it by dry runs.
fn applications(context: &Context) -> Result<()> {
    let of = |cases: &'static [Case]| cases.iter().collect::<Vec<_>>();
    dry_run(context, &user())?;
    dry_run(context, &topic())?;
    every(&of(USERS), |case| refused_by_api(context, case, user()))?;
    every(&of(TOPICS), |case| refused_by_api(context, case, topic()))?;
    context.apply(&format!("{}\n---\n{}", user(), topic()))?;
    every(&of(USER_CHANGES), |case| change_refused(context, case, user()))?;
    every(&of(TOPIC_CHANGES), |case| change_refused(context, case, topic()))?;
    context
        .kubectl(&["-n", NAMESPACE, "delete", "pku,pkt", "--all", "--wait", "--timeout=60s"])
        .map(drop)
}

fn changed(case: &Case, mut resource: Value) -> Result<Value> {
    for (pointer, text) in case.changes {
        let value = serde_json::from_str(text).with_context(|| format!("{}: {text}", case.name))?;
        put(&mut resource, pointer, value).with_context(|| format!("{}: {pointer}", case.name))?;
    }
    Ok(resource)
}

/// Sets a field, adds to a list at `-`, or removes what is to be `null`.
fn put(resource: &mut Value, pointer: &str, value: Value) -> Result<()> {
    let (parent, last) = pointer.rsplit_once('/').context("a pointer has a slash")?;
    let parent = resource.pointer_mut(parent).context("the parent exists")?;
    match parent {
        Value::Object(fields) if value.is_null() => drop(fields.remove(last)),
        Value::Object(fields) => drop(fields.insert(last.to_owned(), value)),
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) if value.is_null() => drop(items.remove(last.parse()?)),
        _ => bail!("the parent holds no fields"),
    }
    Ok(())
}

fn list(cases: &[&Case]) -> Result<Value> {
    let items = cases
        .iter()
        .map(|case| changed(case, base(case.name)))
        .collect::<Result<Vec<_>>>()?;
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

/// Every case is tried; the error holds all that went wrong.
fn every(cases: &[&Case], check: impl Fn(&Case) -> Result<()>) -> Result<()> {
    let errors: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|error| format!("{}: {error:#}", case.name)))
        .collect();
    ensure!(
        errors.is_empty(),
        "{} of {}: {}",
        errors.len(),
        cases.len(),
        errors.join(" ¦ ")
    );
    Ok(())
}

fn dry_run(context: &Context, resource: &Value) -> Result<String> {
    tried(context, "create", resource)
}

fn tried(context: &Context, verb: &str, resource: &Value) -> Result<String> {
    let words = ["kubectl", verb, "--dry-run=server", "--validate=strict", "-f", "-"];
    exec::output_with_input(&mut context.command(&words)?, &resource.to_string())
}

fn refused_by_api(context: &Context, case: &Case, base: Value) -> Result<()> {
    refused(dry_run(context, &changed(case, base)?), case)
}

/// The operator writes its finalizer and its status meanwhile. kubectl sends the version that it read, and when another
/// was written in between it's told of a conflict, which says nothing of the change: it's sent again.
fn change_refused(context: &Context, case: &Case, base: Value) -> Result<()> {
    let change = changed(case, base)?;
    let answer = context.wait_until("the change is judged", Duration::from_secs(30), || {
        match tried(context, "replace", &change) {
            Err(error) if is_conflict(&error) => Err(error),
            answer => Ok(Some(answer)),
        }
    })?;
    refused(answer, case)
}

fn is_conflict(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("Error from server (Conflict)")
}

fn refused(result: Result<String>, case: &Case) -> Result<()> {
    match result {
        Ok(_) => bail!("accepted"),
        Err(error) => says(&format!("{error:#}"), case.says),
    }
}

fn stalled(context: &Context, case: &Case) -> Result<()> {
    let message = context.wait_until("it is Stalled", Duration::from_secs(30), || {
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", case.name])?;
        let condition = diagnosis::condition(&resource, "Stalled").filter(|_| diagnosis::holds(&resource, "Stalled"));
        let message = condition
            .and_then(|condition| condition.get("message"))
            .and_then(Value::as_str);
        match message {
            Some(message) => Ok(Some(message.to_owned())),
            None => bail!("{}", diagnosis::summary(&resource)),
        }
    })?;
    says(&message, case.says)
}

fn says(text: &str, fragments: &[&str]) -> Result<()> {
    let missing: Vec<&&str> = fragments.iter().filter(|fragment| !text.contains(**fragment)).collect();
    ensure!(missing.is_empty(), "the refusal lacks {missing:?}: {text}");
    Ok(())
}

/// Of all kinds that the operator creates there is none but what Kubernetes itself puts into every namespace.
fn nothing_created(context: &Context) -> Result<()> {
    let kinds = "statefulset,secret,configmap,service,networkpolicy,poddisruptionbudget,job,pvc,pod";
    let names = context.kubectl(&["-n", NAMESPACE, "get", kinds, "-o", "name"])?;
    let ours: Vec<&str> = names
        .lines()
        .filter(|name| *name != "configmap/kube-root-ca.crt")
        .collect();
    ensure!(ours.is_empty(), "there are {}", ours.join(", "));
    let resources = context.kubectl(&["-n", NAMESPACE, "get", "pk", "-o", "name"])?;
    evidence(format!(
        "{} stalled resources, no object beside them",
        resources.lines().count()
    ));
    context.kubectl(&["-n", NAMESPACE, "delete", "pk", "--all", "--wait", "--timeout=60s"])?;
    context.delete_namespace(NAMESPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_differs_from_the_valid_resource() {
        let differ = |cases: &[Case], base: &dyn Fn(&str) -> Value| {
            for case in cases {
                assert_ne!(
                    changed(case, base(case.name)).unwrap(),
                    base(case.name),
                    "{}",
                    case.name
                );
            }
        };
        differ(CASES, &base);
        differ(USERS, &|_| user());
        differ(USER_CHANGES, &|_| user());
        differ(TOPICS, &|_| topic());
        differ(TOPIC_CHANGES, &|_| topic());
    }
}
