//! The two images that every cluster needs before anything runs: the pod sandbox's and `CoreDNS`'s.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::go::{self, Programs};
use super::pack::{Image, docker_archive};
use super::{cached, remove};
use crate::{exec, versions};

/// Name of the `CoreDNS` image inside the cluster.
pub fn coredns_image() -> String {
    format!("registry.k8s.io/coredns/coredns:v{}", versions::COREDNS)
}

/// Name of the sandbox image inside the cluster.
pub fn pause_image() -> String {
    format!("registry.k8s.io/pause:{}", versions::PAUSE)
}

/// `CoreDNS` in an image of its own.
pub fn coredns(programs: &Programs) -> Result<PathBuf> {
    let program = programs.path("coredns")?;
    one_program(
        &format!("image-coredns-{}.tar", versions::COREDNS),
        &coredns_image(),
        "coredns",
        &|to| {
            fs::copy(&program, to).with_context(|| format!("copy {}", program.display()))?;
            Ok(())
        },
    )
}

/// The program that holds a pod's namespaces, compiled from the source in the Kubernetes module.
pub fn pause() -> Result<PathBuf> {
    one_program(
        &format!("image-pause-{}.tar", versions::PAUSE),
        &pause_image(),
        "pause",
        &|to| {
            let mut list = go::command(&Programs::kubernetes_module());
            let module = exec::output(list.args(["list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"]))?;
            crate::packages::for_images()?;
            let mut compiler = Command::new("cc");
            compiler
                .args(["-O2", "-static", "-o"])
                .arg(to)
                .arg(format!("{}/build/pause/linux/pause.c", module.trim()));
            exec::quietly(&mut compiler)
        },
    )
}

fn one_program(
    entry: &str,
    image: &str,
    program: &str,
    place: &dyn Fn(&std::path::Path) -> Result<()>,
) -> Result<PathBuf> {
    cached(entry, |scratch| {
        let layer = scratch.with_extension("layer");
        remove(&layer)?;
        fs::create_dir_all(&layer)?;
        place(&layer.join(program))?;
        let image = Image {
            name: image.to_owned(),
            config: json!({"Entrypoint": [format!("/{program}")], "Env": ["PATH=/"]}),
            ..Image::default()
        };
        docker_archive(&image, std::slice::from_ref(&layer), scratch)?;
        remove(&layer)
    })
}
