//! Issuers whose tokens no route accepts, issuers whose subjects reach the same origin, and risky lifetimes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use portcullis::policy::url::Origin;
use portcullis::policy::{Issuer, PlaceStep};

use super::linter::Linter;
use crate::finding::rule::{LOGTO_ISSUER, LONG_LEEWAY, NO_COOLDOWN, NO_STALE_KEYS, SHARED_SUBJECTS, UNUSED_ISSUER};

/// The clocks of servers differ by less.
const MAX_LEEWAY: u64 = 120;

pub(super) fn lint(lint: &mut Linter<'_>) {
    // A status for tokens of all issuers says nothing of any.
    let status = lint.policy.status.iter().filter(|own| own.issuers.len() < lint.policy.issuers.len());
    let requirements = lint.policy.routes.iter().filter_map(|route| route.requirement()).chain(status);
    let used: HashSet<usize> = requirements.flat_map(|requirement| requirement.issuers.iter().copied()).collect();
    for (index, issuer) in lint.policy.issuers.iter().enumerate() {
        if !used.contains(&index) {
            let place = [PlaceStep::Key("issuers"), PlaceStep::Key(&issuer.name)];
            lint.note(&UNUSED_ISSUER, &place, "no route accepts the tokens of this issuer");
        }
        logto(lint, issuer);
        lifetimes(lint, issuer);
    }
    shared_subjects(lint);
}

/// Logto's tokens have the issuer `https://<tenant>.logto.app/oidc`, which is not the endpoint that its console shows
/// first.
fn logto(lint: &mut Linter<'_>, issuer: &Issuer) {
    if let Some(meant) = logto_issuer(&issuer.issuer) {
        let place = [PlaceStep::Key("issuers"), PlaceStep::Key(&issuer.name), PlaceStep::Key("issuer")];
        let message = "looks like a Logto tenant, but is not the issuer of its tokens: every token is refused";
        lint.note(&LOGTO_ISSUER, &place, message).suggest(meant);
    }
}

/// The issuer of a Logto tenant, if another URL of it was given.
pub(crate) fn logto_issuer(given: &str) -> Option<String> {
    let rest = given.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_tenant = host.to_ascii_lowercase().strip_suffix(".logto.app").is_some_and(|name| !name.is_empty());
    let meant = format!("https://{}/oidc", host.to_ascii_lowercase());
    (is_tenant && given != meant).then_some(meant)
}

/// A subject is unique within its issuer only (RFC 7519 §4.1.2, OpenID Connect Core 1.0 §2).
fn shared_subjects(lint: &mut Linter<'_>) {
    let mut issuers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for route in &lint.policy.routes {
        let origin = match route.forwarding().map(|forwarding| &forwarding.origin) {
            Some(Origin::Url { root, .. }) => root,
            Some(Origin::Service(binding)) => binding,
            Some(Origin::Passthrough) | None => "",
        };
        let taken = route.requirement().into_iter().flat_map(|requirement| &requirement.issuers);
        issuers.entry(origin).or_default().extend(taken);
    }
    let of = |index: &usize| lint.policy.issuers.get(*index);
    let has_tenants = |issuers: &BTreeSet<usize>| {
        issuers.iter().filter_map(of).any(|issuer| issuer.tenants.as_ref().is_some_and(|tenants| tenants.count() > 1))
    };
    let Some(shared) = issuers.into_values().find(|issuers| issuers.len() > 1 || has_tenants(issuers)) else { return };
    let names: Vec<&str> = shared.iter().filter_map(of).map(|issuer| issuer.name.as_str()).collect();
    let Some((last, others)) = names.split_last() else { return };
    let message = if others.is_empty() {
        format!("an origin receives subjects of all tenants of {last}: two tenants can use the same one")
    } else {
        format!("an origin receives subjects of {} and {last}: two issuers can use the same one", others.join(", "))
    };
    let identity = &lint.policy.identity;
    let help = match &identity.assertion {
        Some(_) => "compare the assertion's `sub_id`, which combines issuer and subject (RFC 9493)".to_owned(),
        None => format!("compare `{}` together with `{}`", identity.headers.issuer, identity.headers.subject),
    };
    lint.note(&SHARED_SUBJECTS, &[PlaceStep::Key("issuers")], message).help(help);
}

fn lifetimes(lint: &mut Linter<'_>, issuer: &Issuer) {
    let place = |key| [PlaceStep::Key("issuers"), PlaceStep::Key(issuer.name.as_str()), PlaceStep::Key(key)];
    if issuer.leeway > MAX_LEEWAY {
        let message = format!("tokens are accepted for {} seconds after they expire", issuer.leeway);
        lint.note(&LONG_LEEWAY, &place("leeway"), message).help("clocks seldom differ by more than 30 seconds");
    }
    if issuer.lifetime.max_stale == 0 {
        let message = "tokens are refused as soon as the issuer is down and its keys are no longer fresh";
        lint.note(&NO_STALE_KEYS, &place("jwks_max_stale"), message);
    }
    if issuer.lifetime.cooldown == 0 {
        let message = "each token with a made-up key ID makes the gate ask the issuer for its keys";
        lint.note(&NO_COOLDOWN, &place("jwks_cooldown"), message);
    }
}

#[cfg(test)]
mod tests {
    use super::logto_issuer;

    #[test]
    fn an_issuer_that_is_almost_logtos() {
        let right = Some("https://x.logto.app/oidc".to_owned());
        for given in [
            "https://x.logto.app",
            "https://x.logto.app/",
            "https://x.logto.app/oidc/",
            "https://X.logto.app/oidc",
            "https://x.logto.app/oidc/auth",
        ] {
            assert_eq!(logto_issuer(given), right, "{given}");
        }
        for given in [
            "https://x.logto.app/oidc",
            "https://logto.app",
            "https://x.logto.app.example.com/",
            "https://notlogto.app/",
            "https://auth.example.com/oidc",
            "x.logto.app",
        ] {
            assert_eq!(logto_issuer(given), None, "{given}");
        }
    }
}
