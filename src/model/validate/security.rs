//! Lifetimes of certificates, super users.

use super::Findings;
use crate::api::{AuthenticationType, DelegationTokens, DurationText, GivenAuthority, Listener, Security, Tls};
use crate::model::measure;
use crate::model::{GivenAuthorities, SecuritySettings, TokenLifetimes};
use std::time::Duration;

/// A leaf of less can't be rolled out in time.
const SHORTEST_LEAF: Duration = Duration::from_hours(1);

pub fn check(security: &Security, listeners: &[Listener], findings: &mut Findings) -> Option<SecuritySettings> {
    let tls = &security.tls;
    let authorities = authorities(tls, findings);
    let given = security.delegation_tokens.as_ref();
    let tokens = given.map(|tokens| token_lifetimes(tokens, listeners, findings));
    let mut read = |text, field| duration(text, &format!("tls.{field}"), findings);
    let leaf = read(&tls.leaf_lifetime, "leafLifetime");
    let node_leaf = read(&tls.node_leaf_lifetime, "nodeLeafLifetime");
    let ca = read(&tls.ca_lifetime, "caLifetime");
    let overlap = read(&tls.trust_overlap, "trustOverlap");
    let before = read(&tls.renew_before, "renewBefore");
    super_users(&security.authorization.super_users, findings);
    // Outer: whether they're asked for. Inner: whether they can be read.
    let delegation_tokens = match tokens {
        Some(read) => Some(read?),
        None => None,
    };
    let (leaf_lifetime, ca_lifetime, renew_before) = (leaf?, ca?, before?);
    let (node_leaf_lifetime, trust_overlap) = (node_leaf?, overlap?);
    if leaf_lifetime < SHORTEST_LEAF {
        findings.add(
            "spec.security.tls.leafLifetime",
            "is under an hour: too short to be renewed in time",
        );
    }
    if renew_before * 3 > leaf_lifetime * 2 {
        findings.add(
            "spec.security.tls.renewBefore",
            "is more than two thirds of leafLifetime: certificates would be renewed all the time; lower it",
        );
    }
    if node_leaf_lifetime < SHORTEST_LEAF {
        findings.add(
            "spec.security.tls.nodeLeafLifetime",
            "is under an hour: too short to restart every node in time",
        );
    }
    if renew_before * 2 > node_leaf_lifetime {
        findings.add(
            "spec.security.tls.nodeLeafLifetime",
            "is less than twice renewBefore: nodes would be restarted all the time; raise it, or lower renewBefore",
        );
    }
    if ca_lifetime < leaf_lifetime * 2 {
        findings.add(
            "spec.security.tls.caLifetime",
            "is less than twice leafLifetime: raise it",
        );
    }
    Some(SecuritySettings {
        authorities,
        key_algorithm: tls.key_algorithm,
        leaf_lifetime,
        node_leaf_lifetime,
        trust_overlap,
        ca_lifetime,
        renew_before,
        minimum_tls: tls.minimum_version,
        super_users: security.authorization.super_users.clone(),
        prune: security.authorization.prune,
        audit: security.authorization.audit,
        network_policy: security.network_policy.enabled,
        delegation_tokens,
    })
}

fn authorities(tls: &Tls, findings: &mut Findings) -> GivenAuthorities {
    let name = |given: &Option<GivenAuthority>| given.as_ref().map(|given| given.secret_name.clone());
    let given = GivenAuthorities {
        cluster: name(&tls.cluster_authority),
        clients: name(&tls.clients_authority),
    };
    if given.cluster.is_some() && given.cluster == given.clients {
        findings.add(
            "spec.security.tls.clientsAuthority.secretName",
            "is the Secret of clusterAuthority too: users would be taken for nodes; give each an authority of its own",
        );
    }
    given
}

fn duration(text: &DurationText, field: &str, findings: &mut Findings) -> Option<Duration> {
    let value = measure::duration(text);
    if value.is_none() {
        let message = format!(
            "{:?} isn't a duration: a number and one of s, m, h, d, y, such as 90d",
            text.0
        );
        findings.add(format!("spec.security.{field}"), message);
    }
    value
}

fn token_lifetimes(
    tokens: &DelegationTokens,
    listeners: &[Listener],
    findings: &mut Findings,
) -> Option<TokenLifetimes> {
    let expiry = duration(&tokens.expiry, "delegationTokens.expiry", findings);
    let longest = duration(&tokens.max_lifetime, "delegationTokens.maxLifetime", findings);
    let scram = |listener: &Listener| listener.authentication.kind == AuthenticationType::ScramSha512;
    if !listeners.iter().any(scram) {
        findings.add(
            "spec.security.delegationTokens",
            "needs a listener with authentication ScramSha512, which is how clients use tokens: add one or leave tokens out",
        );
    }
    let (expiry, max_lifetime) = (expiry?, longest?);
    if expiry > max_lifetime {
        findings.add(
            "spec.security.delegationTokens.expiry",
            "is longer than maxLifetime: shorten it",
        );
    }
    Some(TokenLifetimes { expiry, max_lifetime })
}

fn super_users(users: &[String], findings: &mut Findings) {
    for user in users {
        let name = user.strip_prefix("User:").unwrap_or_default();
        let plain = !name.is_empty() && !name.contains([';', '\n', '\r', '\\']);
        if !plain || name == "*" || name == "ANONYMOUS" {
            findings.add(
                "spec.security.authorization.superUsers",
                format!("{user:?} isn't a principal that can be a super user: write User:<name>"),
            );
        }
    }
}
