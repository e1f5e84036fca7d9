//! One request to the apiserver, taken apart.

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub plural: String,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(plural: &str, name: &str) -> Self {
        let namespace = if matches!(plural, "namespaces" | "nodes" | "storageclasses") {
            ""
        } else {
            super::world::NAMESPACE
        };
        Self {
            plural: plural.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.plural, self.name)
    }
}

pub struct Call {
    pub method: Method,
    /// Without a name: the collection.
    pub key: Key,
    pub subresource: Option<String>,
    pub query: BTreeMap<String, String>,
    pub content_type: String,
    pub metadata_only: bool,
    pub body: Value,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.key)?;
        self.subresource.iter().try_for_each(|sub| write!(formatter, "/{sub}"))
    }
}

impl Call {
    pub async fn read(request: Request<Body>) -> Self {
        let (parts, body) = request.into_parts();
        let header = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let bytes = body.collect().await.unwrap().to_bytes();
        let (key, subresource) = place(parts.uri.path());
        let accept = header(http::header::ACCEPT);
        Self {
            key,
            subresource,
            query: parts.uri.query().map(pairs).unwrap_or_default(),
            content_type: header(http::header::CONTENT_TYPE),
            metadata_only: accept.contains("as=PartialObjectMetadata"),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            method: parts.method,
        }
    }

    pub fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    pub fn manager(&self) -> &str {
        self.query.get("fieldManager").map(String::as_str).unwrap_or_default()
    }
}

/// `/api/v1/namespaces/ns/plural/name/sub`, `/apis/group/version/plural/name`, …
fn place(path: &str) -> (Key, Option<String>) {
    let mut words: Vec<&str> = path.trim_matches('/').split('/').collect();
    words.drain(..if words[0] == "api" { 2 } else { 3 });
    let namespace = if words[0] == "namespaces" && words.len() > 2 {
        words.drain(..2).nth(1).unwrap()
    } else {
        ""
    };
    let word = |index: usize| words.get(index).copied().unwrap_or_default().to_owned();
    let key = Key {
        plural: word(0),
        namespace: namespace.to_owned(),
        name: word(1),
    };
    (key, words.get(2).map(|&sub| sub.to_owned()))
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    let split = |pair: &str| pair.split_once('=').map(|(key, value)| (decoded(key), decoded(value)));
    query.split('&').filter_map(split).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(plain).unwrap()
}
