//! The keys of all issuers, as one isolate has them.

use std::cell::RefCell;
use std::rc::Rc;

use super::cached::Cached;
use super::flight;
use super::plan::{Plan, plan};
use super::set::{KeySet, Selection, SetIdentity, Wanted};
use super::slot::{Place, Slot, longest_flight};
use crate::denial::{Denial, InvalidToken};
use crate::platform::{Crypto, Platform, Runtime};
use crate::policy::{Issuer, KeySource, Policy};

/// The longest sleep between two looks for the result of another request's fetch.
const MAX_NAP_MS: u32 = 64;

/// The keys of all issuers of a policy.
#[derive(Debug)]
pub struct Keyring<K> {
    policy: Rc<Policy>,
    slots: Vec<Rc<RefCell<Slot<K>>>>,
}

/// The keys for a token.
#[derive(Debug)]
pub struct Found<K> {
    /// The signature must hold under one of these; never empty.
    pub keys: Vec<Rc<K>>,
    /// The set that they are of.
    pub set: SetIdentity<K>,
}

impl<K: 'static> Keyring<K> {
    /// An empty ring for a policy's issuers.
    #[must_use]
    pub fn new(policy: Rc<Policy>) -> Self {
        let slots = policy.issuers.iter().map(|_| Rc::default()).collect();
        Self { policy, slots }
    }

    /// A ring for the policy that follows this one's. What is known of an issuer that both have, with its keys in the
    /// same place, belongs to both rings.
    #[must_use]
    pub fn succeeded_by(&self, policy: Rc<Policy>) -> Self {
        let known = |issuer: &Issuer| {
            let same = |former: &Issuer| former.issuer == issuer.issuer && former.keys == issuer.keys;
            self.slots.get(self.policy.issuers.iter().position(same)?).map(Rc::clone)
        };
        let slots = policy.issuers.iter().map(|issuer| known(issuer).unwrap_or_default()).collect();
        Self { policy, slots }
    }

    /// Takes up the key sets that stand in the policy. To be done before [`Keyring::find`].
    ///
    /// # Errors
    /// The names of issuers none of whose keys the platform can import.
    pub async fn load_static_keys(&self, crypto: &impl Crypto<Key = K>) -> Result<(), Vec<String>> {
        let mut unusable = Vec::new();
        for (issuer, slot) in self.policy.issuers.iter().zip(&self.slots) {
            let KeySource::Static(keys) = &issuer.keys else { continue };
            match KeySet::new(keys.clone()).importable(crypto).await {
                Ok(set) => {
                    slot.borrow_mut().cached = Some(Rc::new(Cached::of_policy(set)));
                }
                Err(_) => unusable.push(issuer.name.clone()),
            }
        }
        if unusable.is_empty() { Ok(()) } else { Err(unusable) }
    }

    /// Finds the keys for a token of the issuer at this place of the policy.
    ///
    /// # Errors
    /// [`InvalidToken::Key`] if the issuer has no such key, [`Denial::KeysUnavailable`] if it has no set at all.
    pub async fn find<P: Platform<Key = K>>(
        self: &Rc<Self>,
        index: usize,
        wanted: &Wanted,
        platform: &P,
    ) -> Result<Found<K>, Denial> {
        let (issuer, slot) = self.at(index).ok_or(Denial::Misconfigured)?;
        let mut patience = Patience::new(issuer, slot);
        let (began, mut has_fetched) = (slot.borrow().begun(), false);
        loop {
            let cached = slot.borrow().cached.clone();
            let selection = match &cached {
                Some(cached) => cached.set.select(wanted, platform).await,
                None => Selection::Unknown,
            };
            let knows_key = !matches!(selection, Selection::Unknown);
            let found = || {
                let set = cached.as_ref().map(|cached| cached.set.identity()).unwrap_or_default();
                selection.into_keys().map(|keys| Found { keys, set })
            };
            if matches!(issuer.keys, KeySource::Static(_)) {
                return found();
            }
            let now_ms = platform.now_ms();
            slot.borrow_mut().pull_back(now_ms);
            let now = now_ms / 1000;
            let lifetime = cached.as_ref().map_or(issuer.lifetime, |cached| cached.lifetime(issuer.lifetime));
            let mut facts = slot.borrow().facts(cached.as_deref(), knows_key, now);
            if has_fetched && !facts.history.failed {
                // What was just fetched is good for this token, however short the issuer's times are.
                facts.age = facts.age.map(|_| 0);
            }
            let refusal = |retry_after| match facts.age {
                Some(age) if lifetime.is_usable(age) => Denial::from(InvalidToken::Key),
                _ => Denial::KeysUnavailable { retry_after },
            };
            // Who waited for another's fetch that failed has had its try, and so has who lacks a key of a set that the
            // issuer was asked for since.
            let is_asked_since = !knows_key && cached.as_ref().is_some_and(|cached| cached.date.is_asked_after(began));
            let has_seen_one = patience.place.is_some() && (facts.history.failed || is_asked_since);
            let has_had_its_try = has_fetched || has_seen_one;
            match plan(facts, lifetime, now_ms) {
                Plan::Use => return found(),
                Plan::UseAndRefresh => {
                    flight::refresh_later(self, index, platform);
                    return found();
                }
                Plan::Fetch(_) | Plan::Refuse { .. } if slot.borrow_mut().is_fetching(issuer, now) => {
                    if !patience.nap(platform).await {
                        return Err(refusal(issuer.lifetime.cooldown.max(1)));
                    }
                }
                Plan::Fetch(reason) if !has_had_its_try => {
                    has_fetched = flight::launch(self, index, reason, wanted, platform).await;
                }
                Plan::Fetch(_) => return Err(refusal(1)),
                Plan::Refuse { retry_after } => return Err(refusal(retry_after)),
            }
        }
    }

    /// Whether a token of this issuer that was verified with a key of this set need not be verified again: the set is
    /// the one to use. It is refreshed where that is due, as if its keys had been looked for.
    pub fn still_uses<P: Platform<Key = K>>(self: &Rc<Self>, index: usize, set: &SetIdentity<K>, platform: &P) -> bool {
        let Some((issuer, slot)) = self.at(index) else { return false };
        let now_ms = platform.now_ms();
        let (facts, lifetime) = {
            let mut slot = slot.borrow_mut();
            slot.pull_back(now_ms);
            let Some(cached) = slot.cached.as_deref().filter(|cached| cached.set.is(set)) else { return false };
            (slot.facts(Some(cached), true, now_ms / 1000), cached.lifetime(issuer.lifetime))
        };
        if matches!(issuer.keys, KeySource::Static(_)) {
            return true;
        }
        match plan(facts, lifetime, now_ms) {
            Plan::Use => true,
            Plan::UseAndRefresh => {
                flight::refresh_later(self, index, platform);
                true
            }
            Plan::Fetch(_) | Plan::Refuse { .. } => false,
        }
    }

    /// Fetches every issuer's keys, side by side. For a schedule, so that no request has to.
    pub async fn refresh_all<P: Platform<Key = K>>(&self, platform: &P) {
        let refreshes = (0..self.slots.len()).map(|index| flight::refresh_now(self, index, platform));
        futures_util::future::join_all(refreshes).await;
    }

    pub(super) fn at(&self, index: usize) -> Option<(&Issuer, &RefCell<Slot<K>>)> {
        Some((self.policy.issuers.get(index)?, self.slots.get(index)?.as_ref()))
    }
}

