//! The keys of all issuers in one isolate.

use std::rc::Rc;

use super::fetched::FetchedKeys;
use super::set::{Found, KeyQuery, KeySet, SetIdentity};
use super::state::{KeyState, state};
use super::{lookup, schedule};
use crate::denial::Denial;
use crate::platform::{Crypto, Platform};
use crate::policy::{Issuer, KeySource, Policy};
use crate::time::UnixMillis;

/// The keys of all issuers of a policy.
#[derive(Debug)]
pub struct Keyring<K> {
    /// In the order of the policy.
    issuers: Vec<IssuerKeys<K>>,
}

/// The source of one issuer's keys: the policy itself, or a set that is fetched and cached.
#[derive(Debug)]
pub struct IssuerKeys<K> {
    keys: Keys<K>,
    fetching: Fetching,
}

/// Whether keys that are needed are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fetching {
    /// As the issuer's settings say; requests wait for keys.
    AsNeeded,
    /// Seldom, and no request waits: for the issuer of a policy that is only tried.
    Seldom,
    /// Never: the policy in force fetches them, and nothing about that may change.
    Never,
}

#[derive(Debug)]
enum Keys<K> {
    /// A key set that is part of the policy. It has no age.
    Static {
        issuer: Rc<Issuer>,
        set: KeySet<K>,
    },
    Fetched(FetchedKeys<K>),
}

impl<K: 'static> Keyring<K> {
    /// A keyring for a policy's issuers, with nothing fetched yet.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self { issuers: policy.issuers.iter().map(IssuerKeys::new).collect() }
    }

    /// A keyring for the policy that replaces this one's. If both policies have an issuer with the same source of keys,
    /// both keyrings share its keys.
    #[must_use]
    pub fn succeeded_by(&self, policy: &Policy) -> Self {
        let keys = |issuer: &Rc<Issuer>| self.shared_with(issuer).unwrap_or_else(|| IssuerKeys::new(issuer));
        Self { issuers: policy.issuers.iter().map(keys).collect() }
    }

    /// A keyring for a policy that is tried beside this one's: it uses the keys of the issuers that both have, without ever
    /// fetching them. Keys of its own issuers stay those of `former`, a keyring that was tried before.
    #[must_use]
    pub fn tried_with(&self, policy: &Policy, former: Option<&Self>) -> Self {
        let keys = |issuer: &Rc<Issuer>| {
            if let Some(shared) = self.shared_with(issuer) {
                return IssuerKeys { fetching: Fetching::Never, ..shared };
            }
            let own = former.and_then(|former| former.shared_with(issuer)).unwrap_or_else(|| IssuerKeys::new(issuer));
            IssuerKeys { fetching: Fetching::Seldom, ..own }
        };
        Self { issuers: policy.issuers.iter().map(keys).collect() }
    }

    /// This keyring's keys for an issuer of another policy, if it has one with the same source of keys.
    fn shared_with(&self, issuer: &Rc<Issuer>) -> Option<IssuerKeys<K>> {
        let is_same =
            |known: &&IssuerKeys<K>| known.issuer().issuer == issuer.issuer && known.issuer().keys == issuer.keys;
        self.issuers.iter().find(is_same).map(|known| known.passed_on_to(issuer))
    }

    /// The keys of all issuers, in the order of the policy.
    pub fn issuers(&self) -> impl Iterator<Item = &IssuerKeys<K>> {
        self.issuers.iter()
    }

    /// The keys of the issuer at this index of the policy.
    #[must_use]
    pub fn issuer(&self, index: usize) -> Option<&IssuerKeys<K>> {
        self.issuers.get(index)
    }

    /// Checks the key sets that are part of the policy.
    ///
    /// # Errors
    /// The names of the issuers without a single key that the platform can import.
    pub async fn check_static_keys(&self, crypto: &impl Crypto<Key = K>) -> Result<(), Vec<String>> {
        let mut unusable = Vec::new();
        for keys in &self.issuers {
            if let Keys::Static { issuer, set } = &keys.keys
                && set.importable(crypto).await.is_err()
            {
                unusable.push(issuer.name.clone());
            }
        }
        if unusable.is_empty() { Ok(()) } else { Err(unusable) }
    }

    /// Fetches every issuer's keys concurrently. For a schedule, so that no request has to fetch them. If these are more
    /// fetches than the platform allows at once, the oldest sets are refreshed, and the others by the next calls.
    pub async fn refresh_all<P: Platform<Key = K>>(&self, platform: &P) {
        let fetched = self.issuers.iter().filter_map(|keys| match &keys.keys {
            Keys::Static { .. } => None,
            Keys::Fetched(keys) => Some(keys.clone()),
        });
        schedule::refresh(fetched.collect(), platform).await;
    }
}

