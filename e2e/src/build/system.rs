//! The one image that a cluster needs before anything runs: the pod sandbox's.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::go::{self, Programs};
use super::pack::{Image, docker_archive};
use super::{cached, remove};
use crate::{exec, packages, versions};

/// Name of the sandbox image inside the cluster.
pub fn pause_image() -> String {
    format!("registry.k8s.io/pause:{}", versions::PAUSE)
}

/// The program that holds a pod's namespaces, compiled from the source in the Kubernetes module.
pub fn pause() -> Result<PathBuf> {
    cached(&format!("image-pause-{}.tar", versions::PAUSE), |archive| {
        packages::for_images()?;
        let mut list = go::command(&Programs::kubernetes_module());
        list.args(["mod", "download", "-json", "k8s.io/kubernetes"]);
        let answer: Value =
            serde_json::from_str(&exec::output(&mut list)?).context("parse what go mod download says")?;
        let module = answer
            .get("Dir")
            .and_then(Value::as_str)
            .context("find the Kubernetes module")?;
        let layer = archive.with_extension("layer");
        remove(&layer)?;
        fs::create_dir_all(&layer)?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-static", "-o"]).arg(layer.join("pause"));
        exec::quietly(compiler.arg(format!("{module}/build/pause/linux/pause.c")))?;
        let config = json!({"Entrypoint": ["/pause"], "User": "65535:65535"});
        let image = Image {
            name: pause_image(),
            config,
            ..Image::default()
        };
        docker_archive(&image, std::slice::from_ref(&layer), archive)?;
        remove(&layer)
    })
}
