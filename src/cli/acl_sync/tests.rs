//! The Job against a scripted broker that stores ACLs, over TLS, from files to exit code.

use std::sync::{Arc, Mutex};

use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use kafka_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kafka_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
    DescribeAclsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::*;
use crate::kafka::scripted::pki::TestCa;
use crate::kafka::scripted::{Script, ScriptedBroker, Step};
use crate::kafka::{ClientOptions, Endpoints, Transport};

const HOST: &str = "localhost";

/// Principal and topic of a Read on a literal topic, and every change in the order of arrival.
#[derive(Default)]
struct Store {
    acls: BTreeSet<(String, String)>,
    log: Vec<String>,
    /// Describes that still show what was before the last change.
    stale_describes: usize,
    before: BTreeSet<(String, String)>,
}

impl Store {
    fn holding(acls: &[(&str, &str)]) -> Arc<Mutex<Self>> {
        let acls = acls
            .iter()
            .map(|(principal, topic)| ((*principal).to_owned(), (*topic).to_owned()))
            .collect();
        Arc::new(Mutex::new(Self {
            acls,
            ..Self::default()
        }))
    }

    fn shown(&mut self) -> BTreeSet<(String, String)> {
        if self.log.is_empty() || self.stale_describes == 0 {
            return self.acls.clone();
        }
        self.stale_describes -= 1;
        self.before.clone()
    }
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn describe(store: &Mutex<Store>) -> DescribeAclsResponse {
    let resources = store.lock().unwrap().shown().into_iter().map(|(principal, topic)| {
        let acl = AclDescription::default()
            .with_principal(text(&principal))
            .with_host(text("*"))
            .with_operation(3)
            .with_permission_type(3);
        DescribeAclsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(&topic))
            .with_pattern_type(3)
            .with_acls(vec![acl])
    });
    DescribeAclsResponse::default().with_resources(resources.collect())
}

/// A broker that refuses what concerns the topic `forbidden`.
fn script(store: &Arc<Mutex<Store>>) -> Script {
    let (described, created, deleted) = (Arc::clone(store), Arc::clone(store), Arc::clone(store));
    let code = |topic: &str| if topic == "forbidden" { 44 } else { 0 };
    Script::new()
        .on::<DescribeAclsRequest>(move |_, _| Step::Reply(describe(&described)))
        .on::<CreateAclsRequest>(move |request: CreateAclsRequest, _| {
            let mut store = created.lock().unwrap();
            store.before = store.acls.clone();
            let results = request.creations.iter().map(|acl| {
                if code(&acl.resource_name) == 0 {
                    store
                        .acls
                        .insert((acl.principal.to_string(), acl.resource_name.to_string()));
                }
                store.log.push(format!("+{} {}", &*acl.principal, &*acl.resource_name));
                AclCreationResult::default().with_error_code(code(&acl.resource_name))
            });
            Step::Reply(CreateAclsResponse::default().with_results(results.collect()))
        })
        .on::<DeleteAclsRequest>(move |request: DeleteAclsRequest, _| {
            let mut store = deleted.lock().unwrap();
            let results = request.filters.iter().map(|filter| {
                let principal = filter.principal_filter.as_ref().unwrap().to_string();
                let topic = filter.resource_name_filter.as_ref().unwrap().to_string();
                assert_eq!(
                    (filter.resource_type_filter, filter.pattern_type_filter),
                    (2, 3),
                    "exactly one binding"
                );
                assert_eq!(
                    (filter.operation, filter.permission_type),
                    (3, 3),
                    "exactly one binding"
                );
                assert_eq!(
                    filter.host_filter.as_ref().unwrap().as_str(),
                    "*",
                    "exactly one binding"
                );
                store.log.push(format!("-{principal} {topic}"));
                store.acls.remove(&(principal, topic));
                DeleteAclsFilterResult::default()
            });
            Step::Reply(DeleteAclsResponse::default().with_filter_results(results.collect()))
        })
}

struct Job {
    dir: tempfile::TempDir,
    broker: ScriptedBroker,
}

impl Job {
    async fn new(store: &Arc<Mutex<Store>>) -> Self {
        let ca = TestCa::new();
        let broker = ScriptedBroker::tls(script(store), ca.server(&[HOST])).await;
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) = ca.leaf(&["kafka-acl-sync"]);
        for (name, text) in [("tls.crt", chain), ("tls.key", key), ("ca.crt", ca.pem.clone())] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self { dir, broker }
    }

    /// Runs with a document for each of `managed` that grants Read on topics.
    async fn run(&self, managed: &[&str], grants: &[(&str, &str)]) -> (ExitCode, SyncReport) {
        let acls = self.dir.path().join("acls");
        std::fs::create_dir_all(acls.join("..data")).unwrap();
        for (index, principal) in managed.iter().enumerate() {
            let own = grants.iter().filter(|(of, _)| of == principal);
            let bindings: Vec<_> = own
                .map(|(principal, topic)| {
                    serde_json::json!({
                        "principal": principal, "resourceType": "Topic", "resourceName": topic, "patternType": "Literal",
                        "operation": "Read", "permission": "Allow", "host": "*",
                    })
                })
                .collect();
            let document = serde_json::json!({"managedPrincipals": [principal], "bindings": bindings});
            std::fs::write(acls.join(format!("{index}.json")), document.to_string()).unwrap();
        }
        let termination_log = self.dir.path().join("termination-log");
        let code = run(Args {
            bootstrap: vec![format!("{HOST}:{}", self.broker.port())],
            acls,
            tls: self.dir.path().to_owned(),
            termination_log: termination_log.clone(),
        });
        let code = code.await;
        (
            code,
            serde_json::from_slice(&std::fs::read(termination_log).unwrap()).unwrap(),
        )
    }
}

