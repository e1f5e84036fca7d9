//! Settings of brokers and topics while replicas move: throttles, and the cordon of brokers that leave. The planner says
//! which; here they become requests, in its order.

use crate::kafka::configs::{ConfigChange, ConfigOp, ConfigResource};
use crate::rebalance::{ThrottleChange, ThrottleTarget};
use std::collections::BTreeSet;

/// Log dirs of a broker that are given no new replicas (KIP-1066); `*` is all.
pub const CORDONED: &str = "cordoned.log.dirs";
/// `metadata.version` from which on controllers heed it, 4.3-IV0.
pub const CORDON_SINCE: i16 = 30;
/// What is read of brokers and topics.
pub const KEYS: [&str; 5] = [
    CORDONED,
    "follower.replication.throttled.rate",
    "follower.replication.throttled.replicas",
    "leader.replication.throttled.rate",
    "leader.replication.throttled.replicas",
];

/// Requests that carry `changes` out one after the other. What is in one request has no order, so that each holds
/// neighbours of one kind only.
pub fn requests(changes: &[ThrottleChange]) -> Vec<Vec<ConfigChange>> {
    let is_rate = |change: &ThrottleChange| matches!(change.target, ThrottleTarget::Broker(_));
    let same = |one: &ThrottleChange, next: &ThrottleChange| {
        is_rate(one) == is_rate(next) && one.value.is_some() == next.value.is_some()
    };
    changes.chunk_by(same).map(request).collect()
}

fn request(changes: &[ThrottleChange]) -> Vec<ConfigChange> {
    let mut all: Vec<ConfigChange> = Vec::new();
    for change in changes {
        let resource = match &change.target {
            ThrottleTarget::Broker(id) => ConfigResource::Broker(*id),
            ThrottleTarget::Topic(topic) => ConfigResource::Topic(topic.clone()),
        };
        let op = op(change.key, change.value.as_deref());
        match all.iter_mut().find(|known| known.resource == resource) {
            Some(known) => known.ops.push(op),
            None => all.push(ConfigChange {
                resource,
                ops: vec![op],
            }),
        }
    }
    all
}

fn op(name: &str, value: Option<&str>) -> ConfigOp {
    let name = name.to_owned();
    match value {
        Some(value) => ConfigOp::Set {
            name,
            value: value.to_owned(),
        },
        None => ConfigOp::Delete { name },
    }
}

/// Cordons of `up` brokers that leave, and of those that `left` and stay now after all. Those that a person cordoned are
/// let be.
pub fn cordons(
    cordoned: &BTreeSet<i32>,
    leaving: &BTreeSet<i32>,
    left: &BTreeSet<i32>,
    up: &BTreeSet<i32>,
) -> Vec<ConfigChange> {
    let change = |id: &i32, value: Option<&str>| ConfigChange {
        resource: ConfigResource::Broker(*id),
        ops: vec![op(CORDONED, value)],
    };
    let close = leaving.difference(cordoned).filter(|id| up.contains(id));
    let open = left.difference(leaving).filter(|id| cordoned.contains(id));
    close
        .map(|id| change(id, Some("*")))
        .chain(open.map(|id| change(id, None)))
        .collect()
}

/// All that was ever set here for one broker, taken away.
pub fn forgotten(id: i32) -> ConfigChange {
    let rates = KEYS.iter().filter(|key| !key.ends_with(".replicas"));
    ConfigChange {
        resource: ConfigResource::Broker(id),
        ops: rates.map(|key| op(key, None)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(target: ThrottleTarget, key: &'static str, value: Option<&str>) -> ThrottleChange {
        ThrottleChange {
            target,
            key,
            value: value.map(str::to_owned),
        }
    }

    #[test]
    fn what_has_an_order_is_not_put_into_one_request() {
        let (leader, follower, list) = (KEYS[3], KEYS[1], KEYS[2]);
        let topic = |name: &str| ThrottleTarget::Topic(name.to_owned());
        let changes = [
            change(ThrottleTarget::Broker(1), leader, Some("5")),
            change(ThrottleTarget::Broker(1), follower, Some("5")),
            change(ThrottleTarget::Broker(2), leader, Some("5")),
            change(topic("t"), list, Some("0:1")),
            change(topic("u"), list, None),
            change(ThrottleTarget::Broker(3), leader, None),
        ];
        let requests = requests(&changes);
        let resources: Vec<Vec<&ConfigResource>> = requests
            .iter()
            .map(|request| request.iter().map(|change| &change.resource).collect())
            .collect();
        let expected = [
            vec![ConfigResource::Broker(1), ConfigResource::Broker(2)],
            vec![ConfigResource::Topic("t".into())],
            vec![ConfigResource::Topic("u".into())],
            vec![ConfigResource::Broker(3)],
        ];
        assert_eq!(
            resources,
            expected.iter().map(|all| all.iter().collect()).collect::<Vec<Vec<_>>>()
        );
        assert_eq!(requests[0][0].ops.len(), 2);
    }

    #[test]
    fn only_our_own_cordons_are_taken_away() {
        let set = |ids: &[i32]| ids.iter().copied().collect::<BTreeSet<i32>>();
        let changes = cordons(&set(&[1, 2, 9]), &set(&[2, 3, 4]), &set(&[1, 2]), &set(&[1, 2, 3, 9]));
        let expected = [
            ConfigChange {
                resource: ConfigResource::Broker(3),
                ops: vec![op(CORDONED, Some("*"))],
            },
            ConfigChange {
                resource: ConfigResource::Broker(1),
                ops: vec![op(CORDONED, None)],
            },
        ];
        assert_eq!(changes, expected);
        assert_eq!(forgotten(7).ops.len(), 3);
    }
}
