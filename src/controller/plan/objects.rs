//! Objects that would be created, changed or deleted: each rendered, read and compared as the operator does it. Of a change
//! only the paths are told, so that no Secret's value ever is.

use super::removed::removed;
use super::{Action, Draft, ObjectChange, Plan};
use crate::api::Reclaim;
use crate::controller::accepted::Accepted;
use crate::controller::access::rights;
use crate::controller::apply::{self, Look, WISH};
use crate::controller::compare;
use crate::controller::context::MANAGER;
use crate::controller::error::PassError;
use crate::controller::identity::cluster_key;
use crate::controller::ledger::ObjectKey;
use crate::controller::listener_files;
use crate::controller::pods::PodFact;
use crate::controller::protection;
use crate::controller::prune;
use crate::controller::rendered::Rendered;
use crate::controller::routes;
use crate::controller::status;
use crate::controller::trust::Stored;
use crate::model::Node;
use crate::pki::IssueReason;
use crate::render::labels::NODE_ID;
use crate::render::{self, Child, Kind, Spare};
use serde_json::Value;

impl Draft<'_> {
    /// Fills in the objects; the restarts are known by now.
    pub(super) async fn objects(&self, rendered: &Rendered, plan: &mut Plan) -> Result<(), PassError> {
        let accepted = Accepted::new(self.cluster, &self.resource.spec);
        let budgets = render::budgets(self.cluster, self.spare(), PodFact::any_combined(&self.pods));
        let identity = render::identity_config_map(&self.cluster.names, &self.identity);
        let identity = (self.facts.identity.as_ref() != Some(&self.identity)).then_some(identity);
        let stored = self.certificates.iter();
        let secrets = stored.flat_map(Stored::kept).map(|wish| &wish.child);
        let routes = render::routes(self.cluster, &self.identity);
        let own = rendered.children().chain(&budgets).chain([accepted.child()]);
        let all = own.chain(&identity).chain(secrets).chain(&routes);
        let looks = apply::side_by_side(all.map(|child| self.compared(child)).collect()).await?;
        for look in looks {
            match look {
                Ok(change) => plan.objects.extend(change),
                Err(why) => plan.hold(why),
            }
        }
        self.certificates(plan);
        self.of_listeners(plan);
        for route in routes::left_over(self.context, self.cluster, &self.identity).await? {
            plan.objects
                .push(change(Action::Delete, &self.key(Kind::TLSRoute, &route), Vec::new()));
        }
        self.access_rights(plan);
        self.leftovers(rendered, (accepted.child(), &budgets), plan);
        self.of_nodes_that_leave(rendered, plan);
        if protection::step(self.resource, false) != protection::Step::Nothing {
            plan.objects.push(ObjectChange {
                action: Action::Change,
                kind: "ProductionKafka",
                name: self.cluster.names.cluster.clone(),
                fields: vec!["metadata.finalizers".to_owned()],
            });
        }
        plan.objects
            .sort_by(|one, other| (one.action, one.kind, &one.name).cmp(&(other.action, other.kind, &other.name)));
        plan.objects.dedup();
        Ok(())
    }

    /// What the budgets are made for now.
    fn spare(&self) -> Spare {
        let conditions = self.resource.status.iter().flat_map(|status| status.conditions.clone());
        let conditions: Vec<_> = conditions.collect();
        Spare {
            brokers: status::is_true(&conditions, "FullyReplicated"),
            controllers: status::is_true(&conditions, "QuorumHealthy"),
        }
    }

    /// What would be written; an error's words if the object is somebody else's.
    async fn compared(&self, child: &Child) -> Result<Result<Option<ObjectChange>, String>, PassError> {
        let key = apply::key_of(&self.cluster.names.namespace, child);
        let look = match apply::look(self.context, &key, child).await {
            Ok(look) => look,
            Err(error @ (PassError::Foreign { .. } | PassError::Former { .. })) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        if look.is_same() {
            return Ok(Ok(None));
        }
        Ok(Ok(Some(match &look.live {
            None => change(Action::Create, &key, Vec::new()),
            Some(_) => change(Action::Change, &key, fields(&look)),
        })))
    }

    /// Secrets with a certificate that would be issued.
    fn certificates(&self, plan: &mut Plan) {
        let Some(stored) = &self.certificates else {
            plan.notes
                .push("Secrets can't be read from here: renewals of certificates aren't told".to_owned());
            return;
        };
        plan.notes.extend(stored.authorities.iter().cloned());
        for (secret, reason) in &stored.due {
            let key = self.key(Kind::Secret, secret);
            if *reason == IssueReason::Missing {
                plan.objects.push(change(Action::Create, &key, Vec::new()));
                let sentinel = self.key(Kind::ConfigMap, &render::sentinel_name(secret));
                plan.objects.push(change(Action::Create, &sentinel, Vec::new()));
            } else {
                let field = format!("certificate ({reason:?})");
                plan.objects.push(change(Action::Change, &key, vec![field]));
            }
        }
    }

    /// Secrets with files of listeners and with the key of delegation tokens.
    fn of_listeners(&self, plan: &mut Plan) {
        let (names, tokens) = (&self.cluster.names, self.cluster.security.delegation_tokens);
        let files = self.pods.iter().any(|pod| pod.listener_files.is_some());
        let key = self.pods.iter().any(|pod| pod.delegation_key.is_some());
        for (name, needed, in_use) in [
            (names.listener_files(), listener_files::any(self.cluster), files),
            (names.delegation_key(), tokens.is_some(), key),
        ] {
            let secret = self.key(Kind::Secret, &name);
            let sentinel = self.key(Kind::ConfigMap, &render::sentinel_name(&name));
            if needed && !self.context.stores.has_child(&sentinel) {
                for made in [&secret, &sentinel] {
                    plan.objects.push(change(Action::Create, made, Vec::new()));
                }
            } else if !needed && in_use {
                let emptied = vec!["data (emptied)".to_owned()];
                plan.objects.push(change(Action::Change, &secret, emptied));
            }
        }
    }

    /// The documents of the users' rights, and the Job that carries them out. In a cluster that there is already they follow from
    /// the users, whatever this resource says.
    fn access_rights(&self, plan: &mut Plan) {
        let names = &self.cluster.names;
        if self
            .context
            .stores
            .has_child(&self.key(Kind::ConfigMap, &names.identity()))
        {
            return;
        }
        let users = self.context.stores.users_of(&cluster_key(names));
        for (kind, name) in rights::first(names, &users) {
            plan.objects
                .push(change(Action::Create, &self.key(kind, &name), Vec::new()));
        }
    }

    /// What would be pruned, once the pods that restart use it no more.
    fn leftovers(&self, rendered: &Rendered, (accepted, budgets): (&Child, &[Child]), plan: &mut Plan) {
        let key = cluster_key(&self.cluster.names);
        let all = rendered.children().chain(budgets);
        let wanted: Vec<&Child> = all.chain([accepted]).collect();
        let goes = |pod: &&PodFact| {
            let mut restarts = plan.restarts.iter().flat_map(|step| &step.pods);
            restarts.any(|restart| restart.pod == pod.name)
        };
        let stays: Vec<PodFact> = self.pods.iter().filter(|pod| !goes(pod)).cloned().collect();
        let children = self.context.stores.children_of(&key);
        for (child, _) in prune::leftovers(&children, (&key.name, &self.cluster.uid), &wanted, &stays) {
            plan.objects.push(change(Action::Delete, child, Vec::new()));
        }
    }

    /// What goes with a node, once it's empty and has no vote.
    fn of_nodes_that_leave(&self, rendered: &Rendered, plan: &mut Plan) {
        for node in self.cluster.nodes(&self.identity).iter().filter(|node| node.leaving) {
            let files = rendered.children().filter(|child| is_file_of(child, node));
            let mut keys: Vec<ObjectKey> = files.map(|file| self.key(file.kind, &file.name)).collect();
            keys.push(self.key(Kind::StatefulSet, &node.names.stateful_set));
            for secret in [&node.names.tls_secret, &node.names.server_tls_secret] {
                keys.push(self.key(Kind::Secret, secret));
                keys.push(self.key(Kind::ConfigMap, &render::sentinel_name(secret)));
            }
            if node.pool.reclaim == Reclaim::Delete && self.facts.may_delete_volumes {
                let claims = node.disks.iter().map(|disk| disk.claim.as_str());
                keys.extend(claims.map(|claim| self.key(Kind::PersistentVolumeClaim, claim)));
            }
            plan.objects.retain(|one| {
                !keys
                    .iter()
                    .any(|key| key.kind.as_str() == one.kind && key.name == one.name)
            });
            plan.objects
                .extend(keys.iter().map(|key| change(Action::Delete, key, Vec::new())));
        }
    }

    fn key(&self, kind: Kind, name: &str) -> ObjectKey {
        ObjectKey::new(kind, &self.cluster.names.namespace, name)
    }
}

fn is_file_of(child: &Child, node: &Node<'_>) -> bool {
    let labels = child.body.pointer("/metadata/labels");
    let id = labels.and_then(|labels| labels.get(NODE_ID)).and_then(Value::as_str);
    child.kind == Kind::ConfigMap && id == Some(node.id.to_string().as_str())
}

fn change(action: Action, key: &ObjectKey, fields: Vec<String>) -> ObjectChange {
    ObjectChange {
        action,
        kind: key.kind.as_str(),
        name: key.name.clone(),
        fields,
    }
}

/// What differs, and what isn't asked for any more.
fn fields(look: &Look) -> Vec<String> {
    let stamp = format!("metadata.annotations.{WISH}");
    let live = serde_json::to_value(&look.live).unwrap_or_default();
    let mut fields = compare::differences(&live, &look.wanted);
    fields.retain(|field| *field != stamp);
    let gone = removed(&live, &look.wanted, MANAGER).into_iter();
    fields.extend(gone.map(|field| format!("{field} (removed)")));
    if fields.is_empty() {
        fields.push("fields that aren't asked for any more".to_owned());
    }
    fields
}
