//! Manners on a cluster that is the caller's own: use its images, touch no namespace that was there before, and take away
//! what was made.

use anyhow::{Context as _, Result, bail};

use super::{Context, RELEASE};
use crate::build::kafka;
use crate::cli::Target;
use crate::{install, versions};

/// Label of the namespaces that demo and suites make. Others are never used or deleted.
pub const MARK: &str = "e2e.productionkafka.dev/made-here";

/// Says which cluster it is, and refuses to go on where a namespace of that name is somebody else's.
pub fn arrive(context: &Context, namespaces: &[&str]) -> Result<()> {
    let current = context
        .kubectl(&["config", "current-context"])
        .context("read the current context of KUBECONFIG")?;
    let server = [
        "config",
        "view",
        "--minify",
        "-o",
        "jsonpath={.clusters[0].cluster.server}",
    ];
    println!("using the context {} at {}", current.trim(), context.kubectl(&server)?);
    for namespace in namespaces {
        let found = context.kubectl(&["get", "namespace", namespace, "--ignore-not-found", "-o", "json"])?;
        if !found.trim().is_empty() && !found.contains(MARK) {
            bail!("namespace {namespace} is there already and was not made by this program: use another cluster");
        }
    }
    Ok(())
}

/// Removes what was made: resources while their operator still runs, then the operator. The definitions stay, as the
/// chart wants it: deleting them would delete everybody's resources.
pub fn leave(context: &Context, namespaces: &[&str]) -> Result<()> {
    let resources = namespaces.iter().filter(|name| **name != install::NAMESPACE);
    for namespace in resources {
        context.delete_namespace(namespace)?;
    }
    if namespaces.contains(&install::NAMESPACE) {
        for release in [RELEASE, "productionkafka-crds"] {
            let words = [
                "helm",
                "uninstall",
                release,
                "--namespace",
                install::NAMESPACE,
                "--ignore-not-found",
                "--wait",
            ];
            crate::exec::output(&mut context.command(&words)?).with_context(|| format!("uninstall {release}"))?;
        }
        context.delete_namespace(install::NAMESPACE)?;
    }
    println!("removed: {}", namespaces.join(", "));
    Ok(())
}

/// The commands that do what [`leave`] does.
pub fn how_to_leave(namespaces: &[&str]) -> String {
    let others: Vec<&str> = namespaces
        .iter()
        .copied()
        .filter(|name| *name != install::NAMESPACE)
        .collect();
    let mut lines = vec![format!(
        "kubectl delete namespace --ignore-not-found {}",
        others.join(" ")
    )];
    if namespaces.contains(&install::NAMESPACE) {
        let system = install::NAMESPACE;
        lines.push(format!("helm uninstall -n {system} {RELEASE} productionkafka-crds"));
        lines.push(format!("kubectl delete namespace {system}"));
    }
    lines.join("\n  ")
}

/// The manifests with the Kafka image that the caller named: in pods instead of the usual one, in every `ProductionKafka`
/// as `spec.image`.
pub fn with_kafka_image(target: &Target, yaml: &str) -> String {
    let Some(image) = target
        .images
        .kafka_image
        .as_ref()
        .filter(|_| target.use_current_context)
    else {
        return yaml.to_owned();
    };
    let usual = kafka::image_name(versions::DEFAULT_KAFKA);
    let document = |text: &str| {
        if text.lines().any(|line| line == "kind: ProductionKafka") {
            text.replacen("\nspec:\n", &format!("\nspec:\n  image: {image}\n"), 1)
        } else {
            text.replace(&usual, image)
        }
    };
    yaml.split("\n---\n").map(document).collect::<Vec<_>>().join("\n---\n")
}

/// Values of the operator's chart for the image that the caller named.
pub fn operator_image(target: &Target) -> String {
    let Some(image) = target
        .images
        .operator_image
        .as_ref()
        .filter(|_| target.use_current_context)
    else {
        return String::new();
    };
    if let Some((repository, digest)) = image.split_once('@') {
        return format!("image: {{repository: \"{repository}\", digest: \"{digest}\"}}\n");
    }
    // A colon before the last slash belongs to a port.
    match image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((repository, tag)) => format!("image: {{repository: \"{repository}\", tag: \"{tag}\"}}\n"),
        None => format!("image: {{repository: \"{image}\"}}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Images;

    fn target(use_current_context: bool, image: &str) -> Target {
        let images = Images {
            operator_image: Some(image.to_owned()),
            kafka_image: Some(image.to_owned()),
        };
        Target {
            name: "local".to_owned(),
            use_current_context,
            images,
        }
    }

    #[test]
    fn an_image_is_split_where_the_chart_wants_it() {
        let values = |image| operator_image(&target(true, image));
        assert_eq!(values("r:5000/o:1"), "image: {repository: \"r:5000/o\", tag: \"1\"}\n");
        assert_eq!(values("r:5000/o"), "image: {repository: \"r:5000/o\"}\n");
        assert_eq!(
            values("r/o@sha256:ab"),
            "image: {repository: \"r/o\", digest: \"sha256:ab\"}\n"
        );
        assert_eq!(operator_image(&target(false, "r/o")), "");
    }

    #[test]
    fn clusters_and_pods_get_the_image() {
        let yaml = "kind: Namespace\n---\nkind: ProductionKafka\nspec:\n  version: 4.3.1\n---\nkind: Pod\nspec:\n  \
            containers: [{image: docker.io/apache/kafka:4.3.1}]\n";
        let changed = with_kafka_image(&target(true, "r/k:1"), yaml);
        assert_eq!(
            changed,
            "kind: Namespace\n---\nkind: ProductionKafka\nspec:\n  image: r/k:1\n  version: 4.3.1\n---\n\
            kind: Pod\nspec:\n  containers: [{image: r/k:1}]\n"
        );
        assert_eq!(with_kafka_image(&target(false, "r/k:1"), yaml), yaml);
    }
}
