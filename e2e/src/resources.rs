//! The operator's resources, as suites use them: start a cluster, wait for one, remove all of a namespace.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::harness::{Context, Report};
use crate::{diagnosis, install};

/// Installs the operator, and waits until it has made the cluster `name` of this manifest Ready.
pub fn start(context: &Context, namespace: &str, (name, manifest): (&str, &str), timeout: Duration) -> Result<()> {
    install::operator(context, "")?;
    context.restricted_namespace(namespace)?;
    context.apply(manifest)?;
    wait_ready(context, namespace, &format!("pk/{name}"), timeout).map(drop)
}

/// Ends a suite: its namespace goes, or stays and is told of where a test failed.
pub fn end(context: &Context, namespace: &str, report: Report) -> Result<Report> {
    if report.failed.is_empty() {
        clean(context, namespace)?;
    } else {
        diagnosis::print(context, namespace, install::NAMESPACE);
    }
    Ok(report)
}

/// A small node pool of one role.
pub fn pool(name: &str, role: &str, replicas: i32) -> Value {
    json!({
        "name": name,
        "roles": [role],
        "replicas": replicas,
        "storage": {"volumes": [{"size": "1Gi"}]},
        "resources": {"requests": {"cpu": "50m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    })
}

/// Waits until `object`, for example `pk/orders`, is Ready; says what it says if it never is.
pub fn wait_ready(context: &Context, namespace: &str, object: &str, timeout: Duration) -> Result<Value> {
    context.wait_until(&format!("{object} is Ready"), timeout, || {
        let resource = context.kubectl_json(&["-n", namespace, "get", object])?;
        if diagnosis::holds(&resource, "Ready") {
            return Ok(Some(resource));
        }
        bail!("{}", diagnosis::summary(&resource))
    })
}

/// Removes what an earlier run left in a namespace, and the namespace. Without the definitions there's nothing to delete.
pub fn clean(context: &Context, namespace: &str) -> Result<()> {
    let crd = "productionkafkas.productionkafka.dev";
    if !context.kubectl(&["get", "crd", crd, "--ignore-not-found"])?.is_empty() {
        context.kubectl(&["-n", namespace, "delete", "pk,pkt,pku", "--all", "--wait=false"])?;
    }
    context.delete_namespace(namespace)
}