impl<K> Selection<K> {
    fn into_keys(self) -> Result<Vec<Rc<K>>, Denial> {
        match self {
            Self::Keys(keys) => Ok(keys),
            Self::Ambiguous | Self::Unknown => Err(InvalidToken::Key.into()),
        }
    }
}

/// A request's waiting for a fetch that another request made: it looks for the result between naps of its own. What it
/// has slept is its clock, which nobody sets.
struct Patience<'s, K> {
    left_ms: u32,
    next_nap_ms: u32,
    slot: &'s RefCell<Slot<K>>,
    /// From the first nap on.
    place: Option<Place<'s, K>>,
}

impl<'s, K> Patience<'s, K> {
    fn new(issuer: &Issuer, slot: &'s RefCell<Slot<K>>) -> Self {
        Self { left_ms: longest_flight(issuer) * 1000, next_nap_ms: 1, slot, place: None }
    }

    /// Sleeps a little; false when there has been enough of it, or too many do.
    async fn nap(&mut self, runtime: &impl Runtime) -> bool {
        if self.place.is_none() && runtime.has_room_to_wait() {
            self.place = Place::take(self.slot);
        }
        if self.place.is_none() || self.left_ms == 0 {
            return false;
        }
        let nap_ms = self.next_nap_ms.min(self.left_ms);
        runtime.sleep(nap_ms).await;
        self.left_ms -= nap_ms;
        self.next_nap_ms = (self.next_nap_ms * 2).min(MAX_NAP_MS);
        true
    }
}
