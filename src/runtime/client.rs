//! Clients of the Kubernetes API with bounds on every wait.
//!
//! Two clients, because a read timeout that protects a call would cut a watch: `calls` for everything that answers once,
//! `watches` for controllers and reflectors, whose streams have kube's own idle timeout. kube's built-in retries (15
//! times, up to 1000 s, Retry-After honoured) are off: the reconcile queue retries, with back-off and in the open.

use std::time::Duration;

use kube::Config;
use kube::client::{Body, ClientBuilder};
use kube::config::InferConfigError;

/// TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The API server ends requests after 60 s; a healthy one answers a call in far less.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);

const USER_AGENT: &str = concat!("productionkafka/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("find the Kubernetes API server (kubeconfig or service account)")]
    Configuration(#[source] Box<InferConfigError>),
    #[error("build a client for the Kubernetes API server {url}")]
    Build {
        url: String,
        #[source]
        source: Box<kube::Error>,
    },
}

/// The two clients. Both are cheap to clone.
#[derive(Clone)]
pub struct Clients {
    /// For requests that answer once; each fails after 15 s without an answer.
    pub calls: kube::Client,
    /// For watches only: no read timeout.
    pub watches: kube::Client,
}

/// Clients from the kubeconfig, or from the pod's service account.
pub async fn connect() -> Result<Clients, ClientError> {
    let config = Config::infer()
        .await
        .map_err(|source| ClientError::Configuration(Box::new(source)))?;
    from_config(config)
}

/// Clients from a configuration found elsewhere.
pub fn from_config(config: Config) -> Result<Clients, ClientError> {
    let watches = build(bounded(config.clone(), None))?;
    let calls = build(bounded(config, Some(READ_TIMEOUT)))?;
    Ok(Clients { calls, watches })
}

fn bounded(mut config: Config, read_timeout: Option<Duration>) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    config.read_timeout = read_timeout;
    // Otherwise the time a pooled connection sat idle would count against the next answer.
    config.reset_reader_on_write = read_timeout.is_some();
    config.default_retry = false;
    config
        .headers
        .push((http::header::USER_AGENT, http::HeaderValue::from_static(USER_AGENT)));
    config
}

fn build(config: Config) -> Result<kube::Client, ClientError> {
    let url = config.cluster_url.to_string();
    match ClientBuilder::try_from(config) {
        Ok(builder) => Ok(builder.build()),
        Err(source) => Err(ClientError::Build {
            url,
            source: Box::new(source),
        }),
    }
}

/// A request that would have changed something.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path} isn't sent: this process only reads")]
pub struct OnlyReads {
    method: http::Method,
    path: String,
}

/// The same client, which sends nothing but what reads.
pub fn read_only(client: kube::Client) -> kube::Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let client = client.clone();
        async move {
            if *request.method() == http::Method::GET {
                return client.send(request).await.map_err(tower::BoxError::from);
            }
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            Err(tower::BoxError::from(OnlyReads { method, path }))
        }
    });
    kube::Client::new(service, namespace)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn calls_are_bounded_and_watches_are_not() {
        let config = || Config::new("https://127.0.0.1:6443".parse().unwrap());
        let call = bounded(config(), Some(READ_TIMEOUT));
        let watch = bounded(config(), None);
        assert_eq!(
            (call.read_timeout, call.reset_reader_on_write),
            (Some(READ_TIMEOUT), true)
        );
        assert_eq!((watch.read_timeout, watch.reset_reader_on_write), (None, false));
    }

    /// Whatever asks for a write, nothing of it reaches the API server.
    #[tokio::test]
    async fn a_client_that_only_reads_sends_nothing_else() {
        use k8s_openapi::api::core::v1::ConfigMap;
        use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
        let (service, mut server) = tower_test::mock::pair::<http::Request<Body>, http::Response<Body>>();
        let sent = tokio::spawn(async move {
            let mut methods = Vec::new();
            while let Some((request, answer)) = server.next_request().await {
                methods.push(request.method().clone());
                let object = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}"#;
                answer.send_response(http::Response::new(Body::from(object.as_bytes().to_vec())));
            }
            methods
        });
        let client = read_only(kube::Client::new(service, "kafka"));
        assert_eq!(client.default_namespace(), "kafka");
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let patch = serde_json::json!({"data": {"a": "1"}});
        assert!(maps.get("a").await.is_ok());
        assert!(
            maps.create(&PostParams::default(), &ConfigMap::default())
                .await
                .is_err()
        );
        assert!(
            maps.replace("a", &PostParams::default(), &ConfigMap::default())
                .await
                .is_err()
        );
        assert!(maps.delete("a", &DeleteParams::default()).await.is_err());
        let refused = maps
            .patch("a", &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("this process only reads"), "{refused}");
        drop((maps, client));
        assert_eq!(sent.await.unwrap(), [http::Method::GET]);
    }

    /// One answer per connection: a hidden retry would ask a second time and hang this test's client.
    #[tokio::test]
    async fn a_refusal_comes_back_at_once_and_names_the_product() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let answer = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 600\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..length]).to_lowercase()
        });
        let clients = from_config(Config::new(url.parse().unwrap())).unwrap();
        let error = clients.calls.apiserver_version().await.unwrap_err();
        assert!(
            matches!(&error, kube::Error::Api(status) if status.code == 503),
            "{error:?}"
        );
        let request = server.await.unwrap();
        assert!(
            request.contains(concat!("user-agent: productionkafka/", env!("CARGO_PKG_VERSION"))),
            "{request}"
        );
    }
}
