//! What a restart does to partitions, simulated before it's done: in-sync replicas minus the batch against the minimum.

use super::decision::node_list;
use super::reason::{Few, Reason};
use super::world::{KafkaView, Partition, SingleReplica};

/// What stands against stopping all brokers of `batch` at once; and what it costs where the policy allows it.
pub(super) fn simulate(view: &KafkaView, batch: &[i32], policy: SingleReplica) -> (Vec<Reason>, Vec<Reason>) {
    let mut losses = Losses::default();
    for partition in view.partitions.iter().filter(|partition| partition.hosts_any(batch)) {
        losses.judge(partition, batch, policy);
    }
    losses.reasons(batch)
}

#[derive(Default)]
struct Losses {
    below: Few,
    last: Few,
    single: Few,
    allowed: Few,
    moving: Few,
}

impl Losses {
    fn judge(&mut self, partition: &Partition, batch: &[i32], policy: SingleReplica) {
        let without = |ids: &[i32]| ids.iter().filter(|id| !batch.contains(id)).count();
        let left = without(&partition.isr);
        let required = partition.required();
        if partition.reassigning {
            self.moving.push(|| partition.name());
        }
        if partition.replicas.len() <= required {
            let full = partition.replicas.iter().all(|id| partition.isr.contains(id));
            let one = partition.isr.len() - left <= 1;
            if policy == SingleReplica::Restart && full && one {
                self.allowed.push(|| partition.name());
            } else {
                self.single.push(|| partition.name());
            }
        } else if left + without(&partition.elr) == 0 {
            self.last.push(|| partition.name());
        } else if left < required {
            self.below.push(|| {
                let replicas = if left == 1 { "replica" } else { "replicas" };
                format!(
                    "{} with {left} in-sync {replicas} (minimum {required})",
                    partition.name()
                )
            });
        }
    }

    fn reasons(self, batch: &[i32]) -> (Vec<Reason>, Vec<Reason>) {
        let what = if batch.len() == 1 { "broker" } else { "brokers" };
        let nodes = format!("{what} {}", node_list(batch));
        let mut against = Vec::new();
        let mut reason = |partitions: Few, make: fn(String, Few) -> Reason| {
            if !partitions.is_empty() {
                against.push(make(nodes.clone(), partitions));
            }
        };
        reason(self.last, |nodes, partitions| Reason::LastReplica { nodes, partitions });
        reason(self.below, |nodes, partitions| Reason::MinIsr { nodes, partitions });
        reason(self.single, |nodes, partitions| Reason::SingleReplica {
            nodes,
            partitions,
        });
        reason(self.moving, |nodes, partitions| Reason::Reassigning {
            nodes,
            partitions,
        });
        let allowed = self.allowed;
        let costs = (!allowed.is_empty()).then_some(Reason::Unavailable { partitions: allowed });
        (against, costs.into_iter().collect())
    }
}
