//! What an isolate's memory holds of one issuer. Nothing here waits for anything.

use std::cell::RefCell;
use std::rc::Rc;

use super::cached::{Cached, Standing};
use super::plan::{Facts, History};
use crate::policy::{Issuer, Lifetime};

/// While there is no key set at all, a second fetch starts when the first has taken this many seconds.
const SECOND_FLIGHT_AFTER: u64 = 2;

/// After this many seconds a flight is written off, whatever the issuer's timeout: workerd ends work after the response
/// at about that age.
const LONGEST_FLIGHT: u32 = 30;

/// How many requests may wait for one issuer's keys: half of what an isolate has room for (`tasks.rs`), so that an issuer
/// that hangs leaves the other half to the others.
pub(super) const MAX_WAITING: usize = 500;

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
    /// The latest question that was answered.
    answered: u64,
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
        Self { cached: None, history, waiting: 0, flights, begun: 0, answered: 0 }
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

impl<K> Slot<K> {
    /// Brings what lies ahead of the clock back to it: the clock was set back, and nothing may last until it is there again.
    pub(super) fn pull_back(&mut self, now_ms: u64) {
        let now = now_ms / 1000;
        self.history.pull_back(now_ms);
        for flight in &mut self.flights {
            flight.since = flight.since.min(now);
        }
        if let Some(cached) = &self.cached {
            cached.date.pull_back(now);
        }
    }

    /// What is known when a token asks for a key of `cached`.
    pub(super) fn facts(&self, cached: Option<&Cached<K>>, knows_key: bool, now: u64) -> Facts {
        Facts { age: cached.map(|cached| cached.age(now)), knows_key, history: self.history }
    }

    /// Whether a fetch is under way whose result is worth waiting for.
    pub(super) fn is_fetching(&mut self, issuer: &Issuer, now: u64) -> bool {
        self.flights.retain(|flight| now.saturating_sub(flight.since) <= u64::from(longest_flight(issuer)));
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

    /// The last of what has begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Takes up the answer to a question, unless a later one is answered. No date counts against what the issuer itself
    /// says, not that of a set which came from the store meanwhile.
    pub(super) fn replace(&mut self, turn: u64, answer: Cached<K>) -> Option<Rc<Cached<K>>> {
        if turn < self.answered {
            return None;
        }
        self.answered = turn;
        Some(self.put(answer))
    }

    /// Takes up a set of the store if it is newer than the one at hand. One that is in doubt is second best: it is taken
    /// where there is no other to use.
    pub(super) fn take_up(&mut self, stored: Cached<K>, lifetime: Lifetime, now_ms: u64) -> Option<Rc<Cached<K>>> {
        self.pull_back(now_ms);
        let now = now_ms / 1000;
        if !stored.lifetime(lifetime).is_usable(stored.age(now)) {
            return None;
        }
        match self.cached.as_ref().map_or(Standing::Newer, |known| stored.date.beside(&known.date)) {
            Standing::Newer => {}
            Standing::Unclear => stored.date.doubt(),
            Standing::NotNewer => return None,
        }
        let is_wanted = !stored.date.is_in_doubt() || !self.has_usable_set(lifetime, now);
        is_wanted.then(|| self.put(stored))
    }

    fn put(&mut self, cached: Cached<K>) -> Rc<Cached<K>> {
        let cached = Rc::new(cached);
        self.cached = Some(Rc::clone(&cached));
        cached
    }

    fn has_usable_set(&self, lifetime: Lifetime, now: u64) -> bool {
        self.cached.as_ref().is_some_and(|cached| cached.lifetime(lifetime).is_usable(cached.age(now)))
    }
}

/// The most seconds that a flight takes: the store, the metadata and the keys, each with its timeout, rounded up.
pub(super) fn longest_flight(issuer: &Issuer) -> u32 {
    (2 * issuer.timeout_ms.div_ceil(1000) + 2).min(LONGEST_FLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::cached::Date;
    use crate::jwks::set::KeySet;
    use crate::policy::Policy;

    const NOW: u64 = 1_000_000;
    const LIFETIME: Lifetime = Lifetime { ttl: 600, max_stale: 1000, cooldown: 30 };

    fn issuer() -> Issuer {
        let policy = r#"{"version":1,"issuers":{"i":{"issuer":"https://i"}},"routes":[{"path":"/","access":"deny"}]}"#;
        Policy::parse(policy).unwrap().issuers.remove(0)
    }

    fn dated(date: Date) -> Cached<()> {
        Cached { date, ..Cached::of_policy(KeySet::new(Vec::new())) }
    }

    #[test]
    fn a_clock_that_goes_back_leaves_no_flight_that_never_lands() {
        let (mut slot, issuer) = (Slot::<()>::default(), issuer());
        slot.cached = Some(Rc::new(dated(Date::stored(NOW, NOW))));
        slot.take_off(NOW + 3600);
        slot.pull_back(NOW * 1000);
        let longest = u64::from(longest_flight(&issuer));
        for (now, is_fetching) in [(NOW, true), (NOW + longest, true), (NOW + longest + 1, false)] {
            assert_eq!(slot.is_fetching(&issuer, now), is_fetching, "{now}");
        }
    }

    #[test]
    fn a_set_of_the_store_that_is_in_doubt_is_taken_where_there_is_no_other_to_use() {
        let far_ahead = || dated(Date::stored(NOW + 3600, NOW));
        let mut slot = Slot::<()>::default();
        assert!(slot.take_up(far_ahead(), LIFETIME, NOW * 1000).is_some());
        assert!(slot.take_up(far_ahead(), LIFETIME, NOW * 1000).is_none(), "the same again");
        for (age, is_taken) in [(999, false), (1000, true)] {
            let mut slot = Slot::<()>::default();
            slot.replace(1, dated(Date::asked(1, NOW - age)));
            assert_eq!(slot.take_up(far_ahead(), LIFETIME, NOW * 1000).is_some(), is_taken, "{age}");
        }
        let mut slot = Slot::<()>::default();
        assert!(slot.take_up(dated(Date::stored(NOW - 1000, NOW)), LIFETIME, NOW * 1000).is_none(), "too old");
    }

    #[test]
    fn the_answer_to_a_later_question_counts_whatever_its_date() {
        let mut slot = Slot::<()>::default();
        for (turn, date, counts) in [(2, NOW, true), (1, NOW + 9, false), (3, NOW - 3600, true), (2, NOW, false)] {
            assert_eq!(slot.replace(turn, dated(Date::asked(turn, date))).is_some(), counts, "{turn}");
        }
        // Nor does the date of a set that came from the store.
        slot.take_up(dated(Date::stored(NOW + 20, NOW)), LIFETIME, NOW * 1000).unwrap();
        assert!(slot.replace(4, dated(Date::asked(4, NOW - 5))).is_some());
    }

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
