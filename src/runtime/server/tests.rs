use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

async fn get(health: &Health, path: &str) -> (StatusCode, Option<String>, String) {
    let router = routes(health.clone(), Metrics::new("1.2.3"));
    let response = router
        .oneshot(Request::get(path).body(Body::empty()).unwrap())
        .await
        .unwrap();
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, content_type, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn liveness_follows_the_heartbeat() {
    let health = Health::default();
    assert_eq!(get(&health, "/healthz").await.0, StatusCode::OK);
    let never_late = health.heartbeat("lease", Duration::from_hours(1));
    let always_late = health.heartbeat("watch", Duration::ZERO);
    let (status, _, body) = get(&health, "/healthz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.starts_with("watch: no progress for "), "{body}");
    assert!(!body.contains("lease"), "{body}");
    never_late.beat();
    always_late.beat();
}

#[tokio::test]
async fn a_beat_makes_a_stale_heartbeat_fresh() {
    let health = Health::default();
    let heartbeat = health.heartbeat("watch", Duration::from_millis(200));
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(health.failing_liveness().len(), 1);
    heartbeat.beat();
    assert!(health.failing_liveness().is_empty());
}

#[tokio::test]
async fn readiness_needs_every_gate() {
    let health = Health::default();
    let (caches, crds) = (health.readiness_gate("caches"), health.readiness_gate("crds"));
    caches.set(true);
    let (status, _, body) = get(&health, "/readyz").await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "crds: not ready\n")
    );
    assert_eq!(get(&health, "/healthz").await.0, StatusCode::OK);
    crds.set(true);
    assert_eq!(get(&health, "/readyz").await.0, StatusCode::OK);
    caches.set(false);
    assert_eq!(get(&health, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let (status, content_type, body) = get(&Health::default(), "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        content_type.unwrap(),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(
        body.contains("productionkafka_build_info") && body.ends_with("# EOF\n"),
        "{body}"
    );
}

#[tokio::test]
async fn the_server_stops_on_request() {
    let server = AdminServer::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let taken = AdminServer::bind(server.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(taken, ServerError::Bind { .. }), "{taken}");
    let (trigger, shutdown) = Shutdown::manual();
    let running = tokio::spawn(server.serve(Health::default(), Metrics::new("1"), shutdown));
    trigger.request();
    tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