fn is_success(code: ExitCode) -> bool {
    format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
}

#[tokio::test]
async fn grants_come_before_revocations_and_strangers_stay() {
    let store = Store::holding(&[
        ("User:app", "old"),
        ("User:app", "kept"),
        ("User:gone", "old"),
        ("User:else", "x"),
    ]);
    let job = Job::new(&store).await;
    let (code, report) = job
        .run(&["User:app", "User:gone"], &[("User:app", "kept"), ("User:app", "new")])
        .await;
    assert!(is_success(code), "{report:?}");
    assert_eq!((report.granted, report.revoked, report.unchanged), (1, 2, 1));
    assert_eq!(report.per_principal["User:gone"].revoked, 1);
    assert_eq!(
        store.lock().unwrap().log,
        ["+User:app new", "-User:app old", "-User:gone old"]
    );
    let expected = Store::holding(&[("User:app", "kept"), ("User:app", "new"), ("User:else", "x")]);
    assert_eq!(store.lock().unwrap().acls, expected.lock().unwrap().acls);
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let store = Store::holding(&[]);
    let job = Job::new(&store).await;
    job.run(&["User:app"], &[("User:app", "new")]).await;
    let (code, report) = job.run(&["User:app"], &[("User:app", "new")]).await;
    assert!(is_success(code));
    assert_eq!(
        report,
        SyncReport {
            unchanged: 1,
            ..SyncReport::default()
        }
    );
    assert_eq!(store.lock().unwrap().log, ["+User:app new"]);
}

#[tokio::test]
async fn a_refused_grant_fails_its_principal_and_does_not_stop_the_others() {
    let store = Store::holding(&[("User:gone", "old")]);
    let job = Job::new(&store).await;
    let grants = [("User:app", "fine"), ("User:bad", "forbidden")];
    let (code, report) = job.run(&["User:app", "User:bad", "User:gone"], &grants).await;
    assert!(!is_success(code));
    assert_eq!((report.granted, report.revoked), (1, 1));
    assert_eq!(
        report.per_principal["User:bad"].error.as_deref(),
        Some("PolicyViolation (44)")
    );
    assert_eq!(report.per_principal["User:app"].error, None);
    assert_eq!(report.error.as_deref(), Some("User:bad: PolicyViolation (44)"));
}

#[tokio::test]
async fn a_broker_that_lags_behind_is_re_read() {
    let store = Store::holding(&[]);
    store.lock().unwrap().stale_describes = 2;
    let job = Job::new(&store).await;
    let (code, report) = job.run(&["User:app"], &[("User:app", "new")]).await;
    assert!(is_success(code), "{report:?}");
    assert_eq!(store.lock().unwrap().stale_describes, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_seen_is_reported() {
    let lost = Script::new()
        .on::<DescribeAclsRequest>(|_, _| Step::Reply(DescribeAclsResponse::default()))
        .on::<CreateAclsRequest>(|_, _| {
            Step::Reply(CreateAclsResponse::default().with_results(vec![AclCreationResult::default()]))
        });
    let broker = ScriptedBroker::plain(lost).await;
    let endpoints = Endpoints {
        brokers: vec![broker.endpoint(None, HOST)],
        controllers: Vec::new(),
    };
    let client = KafkaClient::new(Transport::Plain, endpoints, ClientOptions::default());
    let text = br#"{"managedPrincipals":["User:app"],"bindings":[{"principal":"User:app","resourceType":"Topic",
        "resourceName":"new","patternType":"Literal","operation":"Read","permission":"Allow","host":"*"}]}"#;
    let report = synchronise(&client, &AclDocument::parse(text).unwrap()).await;
    assert_eq!(
        report.error.as_deref(),
        Some("after the change 1 ACLs are missing and 0 remain")
    );
    assert!(report.per_principal["User:app"].error.is_some());
}

#[tokio::test]
async fn a_bad_document_or_address_is_told_in_the_result() {
    let store = Store::holding(&[]);
    let job = Job::new(&store).await;
    let (code, report) = job.run(&[], &[]).await;
    assert!(!is_success(code) && report.error.unwrap().contains("no ACL document"));
    let text = r#"{"managedPrincipals":[],"bindings":[{"principal":"User:app","resourceType":"Topic","resourceName":"new",
        "patternType":"Literal","operation":"Read","permission":"Allow","host":"*"}]}"#;
    std::fs::write(job.dir.path().join("acls/9.json"), text).unwrap();
    let (code, report) = job.run(&["User:else"], &[]).await;
    assert!(!is_success(code));
    assert!(report.error.unwrap().contains("grants to User:app"));
    assert!(store.lock().unwrap().log.is_empty(), "one bad document stops all");
}
