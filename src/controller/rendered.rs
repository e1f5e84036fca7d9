//! A cluster's objects, rendered and hashed once, and kept while nothing that they follow from changes.

use super::apply::Wish;
use super::status;
use crate::model::{Cluster, Found, Identity};
use crate::render::{self, Child, Input, Kind};
use crate::verify;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Rendered {
    cluster: Cluster,
    identity: Identity,
    operator_image: String,
    certificates: BTreeMap<i32, String>,
    withheld: BTreeSet<i32>,
    found: Found,
    /// What a pod mounts and what protects it.
    pub before: Vec<Wish>,
    pub stateful_sets: Vec<Wish>,
    /// Revision that each StatefulSet asks for.
    pub revisions: BTreeMap<String, String>,
    /// Security controls that fail by these objects.
    pub weak: Vec<verify::Outcome>,
}

impl Rendered {
    /// What `known` holds if it follows from the same, else rendered anew.
    pub fn of(input: &Input<'_>, known: Option<Arc<Self>>) -> Arc<Self> {
        match known {
            Some(known) if known.follows_from(input) => known,
            _ => Arc::new(Self::new(input)),
        }
    }

    fn new(input: &Input<'_>) -> Self {
        let wishes = render::children(input).into_iter().map(Wish::from);
        let (stateful_sets, before): (Vec<Wish>, Vec<Wish>) =
            wishes.partition(|wish| wish.child.kind == Kind::StatefulSet);
        let all: Vec<&Child> = before.iter().chain(&stateful_sets).map(|wish| &wish.child).collect();
        Self {
            weak: status::of_objects(&all),
            cluster: input.cluster.clone(),
            identity: input.identity.clone(),
            operator_image: input.operator_image.to_owned(),
            certificates: input.certificates.clone(),
            withheld: input.withhold_voters.clone(),
            found: input.found.clone(),
            revisions: stateful_sets.iter().filter_map(|wish| revision(&wish.child)).collect(),
            before,
            stateful_sets,
        }
    }

    fn follows_from(&self, input: &Input<'_>) -> bool {
        self.identity == *input.identity
            && self.operator_image == input.operator_image
            && self.certificates == *input.certificates
            && self.withheld == *input.withhold_voters
            && self.found == *input.found
            && self.cluster == *input.cluster
    }

    /// Every object, in the order in which they're applied.
    pub fn children(&self) -> impl Iterator<Item = &Child> {
        self.before.iter().chain(&self.stateful_sets).map(|wish| &wish.child)
    }
}

fn revision(set: &Child) -> Option<(String, String)> {
    let annotations = set.body.pointer("/spec/template/metadata/annotations")?;
    let revision = annotations.get(render::labels::REVISION)?.as_str()?;
    Some((set.name.clone(), revision.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::Plan;
    use crate::model::validate::tests::valid_cluster;

    #[test]
    fn it_is_rendered_again_when_anything_changes_and_only_then() {
        let cluster = valid_cluster();
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &[],
        };
        let identity = plan.complete(None, &mut || [7; 16]);
        let (none, serials, nothing) = (BTreeSet::new(), BTreeMap::new(), Found::default());
        let input = Input {
            cluster: &cluster,
            identity: &identity,
            operator_image: "operator:1",
            certificates: &serials,
            withhold_voters: &none,
            found: &nothing,
        };
        let first = Rendered::of(&input, None);
        assert_eq!(first.revisions.len(), 6);
        assert_eq!(first.children().count(), render::children(&input).len());
        let same = (cluster.clone(), identity.clone());
        let equal = Input {
            cluster: &same.0,
            identity: &same.1,
            ..input
        };
        assert!(Arc::ptr_eq(&first, &Rendered::of(&equal, Some(Arc::clone(&first)))));
        let newer = Cluster {
            jmx_exporter: !cluster.jmx_exporter,
            ..cluster.clone()
        };
        let formed = Identity {
            bootstrapped: true,
            ..identity.clone()
        };
        let users = Found {
            listener_files: Some("1".to_owned()),
            ..Found::default()
        };
        let (renewed, one) = (BTreeMap::from([(100, "01".to_owned())]), BTreeSet::from([0]));
        for (what, changed) in [
            (
                "cluster",
                Input {
                    cluster: &newer,
                    ..input
                },
            ),
            (
                "identity",
                Input {
                    identity: &formed,
                    ..input
                },
            ),
            (
                "image",
                Input {
                    operator_image: "operator:2",
                    ..input
                },
            ),
            (
                "certificates",
                Input {
                    certificates: &renewed,
                    ..input
                },
            ),
            ("found", Input { found: &users, ..input }),
            (
                "withheld",
                Input {
                    withhold_voters: &one,
                    ..input
                },
            ),
        ] {
            let other = Rendered::of(&changed, Some(Arc::clone(&first)));
            assert!(!Arc::ptr_eq(&first, &other), "{what}");
        }
    }
}
