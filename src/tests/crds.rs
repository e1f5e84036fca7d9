//! `crds/` is generated from the types; a difference means that one of the two was changed alone.

use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn the_definitions_in_the_repository_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let written: BTreeMap<String, String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    let generated: BTreeMap<String, String> = crate::cli::crd::definitions().unwrap().into_iter().collect();
    for name in written.keys().chain(generated.keys()) {
        assert!(
            written.get(name) == generated.get(name),
            "crds/{name} isn't what the types say: run `cargo run -- crd --dir crds` (and delete files of kinds that are gone)"
        );
    }
}
