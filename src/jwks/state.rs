//! The state of a key set, for operators.

use super::fetched::FetchedKeys;
use super::set::KeySet;
use super::slot::Failure;
use crate::jose::algorithm::Algorithm;
use crate::jose::json::Json;
use crate::jose::public_key::PublicKey;
use crate::policy::Issuer;
use crate::time::UnixMillis;

/// The state of an issuer's key set in one isolate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// Its usable keys.
    pub keys: Vec<KeySummary>,
    /// When it was fetched, in seconds since 1970; `None` if it was not.
    pub fetched_at: Option<u64>,
    /// Its age in seconds.
    pub age: Option<u64>,
    /// Whether it can be used.
    pub state: KeySetState,
    /// Why it could not be fetched, if that has happened.
    pub last_failure: Option<Failure>,
}

/// A key, without its material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// Its key ID.
    pub kid: Option<String>,
    /// The algorithms for which it is used.
    pub algorithms: Vec<&'static str>,
}

/// Whether a key set can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetState {
    /// It is part of the policy.
    Static,
    /// It is used.
    Fresh,
    /// It is used, and refreshed when it is next needed.
    Stale,
    /// It is too old to be used.
    Expired,
    /// There is none.
    None,
}

impl KeySetState {
    fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::None => "none",
        }
    }
}

impl KeyState {
    /// The members of its JSON.
    #[must_use]
    pub fn members(self) -> Vec<(&'static str, Option<Json<'static>>)> {
        let key = |KeySummary { kid, algorithms }| {
            Json::object([("kid", kid.map(Json::text)), ("algorithms", Some(Json::texts(&algorithms)))])
        };
        let failure = |Failure { at, reason }| {
            Json::object([("at", Some(Json::number(at.0))), ("reason", Some(Json::text(reason)))])
        };
        vec![
            ("keys", Some(Json::Array(self.keys.into_iter().map(key).collect()))),
            ("fetched_at", self.fetched_at.map(Json::number)),
            ("age", self.age.map(Json::number)),
            ("state", Some(Json::text(self.state.name()))),
            ("last_failure", self.last_failure.map(failure)),
        ]
    }

    pub(super) fn of_static<K>(set: &KeySet<K>, issuer: &Issuer) -> Self {
        let keys = summaries(set, issuer);
        Self { keys, fetched_at: None, age: None, state: KeySetState::Static, last_failure: None }
    }
}

/// The state of a set that is fetched.
pub(super) fn state<K>(keys: &FetchedKeys<K>, now: UnixMillis) -> KeyState {
    let last_failure = keys.slot.borrow().last_failure().cloned();
    let Some(cached) = keys.cached() else {
        return KeyState { keys: Vec::new(), fetched_at: None, age: None, state: KeySetState::None, last_failure };
    };
    let (age, lifetime) = (cached.age(now.seconds()), cached.lifetime(keys.issuer.lifetime));
    let state = match (lifetime.is_fresh(age), lifetime.is_usable(age)) {
        (true, _) => KeySetState::Fresh,
        (false, true) => KeySetState::Stale,
        (false, false) => KeySetState::Expired,
    };
    KeyState {
        keys: summaries(&cached.set, &keys.issuer),
        fetched_at: Some(cached.date.at().0),
        age: Some(age),
        state,
        last_failure,
    }
}

fn summaries<K>(set: &KeySet<K>, issuer: &Issuer) -> Vec<KeySummary> {
    let summary = |key: &PublicKey| {
        let algorithms = Algorithm::ALL.into_iter().filter(|own| key.fits(*own) && issuer.algorithms.contains(own));
        KeySummary { kid: key.kid.clone(), algorithms: algorithms.map(Algorithm::name).collect() }
    };
    set.keys().map(summary).collect()
}
