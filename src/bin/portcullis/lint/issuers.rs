//! Issuers that no route takes, and lifetimes that invite trouble.

use std::collections::HashSet;

use portcullis::policy::{Issuer, Step};

use super::{LONG_LEEWAY, Lint, NO_COOLDOWN, NO_STALE_KEYS, UNUSED_ISSUER};

/// Clocks of servers differ by less.
const MAX_LEEWAY: u64 = 120;

pub(super) fn lint(lint: &mut Lint<'_>) {
    let requirements = lint.policy.routes.iter().filter_map(|route| route.access.requirement());
    let used: HashSet<usize> = requirements.flat_map(|requirement| requirement.issuers.iter().copied()).collect();
    for (index, issuer) in lint.policy.issuers.iter().enumerate() {
        if !used.contains(&index) {
            let place = [Step::Key("issuers"), Step::Key(&issuer.name)];
            lint.note(&UNUSED_ISSUER, &place, "no route takes the tokens of this issuer");
        }
        lifetimes(lint, issuer);
    }
}

fn lifetimes(lint: &mut Lint<'_>, issuer: &Issuer) {
    let place = |key| [Step::Key("issuers"), Step::Key(issuer.name.as_str()), Step::Key(key)];
    if issuer.leeway > MAX_LEEWAY {
        let message = format!("tokens are taken for {} seconds after they have expired", issuer.leeway);
        lint.note(&LONG_LEEWAY, &place("leeway"), message).help("clocks seldom differ by more than 30 seconds");
    }
    if issuer.lifetime.max_stale == 0 {
        let message = "tokens are refused as soon as the issuer is down and its keys are no longer fresh";
        lint.note(&NO_STALE_KEYS, &place("jwks_max_stale"), message);
    }
    if issuer.lifetime.cooldown == 0 {
        let message = "whoever sends tokens with made-up key ids makes the gate ask the issuer each time";
        lint.note(&NO_COOLDOWN, &place("jwks_cooldown"), message);
    }
}
