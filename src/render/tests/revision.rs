//! The revision is the pod's answer to "what do you run": it moves with everything that a restart would change, and with
//! nothing else. A miss is a change that never arrives; a false move is a restart for nothing.

use super::*;
use crate::api::{Audit, Quantity, TlsVersion};
use crate::model::{ClientAuth, ClientListener, VolumeClaim};

type Edit = (&'static str, fn(&mut World));

/// Broker 100 must be restarted for each of these.
const RESTARTS: [Edit; 25] = [
    ("image", |w| w.cluster.image = "docker.io/apache/kafka:4.4.0".into()),
    ("broker key", |w| {
        w.cluster.config.insert("queued.max.requests".into(), "9".into());
    }),
    ("JVM option", |w| w.cluster.jvm_options.push("-XX:+UseSerialGC".into())),
    ("JMX exporter", |w| w.cluster.jmx_exporter = false),
    ("replication factor", |w| w.cluster.replication_factor = 2),
    ("min in-sync replicas", |w| w.cluster.min_in_sync_replicas = 1),
    ("topology key", |w| w.cluster.topology_key = Some("rack".into())),
    ("no topology key", |w| w.cluster.topology_key = None),
    ("rack of the node", |w| {
        w.identity.racks.insert(100, "z".into());
    }),
    ("TLS version", |w| w.cluster.security.minimum_tls = TlsVersion::V12),
    ("super user", |w| {
        w.cluster.security.super_users.push("User:root".into());
    }),
    ("audit", |w| w.cluster.security.audit = Audit::All),
    ("listener port", |w| w.cluster.listeners[0].port = 9200),
    ("listener name", |w| w.cluster.listeners[0].name = "other".into()),
    ("listener authentication", |w| {
        w.cluster.listeners[0].authentication = ClientAuth::Mtls;
    }),
    ("another listener", |w| {
        w.cluster.listeners.push(ClientListener {
            name: "more".into(),
            port: 9300,
            authentication: ClientAuth::Mtls,
            exposure: crate::api::Exposure::default(),
            certificate: None,
            allowed_peers: Vec::new(),
        });
    }),
    ("heap", |w| w.cluster.pools[1].heap_mib += 1),
    ("memory", |w| {
        let resources = &mut w.cluster.pools[1].resources;
        resources.limits.insert("memory".into(), Quantity("1Gi".into()));
    }),
    ("one more disk", |w| {
        w.cluster.pools[1].volumes.push(VolumeClaim {
            size: "1Gi".into(),
            storage_class: None,
        });
        let volumes = &w.cluster.pools[1].volumes;
        w.identity.disks.get_mut(&100).unwrap().extend(volumes);
    }),
    ("another disk in the place of one", |w| {
        w.cluster.pools[1].volumes[0].storage_class = Some("fast".into());
        let disks = w.identity.disks.remove(&100).unwrap();
        w.identity
            .disks
            .insert(100, disks.replaced(&w.cluster.pools[1].volumes));
    }),
    ("label", |w| {
        w.cluster.pools[1].template.labels.insert("a".into(), "b".into());
    }),
    ("annotation", |w| {
        w.cluster.pools[1].template.annotations.insert("a".into(), "b".into());
    }),
    ("node selector", |w| {
        w.cluster.pools[1].template.node_selector.insert("a".into(), "b".into());
    }),
    ("tolerations, affinity", |w| {
        w.cluster.pools[1].template = combined_cluster().pools[0].template.clone();
    }),
    ("priority class", |w| {
        w.cluster.pools[1].template.priority_class_name = Some("high".into());
    }),
];

/// No pod may be restarted for any of these.
const NO_RESTART: [Edit; 14] = [
    ("dynamic broker key", |w| {
        w.cluster.config.insert("num.io.threads".into(), "9".into());
    }),
    ("operator image", |w| w.operator_image = "operator:2".into()),
    ("voters withheld", |w| {
        w.withhold_voters.insert(0);
    }),
    ("quorum stands", |w| w.identity.bootstrapped = true),
    ("certificate renewed", |w| {
        w.certificates.insert(100, "other".into());
        w.certificates.insert(0, "other".into());
    }),
    ("certificate not known", |w| w.certificates.clear()),
    ("volume seen", |w| {
        w.identity.volumes.insert(0, "uid".into());
    }),
    ("order of listeners", |w| w.cluster.listeners.reverse()),
    ("more room", |w| w.cluster.pools[1].volumes[0].size = "9Gi".into()),
    ("a class that isn't taken up yet", |w| {
        w.cluster.pools[1].volumes[0].storage_class = Some("fast".into());
    }),
    ("network policies", |w| w.cluster.security.network_policy = false),
    ("allowed peers", |w| {
        w.cluster.listeners[0]
            .allowed_peers
            .push(crate::api::NetworkPeer::default());
    }),
    ("lifetime of certificates", |w| {
        w.cluster.security.leaf_lifetime = std::time::Duration::from_hours(2);
    }),
    ("generation", |w| w.cluster.generation += 1),
];

#[test]
fn what_a_restart_would_change_moves_the_revision() {
    let before = demo().revision(100);
    let mut seen = BTreeMap::from([(before, "unchanged")]);
    for (name, edit) in RESTARTS {
        let mut world = demo();
        edit(&mut world);
        let revision = world.revision(100);
        assert_eq!(seen.insert(revision, name), None, "{name}");
    }
}

#[test]
fn nothing_else_moves_it() {
    for (name, edit) in NO_RESTART {
        let mut world = demo();
        edit(&mut world);
        for id in [0, 100] {
            assert_eq!(world.revision(id), demo().revision(id), "{name}");
        }
    }
}

#[test]
fn a_change_to_one_pool_leaves_the_other_alone() {
    let mut world = demo();
    world.cluster.pools[1].heap_mib += 1;
    world.cluster.config.insert("queued.max.requests".into(), "9".into());
    assert_eq!(world.revision(0), demo().revision(0));
    world.cluster.config.insert("num.partitions".into(), "9".into());
    assert_ne!(world.revision(0), demo().revision(0));
}

#[test]
fn the_voters_of_the_first_day_are_offered_only_while_the_quorum_is_formed() {
    let offered = |world: &World, id: i32| {
        let env = world.template(id)["spec"]["initContainers"][1]["env"].clone();
        let voters = env
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == INITIAL_VOTERS)
            .cloned();
        voters.map(|one| one["value"].as_str().unwrap().to_owned())
    };
    let mut world = demo();
    assert_eq!(offered(&world, 0), Some(world.identity.initial_voters.clone()));
    assert_eq!(offered(&world, 100), None);
    world.withhold_voters.insert(0);
    assert_eq!((offered(&world, 0), offered(&world, 1).is_some()), (None, true));
    world.withhold_voters.clear();
    world.identity.directory_ids.remove(&2);
    assert_eq!((offered(&world, 0).is_some(), offered(&world, 2)), (true, None));
    world.identity.bootstrapped = true;
    assert_eq!((offered(&world, 0), offered(&world, 1)), (None, None));
}

#[test]
fn the_pod_says_which_certificate_it_was_started_with() {
    let mut world = demo();
    assert_eq!(
        world.template(100)["metadata"]["annotations"][labels::CERTIFICATE],
        "0100af"
    );
    world.certificates.clear();
    assert!(world.template(100)["metadata"]["annotations"][labels::CERTIFICATE].is_null());
}
