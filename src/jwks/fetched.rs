//! An issuer whose keys are fetched, and their place in memory.

use std::cell::RefCell;
use std::rc::Rc;

use super::cached::CachedSet;
use super::plan::{Attempt, KeyAction, KeyFacts, fresh_until, plan};
use super::set::SetIdentity;
use super::slot::Slot;
use crate::policy::Issuer;
use crate::time::UnixMillis;

/// An issuer and its slot in memory, as one value that is cheap to clone.
#[derive(Debug)]
pub(super) struct FetchedKeys<K> {
    pub(super) issuer: Rc<Issuer>,
    pub(super) slot: Rc<RefCell<Slot<K>>>,
}

impl<K> Clone for FetchedKeys<K> {
    fn clone(&self) -> Self {
        Self { issuer: Rc::clone(&self.issuer), slot: Rc::clone(&self.slot) }
    }
}

impl<K> FetchedKeys<K> {
    pub(super) fn new(issuer: Rc<Issuer>) -> Self {
        Self { issuer, slot: Rc::default() }
    }

    /// The key set in memory, fresh or stale, if there is one.
    pub(super) fn cached(&self) -> Option<Rc<CachedSet<K>>> {
        self.slot.borrow().cached().cloned()
    }

    /// Until when this set is used without further ado; `None` if it is not the cached one, or its age is in doubt.
    pub(super) fn fresh_until(&self, set: &SetIdentity<K>) -> Option<UnixMillis> {
        let cached = self.cached().filter(|cached| cached.set.is(set) && !cached.date.is_in_doubt())?;
        Some(fresh_until(cached.date.at(), cached.lifetime(self.issuer.lifetime), cached.jitter))
    }

    /// What to do for a token, given the cached set from which its keys were selected.
    pub(super) fn plan(
        &self,
        cached: Option<&CachedSet<K>>,
        has_key: bool,
        attempt: Attempt,
        now: UnixMillis,
    ) -> KeyAction {
        let mut slot = self.slot.borrow_mut();
        slot.clamp_to_now(now);
        let configured = self.issuer.lifetime;
        let facts = KeyFacts {
            age: cached.map(|cached| cached.age(now.seconds())),
            has_key,
            jitter: cached.map(|cached| cached.jitter).unwrap_or_default(),
            is_in_flight: slot.is_in_flight(&self.issuer, now.seconds()),
            history: slot.history(),
            attempt,
        };
        plan(facts, cached.map_or(configured, |cached| cached.lifetime(configured)), now)
    }

    /// The same for a policy that is only tried, where the slot is that of the policy in force: nothing in it changes.
    pub(super) fn plan_of_trial(&self, cached: Option<&CachedSet<K>>, has_key: bool, now: UnixMillis) -> KeyAction {
        let slot = self.slot.borrow();
        let mut history = slot.history();
        history.clamp_to_now(now);
        let configured = self.issuer.lifetime;
        let facts = KeyFacts {
            age: cached.map(|cached| cached.age(now.seconds())),
            has_key,
            jitter: cached.map(|cached| cached.jitter).unwrap_or_default(),
            is_in_flight: slot.has_flight(),
            history,
            attempt: Attempt::default(),
        };
        plan(facts, cached.map_or(configured, |cached| cached.lifetime(configured)), now)
    }
}
