//! Which claims a node's disks are. The resource says what disks a node shall have; this says what it has, so that a
//! different one is another claim, taken into use for one node at a time, and no claim is ever used twice: its old
//! replicas would stand beside the new ones.

use super::VolumeClaim;
use serde::{Deserialize, Serialize};

/// The disks of one node, by their position in the pool's `volumes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeDisks {
    pub disks: Vec<NodeDisk>,
    /// How many claims were ever used at each position.
    pub used: Vec<u32>,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeDisk {
    /// How many claims were used before it at its position.
    pub generation: u32,
    /// Class that the resource named when it was made, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

impl NodeDisks {
    /// Adds what's asked for beyond what's there. A disk more endangers nothing, so it needs no turn.
    pub fn extend(&mut self, wanted: &[VolumeClaim]) {
        for volume in wanted.iter().skip(self.disks.len()) {
            let disk = self.fresh(self.disks.len(), volume.storage_class.clone());
            self.disks.push(disk);
        }
    }

    /// Whether a disk is of another class than the resource asks for, or more than it asks for: taking up what's wanted
    /// takes data from the node.
    pub fn differs(&self, wanted: &[VolumeClaim]) -> bool {
        self.disks.len() > wanted.len()
            || self
                .disks
                .iter()
                .zip(wanted)
                .any(|(disk, volume)| disk.class != volume.storage_class)
    }

    /// The disks as the resource asks for them: another claim for each that differs, none for those too many.
    #[must_use]
    pub fn replaced(mut self, wanted: &[VolumeClaim]) -> Self {
        self.disks.truncate(wanted.len());
        for (index, volume) in wanted.iter().enumerate() {
            if self
                .disks
                .get(index)
                .is_some_and(|disk| disk.class != volume.storage_class)
            {
                let disk = self.fresh(index, volume.storage_class.clone());
                if let Some(slot) = self.disks.get_mut(index) {
                    *slot = disk;
                }
            }
        }
        self.extend(wanted);
        self
    }

    /// Another claim for each: the present ones are never used again.
    #[must_use]
    pub fn abandoned(mut self) -> Self {
        for index in 0..self.disks.len() {
            let class = self.disks.get(index).and_then(|disk| disk.class.clone());
            let disk = self.fresh(index, class);
            if let Some(slot) = self.disks.get_mut(index) {
                *slot = disk;
            }
        }
        self
    }

    fn fresh(&mut self, index: usize, class: Option<String>) -> NodeDisk {
        if self.used.len() <= index {
            self.used.resize(index + 1, 0);
        }
        let mut generation = 0;
        if let Some(used) = self.used.get_mut(index) {
            generation = *used;
            *used += 1;
        }
        NodeDisk { generation, class }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volumes(classes: &[Option<&str>]) -> Vec<VolumeClaim> {
        let volume = |class: Option<&str>| VolumeClaim {
            size: "1Gi".into(),
            storage_class: class.map(str::to_owned),
        };
        classes.iter().copied().map(volume).collect()
    }

    fn generations(disks: &NodeDisks) -> Vec<u32> {
        disks.disks.iter().map(|disk| disk.generation).collect()
    }

    #[test]
    fn abandoned_disks_are_others_of_the_same_classes() {
        let wanted = volumes(&[None, Some("fast")]);
        let mut disks = NodeDisks::default();
        disks.extend(&wanted);
        let disks = disks.abandoned();
        assert_eq!(generations(&disks), [1, 1]);
        assert!(!disks.differs(&wanted));
        assert_eq!(generations(&disks.abandoned()), [2, 2]);
    }

    #[test]
    fn no_claim_is_used_twice() {
        let mut disks = NodeDisks::default();
        disks.extend(&volumes(&[None]));
        assert_eq!(generations(&disks), [0]);
        disks.extend(&volumes(&[None, Some("fast")]));
        assert_eq!(generations(&disks), [0, 0]);
        assert!(!disks.differs(&volumes(&[None, Some("fast")])));
        let faster = volumes(&[Some("fast"), Some("fast")]);
        assert!(disks.differs(&faster));
        let disks = disks.replaced(&faster);
        assert_eq!(generations(&disks), [1, 0]);
        assert!(!disks.differs(&faster));
        let one = volumes(&[Some("fast")]);
        assert!(disks.differs(&one));
        let mut disks = disks.replaced(&one);
        assert_eq!(generations(&disks), [1]);
        disks.extend(&faster);
        assert_eq!(generations(&disks), [1, 1], "the disk that went isn't taken up again");
    }
}
