//! Layers, and what pure code may not know. The rules are about text: they see what a reviewer would.
//!
//! cli → controller → {render, rollout, rebalance, upgrade, pki, acl, kafka, runtime} → model → api; kafka and runtime
//! know nothing of clusters.

use std::path::{Path, PathBuf};

/// Modules in which the same input always gives the same output.
const PURE: [&str; 13] = [
    "acl",
    "api",
    "capacity",
    "model",
    "pki",
    "quorum",
    "rebalance",
    "render",
    "rollout",
    "tuning",
    "upgrade",
    "user",
    "verify",
];

/// What makes an output depend on more than the input.
const IMPURE: [&str; 15] = [
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant::now",
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "tokio",
    "kube::Client",
    "kube::Api",
    "kube::client",
    "kube::runtime",
    "kube_runtime",
    "SystemRandom",
    "rand::",
];

/// Exceptions, each with its reason.
const ALLOWED: [(&str, &str, &str); 2] = [
    (
        "pki",
        "SystemRandom",
        "keys and serials are random by nature; everything else of a certificate comes in",
    ),
    ("pki", "rand::", "the same"),
];

/// Every module of the crate below `main`.
const MODULES: [&str; 18] = [
    "acl",
    "api",
    "capacity",
    "cli",
    "controller",
    "kafka",
    "model",
    "pki",
    "quorum",
    "rebalance",
    "render",
    "rollout",
    "runtime",
    "tests",
    "tuning",
    "upgrade",
    "user",
    "verify",
];

/// What a module may name besides itself; who isn't listed is above all others.
const MAY_NAME: [(&str, &[&str]); 15] = [
    ("api", &[]),
    ("kafka", &[]),
    ("runtime", &[]),
    ("tuning", &["api"]),
    ("capacity", &["api", "model", "kafka"]),
    ("model", &["api", "tuning"]),
    ("pki", &["api", "model"]),
    ("quorum", &[]),
    ("rebalance", &[]),
    ("render", &["api", "model", "tuning"]),
    ("rollout", &["api", "model"]),
    ("upgrade", &["api", "model"]),
    // ACLs are compared in Kafka's own terms.
    ("acl", &["api", "model", "kafka"]),
    ("user", &["api", "kafka"]),
    ("verify", &["api"]),
];

/// Lines of a file that isn't a test.
const LONGEST_FILE: usize = 450;

struct Source {
    /// Path below `src/`.
    path: PathBuf,
    /// Code without tests and comments, line by line with its number.
    lines: Vec<(usize, String)>,
    length: usize,
}

impl Source {
    fn module(&self) -> &str {
        let first = self.path.iter().next().unwrap().to_str().unwrap();
        first.trim_end_matches(".rs")
    }
}

/// Every source file that isn't a test, without the test module at its end.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && name != "tests" && name != "snapshots" {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push(source(path.strip_prefix(&root).unwrap().to_owned(), &text));
            }
        }
    }
    found
}

fn source(path: PathBuf, text: &str) -> Source {
    // A test module ends the file; one that only names another file doesn't.
    let mut code: Vec<&str> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let inline = |next: &&str| next.starts_with("mod ") && next.ends_with('{');
        if line == "#[cfg(test)]" && lines.peek().is_some_and(inline) {
            break;
        }
        code.push(line);
    }
    let numbered = code
        .iter()
        .enumerate()
        .map(|(index, line)| (index + 1, (*line).to_owned()));
    Source {
        path,
        length: code.len(),
        lines: numbered
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .collect(),
    }
}

/// Lines in files of `module` that contain one of `words`.
fn named(sources: &[Source], module: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.module() == module) {
        for (number, line) in &source.lines {
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("src/{}:{number} names {word}", source.path.display()));
            }
        }
    }
    found
}

#[test]
fn the_walk_finds_the_code() {
    let sources = sources();
    for module in ["api", "model", "render", "cli", "lib"] {
        assert!(sources.iter().any(|source| source.module() == module), "{module}");
    }
    assert!(!named(&sources, "render", &["fn children"]).is_empty());
}

#[test]
fn the_rules_see_what_breaks_them() {
    let bad = "//! std::env in a comment is fine\nuse std::env;\nuse crate::controller::x;\n#[cfg(test)]\nmod tests {\nuse tokio;\n}";
    let sources = [source(PathBuf::from("render/x.rs"), bad)];
    assert_eq!(named(&sources, "render", &IMPURE), ["src/render/x.rs:2 names std::env"]);
    assert_eq!(
        named(&sources, "render", &["crate::controller"]),
        ["src/render/x.rs:3 names crate::controller"]
    );
    let outside = "#[cfg(test)]\nmod tests;\nuse tokio;";
    let sources = [source(PathBuf::from("model/x.rs"), outside)];
    assert_eq!(named(&sources, "model", &IMPURE).len(), 1);
}

#[test]
fn pure_modules_know_no_client_clock_chance_or_environment() {
    let sources = sources();
    for module in PURE {
        let allowed = |word: &&str| !ALLOWED.iter().any(|(of, what, _)| *of == module && what == word);
        let words: Vec<&str> = IMPURE.into_iter().filter(|word| allowed(word)).collect();
        assert_eq!(named(&sources, module, &words), Vec::<String>::new());
    }
}

#[test]
fn the_kafka_client_knows_nothing_of_kubernetes() {
    let words = ["kube::", "use kube", "k8s_openapi"];
    assert_eq!(named(&sources(), "kafka", &words), Vec::<String>::new());
}

#[test]
fn no_layer_names_a_higher_one() {
    let sources = sources();
    for (module, may_name) in MAY_NAME {
        let words: Vec<String> = MODULES
            .iter()
            .filter(|name| **name != module && !may_name.contains(name))
            .flat_map(|name| {
                [
                    format!("crate::{name}::"),
                    format!("crate::{name};"),
                    format!("crate::{{{name}"),
                ]
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(named(&sources, module, &words), Vec::<String>::new());
    }
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.length > LONGEST_FILE)
        .map(|source| format!("src/{} has {} lines", source.path.display(), source.length))
        .collect();
    assert_eq!(
        long,
        Vec::<String>::new(),
        "split files of more than {LONGEST_FILE} lines"
    );
}
