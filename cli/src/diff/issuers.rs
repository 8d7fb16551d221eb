//! The issuers of both policies, by what they accept, whatever their names are.

use std::collections::BTreeSet;

use portcullis::policy::{Issuer, KeySource};

use super::change::{Change, Leaning};

/// An issuer in a list of those of both policies, in which equal ones are one.
pub(super) type IssuerId = usize;

/// What decides on the tokens of an issuer. How long its keys are cached does not.
#[derive(Clone, Debug, PartialEq)]
struct Acceptance {
    iss: String,
    tenants: BTreeSet<String>,
    keys: KeySource,
    algorithms: BTreeSet<&'static str>,
    /// `None` is a token without `typ`.
    types: BTreeSet<Option<String>>,
    leeway: u64,
    max_age: Option<u64>,
    scope_claim: Option<String>,
    takes_bound: bool,
}

/// The distinct issuers of both policies.
#[derive(Debug, Default)]
pub(super) struct Issuers(Vec<Acceptance>);

impl Issuers {
    /// The number of an issuer.
    pub(super) fn id(&mut self, issuer: &Issuer) -> IssuerId {
        let own = Acceptance::of(issuer);
        self.0.iter().position(|known| *known == own).unwrap_or_else(|| {
            self.0.push(own);
            self.0.len() - 1
        })
    }

    /// The `iss` of an issuer.
    pub(super) fn iss(&self, id: IssuerId) -> &str {
        self.0.get(id).map(|issuer| issuer.iss.as_str()).unwrap_or_default()
    }

    /// What changes for tokens, if the issuers `old` were accepted before and `new` are now.
    pub(super) fn changes(&self, old: &BTreeSet<IssuerId>, new: &BTreeSet<IssuerId>) -> Vec<Change> {
        let isses = |ids: &BTreeSet<IssuerId>| ids.iter().map(|id| self.iss(*id).to_owned()).collect::<BTreeSet<_>>();
        let (before, after) = (isses(old), isses(new));
        let leaning = Leaning { opens: !after.is_subset(&before), closes: !before.is_subset(&after) };
        let words = |isses: &BTreeSet<String>| isses.iter().cloned().collect::<Vec<_>>().join(" or ");
        let listed = Change::unless_neither("issuer", words(&before), words(&after), leaning);
        let both = old.difference(new).flat_map(|one| new.difference(old).map(move |other| (*one, *other)));
        let same = both.filter(|(one, other)| self.iss(*one) == self.iss(*other));
        let settings = same.filter_map(|(one, other)| Some((self.0.get(one)?, self.0.get(other)?)));
        listed.into_iter().chain(settings.flat_map(|(one, other)| one.changes(other))).collect()
    }
}

impl Acceptance {
    fn of(issuer: &Issuer) -> Self {
        let any_type = (!issuer.type_required).then_some(None);
        Self {
            iss: issuer.issuer.clone(),
            tenants: issuer.tenants.iter().flat_map(|tenants| tenants.all_iss()).collect(),
            keys: issuer.keys.clone(),
            algorithms: issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect(),
            types: issuer.types.iter().cloned().map(Some).chain(any_type).collect(),
            leeway: issuer.leeway,
            max_age: issuer.max_age,
            scope_claim: issuer.scope_claim.as_ref().map(ToString::to_string),
            takes_bound: issuer.takes_bound,
        }
    }

    /// What changes for the tokens of an issuer with the same `iss`.
    fn changes(&self, new: &Self) -> Vec<Change> {
        let sets = |is_wider: bool, is_narrower: bool| Leaning { opens: is_wider, closes: is_narrower };
        let change = |key: &str, old: String, new: String, leaning: Leaning| {
            Change::unless_neither(&format!("{key} of {}", self.iss), old, new, leaning)
        };
        let list = |words: &BTreeSet<&str>| words.iter().copied().collect::<Vec<_>>().join(", ");
        let types = |types: &BTreeSet<Option<String>>| {
            types.iter().map(|typ| typ.as_deref().unwrap_or("none")).collect::<Vec<_>>().join(", ")
        };
        let seconds = |seconds: u64| format!("{seconds} s");
        let age = |age: Option<u64>| age.map_or_else(|| "any".to_owned(), seconds);
        let (old_age, new_age) = (self.max_age.unwrap_or(u64::MAX), new.max_age.unwrap_or(u64::MAX));
        let bound = |takes_bound: bool| if takes_bound { "ignore" } else { "refuse" }.to_owned();
        let claim = |claim: &Option<String>| claim.clone().unwrap_or_else(|| "scope, else scp".to_owned());
        let either = |differs: bool| sets(differs, differs);
        let changes = [
            change(
                "tenants",
                self.tenants.len().to_string(),
                new.tenants.len().to_string(),
                sets(!new.tenants.is_subset(&self.tenants), !self.tenants.is_subset(&new.tenants)),
            ),
            change("keys", source(&self.keys), source(&new.keys), either(self.keys != new.keys)),
            change(
                "algorithms",
                list(&self.algorithms),
                list(&new.algorithms),
                sets(!new.algorithms.is_subset(&self.algorithms), !self.algorithms.is_subset(&new.algorithms)),
            ),
            change(
                "types",
                types(&self.types),
                types(&new.types),
                sets(!new.types.is_subset(&self.types), !self.types.is_subset(&new.types)),
            ),
            change(
                "leeway",
                seconds(self.leeway),
                seconds(new.leeway),
                sets(new.leeway > self.leeway, new.leeway < self.leeway),
            ),
            change("max_age", age(self.max_age), age(new.max_age), sets(new_age > old_age, new_age < old_age)),
            change(
                "scope_claim",
                claim(&self.scope_claim),
                claim(&new.scope_claim),
                either(self.scope_claim != new.scope_claim),
            ),
            change(
                "bound_tokens",
                bound(self.takes_bound),
                bound(new.takes_bound),
                sets(new.takes_bound && !self.takes_bound, self.takes_bound && !new.takes_bound),
            ),
        ];
        changes.into_iter().flatten().collect()
    }
}

fn source(keys: &KeySource) -> String {
    match keys {
        KeySource::Discovery(url) | KeySource::Uri(url) => url.clone(),
        KeySource::Static(keys) => {
            let names = keys.iter().map(|key| key.kid.as_deref().unwrap_or("one without kid"));
            format!("in the policy ({})", names.collect::<Vec<_>>().join(", "))
        }
    }
}
