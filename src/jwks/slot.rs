//! What an isolate's memory holds of one issuer. Nothing here waits for anything.

use std::cell::RefCell;
use std::rc::Rc;

use super::caching::bounded;
use super::plan::{Facts, History};
use super::set::KeySet;
use crate::policy::{Issuer, Lifetime};

/// While there is no key set at all, a second fetch starts when the first has taken this many seconds.
const SECOND_FLIGHT_AFTER: u64 = 2;

/// After this many seconds a flight is written off, whatever the issuer's timeout: workerd ends work after the response
/// at about that age.
const LONGEST_FLIGHT: u64 = 30;

/// How many requests may wait for one issuer's keys: half of what an isolate has room for (`tasks.rs`), so that an issuer
/// that hangs leaves the other half to the others.
pub(super) const MAX_WAITING: usize = 500;

/// A key set and where it came from.
#[derive(Debug)]
pub(super) struct Cached<K> {
    pub(super) set: KeySet<K>,
    pub(super) jwks_uri: String,
    pub(super) etag: Option<String>,
    pub(super) fetched_at: u64,
    /// How many seconds it is fresh, if the issuer said so.
    pub(super) fresh_for: Option<u64>,
}

/// One issuer's key set, and what became of its fetches.
#[derive(Debug)]
pub(super) struct Slot<K> {
    pub(super) cached: Option<Rc<Cached<K>>>,
    pub(super) history: History,
    /// How many requests wait for a flight of others.
    waiting: usize,
    flights: Vec<Flight>,
    /// Flights and questions to the issuer, counted in the order in which they begin.
    begun: u64,
    /// The question that the set at hand answers.
    turn_of_cached: u64,
}

/// A fetch that is under way, or whose request was cancelled.
#[derive(Clone, Copy, Debug)]
struct Flight {
    id: FlightId,
    since: u64,
}

/// Tells one flight from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlightId(u64);

impl<K> Default for Slot<K> {
    fn default() -> Self {
        let (history, flights) = (History::default(), Vec::new());
        Self { cached: None, history, waiting: 0, flights, begun: 0, turn_of_cached: 0 }
    }
}

/// A place among those that wait for an issuer's keys; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place<'s, K>(&'s RefCell<Slot<K>>);

impl<'s, K> Place<'s, K> {
    /// Takes one, if there is one.
    pub(super) fn take(slot: &'s RefCell<Slot<K>>) -> Option<Self> {
        let mut waiting = slot.borrow_mut();
        if waiting.waiting >= MAX_WAITING {
            return None;
        }
        waiting.waiting += 1;
        Some(Self(slot))
    }
}

impl<K> Drop for Place<'_, K> {
    fn drop(&mut self) {
        self.0.borrow_mut().waiting -= 1;
    }
}

impl<K> Cached<K> {
    pub(super) fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.fetched_at)
    }

    /// The policy's times, but for what the issuer says of this set.
    pub(super) fn lifetime(&self, configured: Lifetime) -> Lifetime {
        let ttl = self.fresh_for.map_or(configured.ttl, |fresh_for| bounded(fresh_for, configured.ttl));
        Lifetime { ttl, ..configured }
    }
}

impl<K> Slot<K> {
    /// What is known when a token asks for a key of `cached`.
    pub(super) fn facts(&self, cached: Option<&Cached<K>>, knows_key: bool, now: u64) -> Facts {
        Facts { age: cached.map(|cached| cached.age(now)), knows_key, history: self.history }
    }

    /// Whether a fetch is under way whose result is worth waiting for.
    pub(super) fn is_fetching(&mut self, issuer: &Issuer, now: u64) -> bool {
        self.flights.retain(|flight| now.saturating_sub(flight.since) <= longest_flight(issuer));
        match self.flights.as_slice() {
            [] => false,
            // It may never land; with nothing to fall back to, a second is worth it.
            [only] => self.has_usable_set(issuer.lifetime, now) || now.saturating_sub(only.since) < SECOND_FLIGHT_AFTER,
            _ => true,
        }
    }

    pub(super) fn take_off(&mut self, now: u64) -> FlightId {
        let id = FlightId(self.next_turn());
        self.flights.push(Flight { id, since: now });
        id
    }

    pub(super) fn land(&mut self, id: FlightId) {
        self.flights.retain(|flight| flight.id != id);
    }

    /// Counts what begins.
    pub(super) fn next_turn(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// Takes up the answer to a question, unless the set at hand answers a later one or came later from the store.
    pub(super) fn replace(&mut self, turn: u64, cached: Cached<K>) -> Option<Rc<Cached<K>>> {
        let is_late = self
            .cached
            .as_ref()
            .is_some_and(|known| turn < self.turn_of_cached || cached.fetched_at < known.fetched_at);
        if is_late {
            return None;
        }
        let cached = Rc::new(cached);
        self.turn_of_cached = turn;
        self.cached = Some(Rc::clone(&cached));
        Some(cached)
    }

    fn has_usable_set(&self, lifetime: Lifetime, now: u64) -> bool {
        self.cached.as_ref().is_some_and(|cached| cached.lifetime(lifetime).is_usable(cached.age(now)))
    }
}

/// The most seconds that a flight takes: the store, the metadata and the keys, each with its timeout, rounded up.
pub(super) fn longest_flight(issuer: &Issuer) -> u64 {
    (2 * u64::from(issuer.timeout_ms).div_ceil(1000) + 2).min(LONGEST_FLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_flight_is_given_the_time_of_the_store_and_two_fetches() {
        for (timeout_ms, seconds) in
            [(1, 4), (1000, 4), (1001, 6), (5000, 12), (14_000, 30), (14_001, 30), (2_147_483_647, 30)]
        {
            let policy = format!(
                r#"{{"version":1,"issuers":{{"i":{{"issuer":"https://i","timeout_ms":{timeout_ms}}}}},
                    "routes":[{{"path":"/","access":"deny"}}]}}"#
            );
            assert_eq!(longest_flight(&Policy::parse(&policy).unwrap().issuers[0]), seconds, "{timeout_ms}");
        }
    }
}