impl<K: 'static> IssuerKeys<K> {
    fn new(issuer: &Rc<Issuer>) -> Self {
        let issuer = Rc::clone(issuer);
        let keys = match &issuer.keys {
            KeySource::Static(keys) => Keys::Static { set: KeySet::new(keys.clone()), issuer },
            KeySource::Discovery(_) | KeySource::Uri(_) => Keys::Fetched(FetchedKeys::new(issuer)),
        };
        Self { keys, fetching: Fetching::AsNeeded }
    }

    fn passed_on_to(&self, issuer: &Rc<Issuer>) -> Self {
        let issuer = Rc::clone(issuer);
        let keys = match &self.keys {
            Keys::Static { set, .. } => Keys::Static { issuer, set: set.share() },
            Keys::Fetched(FetchedKeys { slot, .. }) => Keys::Fetched(FetchedKeys { issuer, slot: Rc::clone(slot) }),
        };
        Self { keys, fetching: Fetching::AsNeeded }
    }

    /// The issuer that signs with these keys, as the policy describes it.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        match &self.keys {
            Keys::Static { issuer, .. } => issuer,
            Keys::Fetched(keys) => &keys.issuer,
        }
    }

    /// Finds the keys for a token of this issuer.
    ///
    /// # Errors
    /// [`InvalidToken::Key`](crate::denial::InvalidToken::Key) if the issuer has no such key,
    /// [`InvalidToken::AmbiguousKey`](crate::denial::InvalidToken::AmbiguousKey) if it has several,
    /// [`Denial::KeysUnavailable`] if it has no usable set.
    pub async fn find<P: Platform<Key = K>>(&self, query: &KeyQuery, platform: &P) -> Result<Found<K>, Denial> {
        match &self.keys {
            Keys::Static { set, .. } => Ok(set.select(query, platform).await.found_in(set)?),
            Keys::Fetched(keys) => match self.fetching {
                Fetching::AsNeeded => lookup::find(keys, query, platform).await,
                Fetching::Seldom => lookup::at_hand(keys, query, true, platform).await,
                Fetching::Never => lookup::at_hand(keys, query, false, platform).await,
            },
        }
    }

    /// Whether a token that was verified with a key of this set need not be verified again, because the set is still in
    /// use. Refreshes the set if that is due, as [`IssuerKeys::find`] does.
    pub fn is_current<P: Platform<Key = K>>(&self, set: &SetIdentity<K>, now: UnixMillis, platform: &P) -> bool {
        match &self.keys {
            Keys::Static { set: own, .. } => own.is(set),
            Keys::Fetched(keys) => lookup::is_current(keys, set, self.fetching == Fetching::AsNeeded, now, platform),
        }
    }

    /// Until when a token that was verified with a key of this set need not be verified again, if nothing else happens;
    /// `None` if it has to be.
    #[must_use]
    pub fn fresh_until(&self, set: &SetIdentity<K>) -> Option<UnixMillis> {
        match &self.keys {
            Keys::Static { set: own, .. } => own.is(set).then_some(UnixMillis(u64::MAX)),
            Keys::Fetched(keys) => keys.fresh_until(set),
        }
    }

    /// The state of its key set, for operators.
    #[must_use]
    pub fn state(&self, now: UnixMillis) -> KeyState {
        match &self.keys {
            Keys::Static { issuer, set } => KeyState::of_static(set, issuer),
            Keys::Fetched(keys) => state(keys, now),
        }
    }

    /// Whether what was granted with this version of the key set may hold now: the set is the same, and is not dated ahead of
    /// the clock, which would have to be looked into.
    #[must_use]
    pub fn is_version(&self, version: u64, now: UnixMillis) -> bool {
        match &self.keys {
            Keys::Static { .. } => version == 0,
            Keys::Fetched(keys) => keys.slot.borrow().is_version(version, now),
        }
    }

    /// The version of the key set in use. It changes with the set, and if the set's date was ahead of the clock.
    #[must_use]
    pub fn version(&self) -> u64 {
        match &self.keys {
            Keys::Static { .. } => 0,
            Keys::Fetched(keys) => keys.slot.borrow().version(),
        }
    }
}
