//! Compares what two policies do with the requests that stand for all others.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::policy::{AccessKind, Policy};

use super::change::{Change, Leaning};
use super::entry::{Entry, MethodSet, RequestGroup, RouteRef};
use super::issuers::Issuers;
use super::side::{Refusal, Side, Verdict};
use super::space::{Candidate, Space};
use super::symbols::Symbols;
use super::text;
use super::witness::{Spelling, Witness, Witnesses};
use crate::exit::Failure;

/// Two policies.
pub(super) struct Comparison {
    old: Side,
    new: Side,
    issuers: Issuers,
    symbols: Symbols,
}

/// What happens to requests of some methods: in both policies, and the difference.
type Outcome = (RouteRef, RouteRef, Vec<Change>);

/// A method that no route names, in the sets of a place. Methods that the gate refuses everywhere are not looked at.
const OTHER: &str = "";

impl Comparison {
    /// Policies with their documents in JSON, the one before the change first.
    pub(super) fn new((old, old_text): (Policy, &str), (new, new_text): (Policy, &str)) -> Self {
        let mut issuers = Issuers::default();
        let (old, new) = (Side::new(old, &mut issuers), Side::new(new, &mut issuers));
        Self { old, new, issuers, symbols: Symbols::unused_in([old_text, new_text]) }
    }

