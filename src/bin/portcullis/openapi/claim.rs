//! What operations claim: a host, a path and a method each. A route table gives each of these to one rule.

use std::collections::HashMap;

use super::path::Path;
use super::report::{Outcome, Report};
use super::security::Access;
use super::tree::Pointer;

/// What a route does with requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rule {
    /// Who may pass.
    pub(crate) access: Access,
    /// What stands behind the gate.
    pub(crate) origin: Option<String>,
    /// Leading segments that the origin does not see.
    pub(crate) strip_prefix: Option<String>,
}

impl Rule {
    /// No one may pass.
    pub(super) const DENY: Self = Self { access: Access::Deny, origin: None, strip_prefix: None };
}

/// A claim of an operation.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) host: Option<String>,
    /// The path as the document writes it.
    pub(super) template: String,
    pub(super) path: Path,
    /// `None` is every method that nothing else of the same path has.
    pub(super) method: Option<String>,
    pub(super) rule: Rule,
    /// Why it denies, if it does.
    pub(super) reason: Option<String>,
    pub(super) pointer: Pointer,
}

/// A host, without the name of its capture, and a path, without those of its captures.
type Spot = (Option<String>, Vec<Option<String>>);

/// All claims; no two of the same.
#[derive(Debug, Default)]
pub(super) struct Claims {
    claims: Vec<Claim>,
    by_key: HashMap<(Spot, Option<String>), usize>,
}

impl Claim {
    fn spot(&self) -> Spot {
        let host = self.host.as_deref().map(|host| match host.split_once('}') {
            Some((_, suffix)) => suffix.to_owned(),
            None => host.to_owned(),
        });
        (host, self.path.key().into_iter().map(|literal| literal.map(str::to_owned)).collect())
    }

    fn deny(&mut self, reason: &str, report: &mut Report) {
        report.remark(Outcome::Denied, reason, &self.pointer);
        self.rule = Rule::DENY;
        self.reason = Some(reason.to_owned());
    }
}

impl Claims {
    /// Gives each claim its rule. Where two claim the same and differ, no one may pass.
    pub(super) fn settle(claims: Vec<Claim>, report: &mut Report) -> Vec<Claim> {
        let all: Vec<Claim> = claims.iter().filter(|claim| claim.method.is_none()).cloned().collect();
        let (exact, covering): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| claim.path.inexact.is_none());
        let mut settled = Self::default();
        exact.into_iter().for_each(|claim| settled.add(claim, report));
        covering.into_iter().for_each(|claim| settled.cover(claim, report));
        settled.oppose(all, report);
        settled.claims
    }

    fn add(&mut self, claim: Claim, report: &mut Report) {
        let key = (claim.spot(), claim.method.clone());
        match self.by_key.get(&key).and_then(|index| self.claims.get_mut(*index)) {
            None => self.push(key, claim),
            Some(known) if known.pointer == claim.pointer && known.rule == claim.rule => {}
            Some(known) => meet(known, claim, report),
        }
    }

    /// A path that no pattern says, and one that covers it: requests to it must not get in by a route for others.
    fn cover(&mut self, mut claim: Claim, report: &mut Report) {
        let key = (claim.spot(), claim.method.clone());
        let reason = claim.path.inexact.clone().unwrap_or_default();
        match self.by_key.get(&key).and_then(|index| self.claims.get_mut(*index)) {
            Some(known) if known.path.inexact.is_none() => meet(known, claim, report),
            Some(_) => claim.deny(&reason, report),
            None => {
                claim.deny(&reason, report);
                self.push(key, claim);
            }
        }
    }

    /// A claim to all methods includes those that another path names at the same spot. There, that path's routes must
    /// not open what the claim does not. `all` are these claims as the document makes them: two that met are one by now.
    fn oppose(&mut self, all: Vec<Claim>, report: &mut Report) {
        let settled = self.claims.iter().filter(|claim| claim.method.is_none()).cloned();
        let mut by_spot: HashMap<Spot, Vec<Claim>> = HashMap::new();
        all.into_iter().chain(settled).for_each(|claim| by_spot.entry(claim.spot()).or_default().push(claim));
        for claim in self.claims.iter_mut().filter(|claim| claim.method.is_some() && claim.rule != Rule::DENY) {
            let all = by_spot.get(&claim.spot()).into_iter().flatten();
            let mut opposed = all.filter(|all| all.template != claim.template && all.rule != claim.rule);
            if let Some(all) = opposed.next() {
                claim.deny(&differs_from(&all.pointer), report);
            }
        }
    }

    fn push(&mut self, key: (Spot, Option<String>), claim: Claim) {
        self.by_key.insert(key, self.claims.len());
        self.claims.push(claim);
    }
}

/// Two claims of the same requests: one route, if they agree.
fn meet(known: &mut Claim, mut other: Claim, report: &mut Report) {
    if known.rule == other.rule {
        let message = format!("takes the same requests as {}, and so has the same route", known.pointer);
        return report.remark(Outcome::Changed, &message, &other.pointer);
    }
    let (one, two) = (differs_from(&other.pointer), differs_from(&known.pointer));
    known.deny(&one, report);
    other.deny(&two, report);
}

fn differs_from(other: &Pointer) -> String {
    format!("takes the same requests as {other}, which says otherwise who may")
}
