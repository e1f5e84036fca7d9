//! The image with those that clients prove themselves to: an OpenID provider, compiled from Go modules, and MIT Kerberos from
//! Debian. Only suites use it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::pack::{Image, docker_archive};
use super::{cached, debian, go, remove};
use crate::{digest, packages};

/// Name of the image inside the cluster.
pub const IMAGE: &str = "localhost/authentication-peers:1";

const PACKAGES: [&str; 20] = [
    "bash",
    "busybox-static",
    "krb5-admin-server",
    "krb5-kdc",
    "libc6",
    "libcom-err2",
    "libev4",
    "libgssapi-krb5-2",
    "libgssrpc4",
    "libk5crypto3",
    "libkadm5srv-mit12",
    "libkdb5-10",
    "libkeyutils1",
    "libkrb5-3",
    "libkrb5support0",
    "libss2",
    "libssl3",
    "libtinfo6",
    "libverto-libev1",
    "libverto1",
];

/// The docker archive.
pub fn image() -> Result<PathBuf> {
    let provider = go::one("oidc")?;
    let key = digest::hex(format!("{} {PACKAGES:?} 1", provider.display()).as_bytes());
    let name = format!("image-peers-{}.tar", key.get(..12).unwrap_or(&key));
    cached(&name, |archive| {
        println!("assembling the image of an OpenID provider and a Kerberos KDC");
        packages::for_images()?;
        let layer = archive.with_extension("layer");
        remove(&layer)?;
        debian::layer(&layer, &PACKAGES)?;
        fs::copy(&provider, layer.join("usr/bin/oidc"))?;
        fs::write(
            layer.join("etc/passwd"),
            "root:x:0:0::/root:/bin/sh\nappuser:x:1000:1000::/tmp:/bin/sh\n",
        )?;
        let image = Image {
            name: IMAGE.to_owned(),
            config: json!({"User": "1000:1000", "Env": ["PATH=/usr/sbin:/usr/bin"]}),
            modes: BTreeMap::from([("/tmp".to_owned(), 0o1777)]),
            ..Image::default()
        };
        docker_archive(&image, std::slice::from_ref(&layer), archive)?;
        remove(&layer)
    })
}
