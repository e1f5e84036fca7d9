//! HTTP endpoints of the operator: `/healthz`, `/readyz`, `/metrics`.
//!
//! Plain HTTP without state-changing routes; answers come from memory and never call Kubernetes or Kafka.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use super::shutdown::Shutdown;

mod health;

pub use health::{Gate, Health, Heartbeat};

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("listen on {address} for health and metrics")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("serve health and metrics")]
    Serve(#[source] std::io::Error),
}

/// A bound but not yet answering server.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
}

impl AdminServer {
    /// Binds `address`; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServerError> {
        match TcpListener::bind(address).await {
            Ok(listener) => Ok(Self { listener }),
            Err(source) => Err(ServerError::Bind { address, source }),
        }
    }

    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until shutdown is requested.
    pub async fn serve(self, health: Health, metrics: Metrics, shutdown: Shutdown) -> Result<(), ServerError> {
        axum::serve(self.listener, routes(health, metrics))
            .with_graceful_shutdown(async move { shutdown.requested().await })
            .await
            .map_err(ServerError::Serve)
    }
}

fn routes(health: Health, metrics: Metrics) -> Router {
    let probes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(health);
    Router::new()
        .route("/metrics", get(openmetrics))
        .with_state(metrics)
        .merge(probes)
}

async fn healthz(State(health): State<Health>) -> Response {
    answer(&health.failing_liveness())
}

async fn readyz(State(health): State<Health>) -> Response {
    answer(&health.closed_gates())
}

fn answer(problems: &[String]) -> Response {
    if problems.is_empty() {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", problems.join("\n"))).into_response()
    }
}

async fn openmetrics(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(text) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be encoded\n").into_response(),
    }
}

#[cfg(test)]
mod tests;
