//! The keys for one token: from memory, and by a fetch if needed.

use std::cell::RefCell;
use std::rc::Rc;

use super::fetched::FetchedKeys;
use super::flight::{self, Landing};
use super::plan::{Attempt, KeyAction, Reason, Refusal};
use super::set::{Found, KeyQuery, Selection, SetIdentity};
use super::slot::{Slot, WaitTicket, max_flight_seconds};
use crate::denial::{Denial, InvalidToken};
use crate::platform::{Platform, Runtime};
use crate::policy::Issuer;
use crate::time::UnixMillis;

/// The longest sleep in milliseconds between two looks for the result of another request's flight.
const MAX_NAP_MS: u32 = 64;

/// Finds the keys for a token.
///
/// # Errors
/// [`InvalidToken::Key`] if the issuer has no such key, [`InvalidToken::AmbiguousKey`] if it has several,
/// [`Denial::KeysUnavailable`] if it has no usable set.
pub(super) async fn find<P: Platform>(
    keys: &FetchedKeys<P::Key>,
    query: &KeyQuery,
    platform: &P,
) -> Result<Found<P::Key>, Denial> {
    let mut patience = Patience::new(&keys.issuer, &keys.slot);
    let came_after = keys.slot.borrow().last_begun();
    let mut attempt = Attempt::default();
    loop {
        let cached = keys.cached();
        let selection = match &cached {
            Some(cached) => cached.set.select(query, platform).await,
            None => Selection::Unknown,
        };
        let has_key = !matches!(selection, Selection::Unknown);
        attempt.is_answered = cached.as_ref().is_some_and(|cached| cached.date.is_asked_after(came_after));
        match keys.plan(cached.as_deref(), has_key, attempt, platform.now()) {
            action @ (KeyAction::Use | KeyAction::UseAndRefresh) => {
                if action == KeyAction::UseAndRefresh {
                    flight::refresh_later(keys, platform);
                }
                // Without a set there is no key, and the plan uses none.
                let cached = cached.ok_or(InvalidToken::Key)?;
                return Ok(selection.found_in(&cached.set)?);
            }
            KeyAction::Wait { otherwise } => {
                if !patience.nap(platform).await {
                    return Err(otherwise.into());
                }
                attempt.has_waited = true;
            }
            KeyAction::Fetch(reason) => {
                attempt.has_fetched = flight::launch(keys, reason, query, platform).await == Landing::Issuer;
            }
            KeyAction::Refuse(refusal) => return Err(refusal.into()),
        }
    }
}

/// Finds the keys for a token without waiting for any: those in memory. If they are missing or stale, they are fetched for
/// later requests, if `fetches` is true. Otherwise the policy in force fetches them, and nothing about that changes.
///
/// # Errors
/// As [`find`]; [`Denial::KeysUnavailable`] also if a request would have to wait.
pub(super) async fn at_hand<P: Platform>(
    keys: &FetchedKeys<P::Key>,
    query: &KeyQuery,
    fetches: bool,
    platform: &P,
) -> Result<Found<P::Key>, Denial> {
    let cached = keys.cached();
    let selection = match &cached {
        Some(cached) => cached.set.select(query, platform).await,
        None => Selection::Unknown,
    };
    let has_key = !matches!(selection, Selection::Unknown);
    let now = platform.now();
    let action = if fetches {
        keys.plan(cached.as_deref(), has_key, Attempt::default(), now)
    } else {
        keys.plan_of_trial(cached.as_deref(), has_key, now)
    };
    let reason = match action {
        KeyAction::UseAndRefresh => Some(Reason::Stale),
        KeyAction::Fetch(reason) => Some(reason),
        _ => None,
    };
    if let Some(reason) = reason.filter(|_| fetches) {
        flight::try_later(keys, reason, platform);
    }
    match action {
        KeyAction::Use | KeyAction::UseAndRefresh => {
            let cached = cached.ok_or(InvalidToken::Key)?;
            Ok(selection.found_in(&cached.set)?)
        }
        KeyAction::Fetch(_) | KeyAction::Wait { .. } => Err(Denial::KeysUnavailable { retry_after: 1 }),
        KeyAction::Refuse(refusal) => Err(refusal.into()),
    }
}

/// Whether a token that was verified with a key of this set need not be verified again, because the set is still in
/// use. Refreshes the set if that is due, as [`find`] does. If `refreshes` is false, such a set is not current, and nothing
/// changes.
pub(super) fn is_current<P: Platform>(
    keys: &FetchedKeys<P::Key>,
    set: &SetIdentity<P::Key>,
    refreshes: bool,
    now: UnixMillis,
    platform: &P,
) -> bool {
    let Some(cached) = keys.cached().filter(|cached| cached.set.is(set)) else { return false };
    if !refreshes {
        return keys.plan_of_trial(Some(&cached), true, now) == KeyAction::Use;
    }
    match keys.plan(Some(&cached), true, Attempt::default(), now) {
        KeyAction::Use => true,
        KeyAction::UseAndRefresh => {
            flight::refresh_later(keys, platform);
            true
        }
        KeyAction::Fetch(_) | KeyAction::Wait { .. } | KeyAction::Refuse(_) => false,
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownKey => InvalidToken::Key.into(),
            Refusal::Unavailable { retry_after } => Self::KeysUnavailable { retry_after },
        }
    }
}

/// How long a request still waits for another request's flight. It looks for the result between sleeps of its own, and
/// measures time by these, since the clock can be set.
struct Patience<'s, K> {
    left_ms: u32,
    next_nap_ms: u32,
    slot: &'s RefCell<Slot<K>>,
    /// Held from the first nap on.
    ticket: Option<WaitTicket<'s, K>>,
}

impl<'s, K> Patience<'s, K> {
    fn new(issuer: &Issuer, slot: &'s Rc<RefCell<Slot<K>>>) -> Self {
        Self { left_ms: max_flight_seconds(issuer) * 1000, next_nap_ms: 1, slot, ticket: None }
    }

    /// Sleeps briefly; false if the request has waited long enough, or too many requests wait.
    async fn nap(&mut self, runtime: &impl Runtime) -> bool {
        if self.ticket.is_none() && runtime.has_room_to_wait() {
            self.ticket = WaitTicket::take(self.slot);
        }
        if self.ticket.is_none() || self.left_ms == 0 {
            return false;
        }
        let nap_ms = self.next_nap_ms.min(self.left_ms);
        runtime.sleep(nap_ms).await;
        self.left_ms -= nap_ms;
        self.next_nap_ms = (self.next_nap_ms * 2).min(MAX_NAP_MS);
        true
    }
}
