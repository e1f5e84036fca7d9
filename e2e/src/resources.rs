//! The operator's resources, as suites use them: wait for one, remove all of a namespace.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::diagnosis;
use crate::harness::Context;

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
