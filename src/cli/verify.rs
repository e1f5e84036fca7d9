//! `verify`: the controls that a reviewer would check, of one running cluster. Reads with the rights of whoever runs it, changes
//! nothing, and says of each control what it saw or why it can't say.

use crate::api::ProductionKafka;
use crate::verify::{Outcome, Rule, Seen, Verdict, judge};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::authorization::v1::{ResourceRule, SelfSubjectRulesReview, SelfSubjectRulesReviewSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::NamespaceResourceScope;
use kube::{Client, Config, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The ProductionKafka resource.
    name: String,
    /// Its namespace; without it that of the kubeconfig's context.
    #[arg(short, long)]
    namespace: Option<String>,
    /// The operator's account, as namespace:name.
    #[arg(long, default_value = "productionkafka-system:productionkafka")]
    operator: String,
    /// Controls that may fail, by number: known and accepted.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    except: Vec<u8>,
    #[arg(short, long, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Table,
    Json,
    /// As static analysis tools write it (OASIS SARIF 2.1.0).
    Sarif,
}

#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error("find the Kubernetes API server")]
    Client(#[source] kube::Error),
    #[error("read {0}")]
    Read(String, #[source] kube::Error),
}

/// 0: nothing failed; 1: it can't be read; 3: a control failed.
pub async fn run(args: Args) -> ExitCode {
    match verify(&args).await {
        Ok(outcomes) => {
            let failed = outcomes
                .iter()
                .any(|one| one.verdict == Verdict::Fail && !args.except.contains(&one.id));
            match args.output {
                Output::Table => print!("{}", table(&outcomes, &args.except)),
                Output::Json => println!("{:#}", document(&args.name, &outcomes)),
                Output::Sarif => println!("{:#}", sarif(&args.name, &outcomes)),
            }
            if failed { ExitCode::from(3) } else { ExitCode::SUCCESS }
        }
        Err(error) => super::exit(Err::<(), _>(error)),
    }
}

async fn verify(args: &Args) -> Result<Vec<Outcome>, VerifyError> {
    // Whoever comes first in this process; both are the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::try_default().await.map_err(VerifyError::Client)?;
    let namespace = args
        .namespace
        .clone()
        .unwrap_or_else(|| client.default_namespace().to_owned());
    Ok(judge(&look(&client, &namespace, args).await?))
}

async fn look(client: &Client, namespace: &str, args: &Args) -> Result<Seen, VerifyError> {
    let clusters: Api<ProductionKafka> = Api::namespaced(client.clone(), namespace);
    let named = |what: &str| format!("{what} of {namespace}/{}", args.name);
    let resource = clusters
        .get(&args.name)
        .await
        .map_err(|error| VerifyError::Read(named("ProductionKafka"), error))?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let labels = format!("productionkafka.dev/cluster={}", args.name);
    let pods = list::<Pod>(client, namespace, &format!("{labels},productionkafka.dev/node-id")).await?;
    Ok(Seen {
        resource: value(&resource),
        // Who may not read it learns that it isn't known to enforce anything.
        namespace: namespaces
            .get(namespace)
            .await
            .map(|found| value(&found))
            .unwrap_or_default(),
        files: files(client, namespace, &pods).await?,
        claims: list::<PersistentVolumeClaim>(client, namespace, &labels).await?,
        budgets: list::<PodDisruptionBudget>(client, namespace, &labels).await?,
        policies: list::<NetworkPolicy>(client, namespace, &labels).await?,
        admission: admission(client).await,
        rules: rules(namespace, &args.operator).await,
        pods,
    })
}

fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

async fn list<K>(client: &Client, namespace: &str, labels: &str) -> Result<Vec<Value>, VerifyError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let found = api.list(&ListParams::default().labels(labels)).await;
    let found = found.map_err(|error| VerifyError::Read(format!("{} of {namespace}", K::plural(&())), error))?;
    Ok(found.items.iter().map(value).collect())
}

/// The ConfigMaps that pods mount.
async fn files(
    client: &Client,
    namespace: &str,
    pods: &[Value],
) -> Result<BTreeMap<String, BTreeMap<String, String>>, VerifyError> {
    let volumes = pods
        .iter()
        .filter_map(|pod| pod.pointer("/spec/volumes")?.as_array())
        .flatten();
    let names: BTreeSet<&str> = volumes
        .filter_map(|volume| volume.pointer("/configMap/name")?.as_str())
        .collect();
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let mut all = BTreeMap::new();
    for name in names {
        let map = api
            .get(name)
            .await
            .map_err(|error| VerifyError::Read(format!("ConfigMap {namespace}/{name}"), error))?;
        all.insert(map.name_any(), map.data.unwrap_or_default());
    }
    Ok(all)
}

/// Policies that are bound; `None`: they can't be read.
async fn admission(client: &Client) -> Option<Vec<String>> {
    let api: Api<ValidatingAdmissionPolicyBinding> = Api::all(client.clone());
    let found = api.list(&ListParams::default()).await.ok()?;
    let bound = found.items.into_iter().filter_map(|binding| binding.spec?.policy_name);
    Some(bound.collect())
}

/// What the operator's account may do, asked in its name; `None`: that isn't allowed.
async fn rules(namespace: &str, operator: &str) -> Option<Vec<Rule>> {
    let (of, name) = operator.split_once(':')?;
    let mut config = match Kubeconfig::read() {
        Ok(file) => Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .ok()?,
        Err(_) => Config::infer().await.ok()?,
    };
    config.auth_info.impersonate = Some(format!("system:serviceaccount:{of}:{name}"));
    config.auth_info.impersonate_groups = Some(
        [
            "system:serviceaccounts",
            &format!("system:serviceaccounts:{of}"),
            "system:authenticated",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let api: Api<SelfSubjectRulesReview> = Api::all(Client::try_from(config).ok()?);
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some(namespace.to_owned()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let answer = api.create(&PostParams::default(), &review).await.ok()?;
    let rule = |rule: ResourceRule| Rule {
        groups: rule.api_groups.unwrap_or_default(),
        resources: rule.resources.unwrap_or_default(),
        verbs: rule.verbs,
    };
    Some(answer.status?.resource_rules.into_iter().map(rule).collect())
}

fn table(outcomes: &[Outcome], except: &[u8]) -> String {
    let mut text = String::new();
    for one in outcomes {
        let accepted = one.verdict == Verdict::Fail && except.contains(&one.id);
        let verdict = if accepted { "accepted" } else { one.verdict.name() };
        let _ = writeln!(text, "{:>2}  {verdict:<11}  {}: {}", one.id, one.title, one.evidence);
        if !one.advice.is_empty() {
            let _ = writeln!(text, "                 → {}", one.advice);
        }
    }
    let count = |verdict: Verdict| outcomes.iter().filter(|one| one.verdict == verdict).count();
    let _ = writeln!(
        text,
        "{} passed, {} failed, {} not applicable, {} not checked",
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::NotApplicable),
        count(Verdict::NotChecked)
    );
    text
}

fn document(name: &str, outcomes: &[Outcome]) -> Value {
    let one = |one: &Outcome| json!({"id": one.id, "title": one.title, "verdict": one.verdict.name(), "evidence": one.evidence, "advice": one.advice});
    json!({"cluster": name, "controls": outcomes.iter().map(one).collect::<Vec<_>>()})
}

fn sarif(name: &str, outcomes: &[Outcome]) -> Value {
    let rule = |one: &Outcome| json!({"id": format!("PK{:02}", one.id), "shortDescription": {"text": one.title}});
    let result = |one: &Outcome| {
        let kind = match one.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::NotApplicable => "notApplicable",
            Verdict::NotChecked => "open",
        };
        let level = if one.verdict == Verdict::Fail { "error" } else { "none" };
        json!({
            "ruleId": format!("PK{:02}", one.id), "kind": kind, "level": level,
            "message": {"text": format!("{} {}", one.evidence, one.advice).trim()},
            "locations": [{"logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}]}],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "productionkafka verify", "rules": outcomes.iter().map(rule).collect::<Vec<_>>()}},
            "results": outcomes.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}
