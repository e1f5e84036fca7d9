//! A listener behind a Gateway: real TLSRoutes by the definitions of the Gateway API, a controller played by the suite, and nginx,
//! which passes TLS through by server name as Gateways do.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::outside::{APP, bootstrap, round_trip};
use super::{NAMESPACE, listen, say, settled};
use crate::build::peers;
use crate::client::Client;
use crate::diagnosis;
use crate::harness::{Context, Report};

/// Names below it are Services of the suite's namespace, so that clients can resolve them.
const DOMAIN: &str = "access.svc";
const PORT: u16 = 9443;
const POD: &str = "gateway";

pub fn listener() -> Value {
    json!({"name": "gate", "port": 9102, "authentication": {"type": "ScramSha512"},
        "exposure": {"type": "Gateway", "gateway": {"name": "edge", "domain": DOMAIN, "port": PORT}}})
}

/// The kind itself, before there's a listener that needs it.
pub fn define(context: &Context) -> Result<()> {
    context.apply(&peers::routes_definition()?)?;
    let words = [
        "wait",
        "--for=condition=Established",
        "crd/tlsroutes.gateway.networking.k8s.io",
    ];
    context.kubectl(&words).map(drop)
}

/// What a controller of Gateways does: programs its proxy from the routes, and says that it took them.
pub fn take(context: &Context) -> Result<()> {
    let routes = context.wait_until("routes are there", Duration::from_mins(2), || {
        let list = context.kubectl_json(&["-n", NAMESPACE, "get", "tlsroutes"])?;
        let routes = diagnosis::items(&list).to_vec();
        ensure!(routes.len() == 4, "{} of 4", routes.len());
        Ok(Some(routes))
    })?;
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": POD, "namespace": NAMESPACE},
        "data": {"nginx.conf": configuration(&routes)?}});
    context.apply(&config.to_string())?;
    context.apply(&pod().to_string())?;
    for name in ["bootstrap", "broker-100", "broker-101", "broker-102"] {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"selector": {"app": POD}, "ports": [{"name": "tls", "port": PORT}]}});
        context.apply(&service.to_string())?;
    }
    context.wait_ready_pods(NAMESPACE, "app=gateway", 1, Duration::from_mins(1))?;
    for route in &routes {
        accept(context, route)?;
    }
    Ok(())
}

fn text<'a>(route: &'a Value, path: &str) -> Result<&'a str> {
    let found = route.pointer(path).and_then(Value::as_str);
    found.with_context(|| format!("{path} of {route}"))
}

fn configuration(routes: &[Value]) -> Result<String> {
    let (mut upstreams, mut names) = (String::new(), String::new());
    for route in routes {
        let (name, host) = (text(route, "/metadata/name")?, text(route, "/spec/hostnames/0")?);
        let service = text(route, "/spec/rules/0/backendRefs/0/name")?;
        let port = route.pointer("/spec/rules/0/backendRefs/0/port").context("a port")?;
        let _ = writeln!(
            upstreams,
            "  upstream {name} {{ server {service}.{NAMESPACE}.svc:{port}; }}"
        );
        let _ = writeln!(names, "    {host} {name};");
    }
    Ok(format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\nerror_log /dev/stderr;\npid /tmp/nginx.pid;\n\
         events {{}}\nstream {{\n{upstreams}  map $ssl_preread_server_name $to {{\n{names}  }}\n\
         \x20 server {{ listen {PORT}; ssl_preread on; proxy_pass $to; }}\n}}\n"
    ))
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE, "labels": {"app": POD}},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "nginx", "image": peers::IMAGE, "imagePullPolicy": "Never",
                "command": ["nginx", "-e", "/dev/stderr", "-c", "/config/nginx.conf"],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "config", "mountPath": "/config"}],
                "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            }],
            "volumes": [{"name": "config", "configMap": {"name": POD}}],
        },
    })
}

fn accept(context: &Context, route: &Value) -> Result<()> {
    let condition = json!({"type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let parent =
        json!({"parentRef": {"name": "edge"}, "controllerName": "example.com/gateway", "conditions": [condition]});
    let status = json!({"status": {"parents": [parent]}}).to_string();
    let name = text(route, "/metadata/name")?;
    let words = [
        "-n",
        NAMESPACE,
        "patch",
        "tlsroute",
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    context.kubectl(&words).map(drop)
}

pub fn run(context: &Context, report: &mut Report) {
    report.test("clients reach every broker through a Gateway, by server name", || {
        reach(context)
    });
    report.long("routes go with their listener", "a roll", || leave(context));
}

fn reach(context: &Context) -> Result<()> {
    let servers = bootstrap(context, "gate")?;
    ensure!(servers == format!("bootstrap.{DOMAIN}:{PORT}"), "{servers}");
    let secret = format!("{APP}-kafka-credentials");
    let client = Client::start(context, NAMESPACE, "gateway-client", &[&secret])?;
    client.run(
        10,
        &format!("grep -v '^bootstrap.servers' /secrets/{secret}/client.properties > /tmp/gate.properties"),
    )?;
    round_trip(&client, &servers, "/tmp/gate.properties", ("gate", ""))?;
    client.delete()
}

/// All listeners of the suite but those that its other tests need.
fn leave(context: &Context) -> Result<()> {
    listen(context, Vec::new())?;
    settled(context)?;
    let left = context.kubectl(&["-n", NAMESPACE, "get", "tlsroutes", "-o", "name"])?;
    if !left.trim().is_empty() {
        bail!("{left} is left");
    }
    say("no TLSRoute is left");
    Ok(())
}