    /// The differences, those that open something first.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Failure> {
        let space = Space::new(&self.old, &self.new, &self.symbols)?;
        let policies = [self.old.policy(), self.new.policy()];
        let witnesses = Witnesses {
            symbols: &self.symbols,
            spellings: &space.spellings,
            mind_case: policies.iter().any(|policy| policy.refuses_case_variants),
        };
        let mut groups: BTreeMap<Vec<Change>, BTreeSet<RequestGroup>> = BTreeMap::new();
        for candidate in &space.candidates {
            for witness in witnesses.of(candidate) {
                for (changes, group) in self.at(candidate, &witness) {
                    groups.entry(changes).or_default().insert(group);
                }
            }
        }
        let mut entries: Vec<Entry> = groups.into_iter().map(|(changes, groups)| Entry::new(changes, groups)).collect();
        entries.sort_by_key(|entry| entry.leaning.rank());
        Ok(entries)
    }

    /// The differences at a witness, with the requests that it stands for.
    fn at(&self, candidate: &Candidate, witness: &Witness) -> Vec<(Vec<Change>, RequestGroup)> {
        let may_keep = |side: &&Side| side.may_keep_slashes(&witness.host, &witness.path);
        if witness.spelling.has_encoded_slash && ![&self.old, &self.new].iter().any(may_keep) {
            return Vec::new();
        }
        let is_own = self.is_own(witness);
        // GET and HEAD read documents of the gate's own.
        let all: BTreeSet<&str> = candidate.methods.iter().map(String::as_str).chain([OTHER, "GET", "HEAD"]).collect();
        let mut outcomes: BTreeMap<Outcome, BTreeSet<&str>> = BTreeMap::new();
        for method in &all {
            if let Some(outcome) = self.outcome(witness, method, is_own) {
                outcomes.entry(outcome).or_default().insert(method);
            }
        }
        outcomes
            .into_iter()
            .map(|((old, new, changes), methods)| {
                let routes = [(&self.old, &old), (&self.new, &new)].map(|(side, route)| side.route(route.index()?));
                let usual = methods.get("GET").or_else(|| methods.iter().find(|method| **method != OTHER));
                let example = usual.map_or_else(|| self.symbols.method(), |method| (*method).to_owned());
                let group = RequestGroup {
                    host: text::host(&witness.area, routes),
                    path: text::path(&witness.area, routes),
                    spelling: witness.spelling,
                    methods: MethodSet::new(&methods, &all, OTHER),
                    old,
                    new,
                    example: format!("{example} https://{}{}", witness.host, witness.path),
                };
                (changes, group)
            })
            .collect()
    }

    /// Whether the places that take a witness match no more than what it stands for.
    fn is_own(&self, witness: &Witness) -> bool {
        if witness.spelling != Spelling::default() {
            return false;
        }
        let places = [&self.old, &self.new].map(|side| side.place(&witness.host, &witness.path));
        let common = match places {
            [Some(old), Some(new)] => old.meet(&new),
            [Some(place), None] | [None, Some(place)] => place,
            [None, None] => return false,
        };
        // The root of a rest is no rest.
        let is_root = common.rest && !witness.area.rest;
        common == witness.area || (is_root && common == (crate::area::Area { rest: true, ..witness.area.clone() }))
    }

    /// What happens to a method of a witness, unless that is the same.
    fn outcome(&self, witness: &Witness, method: &str, is_own: bool) -> Option<Outcome> {
        let unnamed = self.symbols.method();
        let method = if method == OTHER { unnamed.as_str() } else { method };
        let [old, new] = [&self.old, &self.new].map(|side| side.verdict(&witness.host, &witness.path, method));
        // Other witnesses stand for the requests, unless a policy refuses them for their spelling.
        let is_ambiguous = |verdict: &Verdict<'_>| *verdict == Verdict::Refused(Refusal::BadPath);
        if !(is_own || is_ambiguous(&old) || is_ambiguous(&new)) {
            return None;
        }
        let changes = self.changes(&old, &new, &witness.host);
        let outcome = (RouteRef::new(&old, &self.old), RouteRef::new(&new, &self.new), changes);
        Some(outcome).filter(|(.., changes)| !changes.is_empty())
    }

    fn changes(&self, old: &Verdict<'_>, new: &Verdict<'_>, host: &str) -> Vec<Change> {
        if let (Verdict::Routed(before, captured), Verdict::Routed(after, captures)) = (old, new) {
            let before = self.old.effect(*before, captured, host, &self.symbols);
            let after = self.new.effect(*after, captures, host, &self.symbols);
            if let (Some(before), Some(after)) = (before, after)
                && !before.denies()
                && !after.denies()
            {
                return before.changes(&after, &self.issuers);
            }
        }
        if let (Verdict::Served(old), Verdict::Served(new)) = (old, new)
            && old != new
            && old.access != AccessKind::Public
        {
            // Which tokens may read it changes, and which of both it is cannot be told.
            return vec![Change::of_outcome(own(&old.content), own(&new.content), Leaning::BOTH)];
        }
        let [(before, passed), (after, passes)] =
            [(&self.old, old), (&self.new, new)].map(|(side, verdict)| self.described(side, verdict, host));
        if before == after {
            return Vec::new();
        }
        let is_for_tokens =
            |verdict: &Verdict<'_>, access| matches!(verdict, Verdict::Served(_)) && access != AccessKind::Public;
        let takes_tokens = |access| matches!(access, AccessKind::Token | AccessKind::Optional);
        // Which tokens pass changes, and which of both it is cannot be told.
        let is_unclear = (is_for_tokens(old, passed) && takes_tokens(passes))
            || (is_for_tokens(new, passes) && takes_tokens(passed));
        let leaning = if is_unclear { Leaning::BOTH } else { Leaning::between(passed, passes) };
        vec![Change::of_outcome(before, after, leaning)]
    }

    /// A verdict in words, and who passes.
    fn described(&self, side: &Side, verdict: &Verdict<'_>, host: &str) -> (String, AccessKind) {
        match verdict {
            Verdict::Refused(refusal) => (refusal.words().to_owned(), AccessKind::Deny),
            Verdict::Served(document) => (own(&document.content), document.access),
            Verdict::Routed(index, captures) => {
                let effect = side.effect(*index, captures, host, &self.symbols);
                effect.map_or_else(
                    || (Refusal::NoRoute.words().to_owned(), AccessKind::Deny),
                    |effect| (effect.words(&self.issuers), effect.access()),
                )
            }
        }
    }
}

fn own(content: &str) -> String {
    format!("a document of the gate's own: {content}")
}
