//! What an isolate's memory holds of one issuer. Nothing here is async.

use std::cell::RefCell;
use std::rc::Rc;

use super::cached::{CachedSet, RelativeAge, Sequence};
use super::plan::{History, Jitter, Reason};
use crate::policy::{Issuer, Lifetime};
use crate::time::{UnixMillis, UnixSeconds};

/// While there is no usable key set, a second flight starts once the first has taken this many seconds.
const SECOND_FLIGHT_AFTER: u64 = 2;

/// After this many seconds a flight is written off, whatever the issuer's timeout: about this long after the response,
/// workerd cancels what is still running.
const MAX_FLIGHT: u32 = 30;

/// How many requests may wait for one issuer's keys: half of what an isolate has room for (`edge/tasks.rs`), so that an
/// issuer that hangs leaves the other half to the others.
pub(super) const MAX_WAITING: usize = 500;

/// One issuer's key set, and the outcome of its fetches.
#[derive(Debug)]
pub(super) struct Slot<K> {
    cached: Option<Rc<CachedSet<K>>>,
    /// Counts the key sets: another set is another version, the same set that was refreshed is not.
    version: u64,
    history: History,
    /// How many requests wait for another request's flight.
    waiting: usize,
    flights: Vec<OpenFlight>,
    /// The last number given to a flight or a question.
    last_begun: Sequence,
    /// The latest question that was answered.
    last_answered: Sequence,
    /// When the schedule last asked.
    scheduled_at: Option<UnixSeconds>,
    /// When a policy that is only tried last asked.
    tried_at: Option<UnixMillis>,
    last_failure: Option<Failure>,
}

/// Why an issuer's keys could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When the fetch ended.
    pub at: UnixSeconds,
    /// The reason, in words.
    pub reason: String,
}

/// A fetch in flight, or one whose request was cancelled.
#[derive(Clone, Copy, Debug)]
struct OpenFlight {
    id: Sequence,
    since: UnixSeconds,
}

impl<K> Default for Slot<K> {
    fn default() -> Self {
        Self {
            cached: None,
            version: 0,
            history: History::default(),
            waiting: 0,
            flights: Vec::new(),
            last_begun: Sequence::default(),
            last_answered: Sequence::default(),
            scheduled_at: None,
            tried_at: None,
            last_failure: None,
        }
    }
}

/// A request's ticket to wait for an issuer's keys. The number of tickets is limited; dropping one returns it.
#[derive(Debug)]
pub(super) struct WaitTicket<'s, K>(&'s RefCell<Slot<K>>);

impl<'s, K> WaitTicket<'s, K> {
    /// Takes one, if one is left.
    pub(super) fn take(slot: &'s RefCell<Slot<K>>) -> Option<Self> {
        let mut waiting = slot.borrow_mut();
        if waiting.waiting >= MAX_WAITING {
            return None;
        }
        waiting.waiting += 1;
        Some(Self(slot))
    }
}

impl<K> Drop for WaitTicket<'_, K> {
    fn drop(&mut self) {
        self.0.borrow_mut().waiting -= 1;
    }
}

impl<K> Slot<K> {
    /// Whether this is the version of the cached set, and its date is not ahead of the clock.
    pub(super) fn is_version(&self, version: u64, now: UnixMillis) -> bool {
        self.version == version && self.cached.as_ref().is_some_and(|cached| cached.date.at() <= now.seconds())
    }

    /// The version of the cached set and its date.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The key set in memory, fresh or stale, if there is one.
    pub(super) fn cached(&self) -> Option<&Rc<CachedSet<K>>> {
        self.cached.as_ref()
    }

    /// Moves times ahead of the clock back to now: the clock was set back, and nothing may last until it catches up.
    pub(super) fn clamp_to_now(&mut self, now: UnixMillis) {
        self.history.clamp_to_now(now);
        for flight in &mut self.flights {
            flight.since = flight.since.min(now.seconds());
        }
        if self.cached.as_ref().is_some_and(|cached| cached.date.clamp_to_now(now.seconds())) {
            // What was granted until the set is stale by its former date must not last until then.
            self.version += 1;
        }
        self.scheduled_at = self.scheduled_at.map(|at| at.min(now.seconds()));
        self.tried_at = self.tried_at.map(|at| at.min(now));
    }

    /// Whether a policy that is only tried may ask the issuer now: once a cooldown, whatever the reason.
    pub(super) fn may_try(&mut self, lifetime: Lifetime, now: UnixMillis) -> bool {
        self.clamp_to_now(now);
        let is_over = |at: UnixMillis| now.0 - at.0 >= lifetime.cooldown.max(1) * 1000;
        let may_try = self.tried_at.is_none_or(is_over);
        if may_try {
            self.tried_at = Some(now);
        }
        may_try
    }

    /// Why the keys could not be fetched when they were last needed, if that has happened.
    pub(super) fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_ref()
    }

    /// Records why the keys could not be fetched.
    pub(super) fn fail(&mut self, reason: &str, now: UnixMillis) {
        self.last_failure = Some(Failure { at: now.seconds(), reason: reason.to_owned() });
    }

    /// Whether a fetch is in flight whose result is worth waiting for.
    pub(super) fn is_in_flight(&mut self, issuer: &Issuer, now: UnixSeconds) -> bool {
        self.flights.retain(|flight| now.since(flight.since) <= u64::from(max_flight_seconds(issuer)));
        match self.flights.as_slice() {
            [] => false,
            // It may never land; without a usable set, a second one is worth starting.
            [only] => self.has_usable_set(issuer.lifetime, now) || now.since(only.since) < SECOND_FLIGHT_AFTER,
            _ => true,
        }
    }

    /// Whether a fetch is in flight, or was and has not been written off yet.
    pub(super) fn has_flight(&self) -> bool {
        !self.flights.is_empty()
    }

    pub(super) fn take_off(&mut self, now: UnixSeconds) -> Sequence {
        let id = self.begin();
        self.flights.push(OpenFlight { id, since: now });
        id
    }

    pub(super) fn land(&mut self, id: Sequence) {
        self.flights.retain(|flight| flight.id != id);
    }

    /// Numbers a flight or a question that begins now.
    fn begin(&mut self) -> Sequence {
        self.last_begun.0 += 1;
        self.last_begun
    }

    /// What became of earlier fetches.
    pub(super) fn history(&self) -> History {
        self.history
    }

    /// Records that the store is read.
    pub(super) fn read_store(&mut self, now: UnixMillis) {
        self.history.store_read_at = Some(now);
    }

    /// Records what the store says of other isolates' fetches.
    pub(super) fn learn(&mut self, triggered_at: Option<UnixMillis>, now: UnixMillis) {
        self.history.learn(triggered_at, now);
    }

    /// Begins a question to the issuer; `None` if the cooldown does not allow one.
    pub(super) fn ask(&mut self, reason: Reason, lifetime: Lifetime, now: UnixMillis) -> Option<Sequence> {
        self.clamp_to_now(now);
        if self.history.wait(reason, lifetime, now) > 0 {
            return None;
        }
        self.history.begin(reason, now);
        if reason == Reason::Scheduled {
            self.scheduled_at = Some(now.seconds());
        }
        Some(self.begin())
    }

    /// When the set was last fetched, or the schedule last tried to, as far as this isolate knows.
    pub(super) fn last_refresh(&mut self, now: UnixMillis) -> Option<UnixSeconds> {
        self.clamp_to_now(now);
        self.scheduled_at.max(self.cached.as_ref().map(|cached| cached.date.at()))
    }

    /// Records that a question was answered, or failed.
    pub(super) fn end(&mut self, failed: Option<Jitter>) {
        self.history.end(failed);
    }

    pub(super) fn last_begun(&self) -> Sequence {
        self.last_begun
    }

    /// Caches the answer to a question, unless a later question was answered already. Dates do not matter: the issuer's
    /// own answer also replaces a set from the store that has a later date.
    pub(super) fn take_answer(&mut self, question: Sequence, answer: CachedSet<K>) -> Option<Rc<CachedSet<K>>> {
        if question < self.last_answered {
            return None;
        }
        self.last_answered = question;
        Some(self.put(answer))
    }

    /// Caches a set from the store if it is newer than the cached one. One whose date is in doubt is second best: it is
    /// cached only if there is no other usable one.
    pub(super) fn take_stored(
        &mut self,
        stored: CachedSet<K>,
        lifetime: Lifetime,
        now: UnixMillis,
    ) -> Option<Rc<CachedSet<K>>> {
        self.clamp_to_now(now);
        let now = now.seconds();
        if !stored.is_usable(lifetime, now) {
            return None;
        }
        match self.cached.as_ref().map_or(RelativeAge::Newer, |known| stored.date.beside(&known.date)) {
            RelativeAge::Newer => {}
            RelativeAge::Unclear => stored.date.doubt(),
            RelativeAge::NotNewer => return None,
        }
        let is_wanted = !stored.date.is_in_doubt() || !self.has_usable_set(lifetime, now);
        is_wanted.then(|| self.put(stored))
    }

    fn put(&mut self, cached: CachedSet<K>) -> Rc<CachedSet<K>> {
        let is_same = self.cached.as_ref().is_some_and(|known| known.set.is(&cached.set.identity()));
        self.version += u64::from(!is_same);
        let cached = Rc::new(cached);
        self.cached = Some(Rc::clone(&cached));
        cached
    }

    fn has_usable_set(&self, lifetime: Lifetime, now: UnixSeconds) -> bool {
        self.cached.as_ref().is_some_and(|cached| cached.is_usable(lifetime, now))
    }
}

/// The longest time in seconds that a flight takes: the store, the metadata and the keys, each with its timeout,
/// rounded up.
pub(super) fn max_flight_seconds(issuer: &Issuer) -> u32 {
    (2 * issuer.timeout_ms.div_ceil(1000) + 2).min(MAX_FLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::cached::FetchDate;
    use crate::jwks::set::KeySet;
    use crate::policy::Policy;

    const NOW: u64 = 1_000_000;
    const NOW_MS: UnixMillis = UnixMillis(NOW * 1000);
    const LIFETIME: Lifetime = Lifetime { ttl: 600, max_stale: 1000, cooldown: 30 };

    fn issuer(timeout_ms: u32) -> Rc<Issuer> {
        let policy = format!(
            r#"{{"version":1,"issuers":{{"i":{{"issuer":"https://i","timeout_ms":{timeout_ms}}}}},
                "routes":[{{"path":"/","access":"deny"}}]}}"#
        );
        Policy::parse(&policy).unwrap().issuers.remove(0)
    }

    fn dated(date: FetchDate) -> CachedSet<()> {
        let (set, jwks_uri, jitter) = (KeySet::new(Vec::new()), String::new(), Jitter::default());
        CachedSet { set, jwks_uri, etag: None, fresh_for: None, date, jitter }
    }

    fn asked(question: u64, at: u64) -> CachedSet<()> {
        dated(FetchDate::asked(Sequence(question), UnixSeconds(at)))
    }

    fn stored(noted: u64) -> CachedSet<()> {
        dated(FetchDate::stored(UnixSeconds(noted), UnixSeconds(NOW)))
    }

    #[test]
    fn a_clock_that_goes_back_leaves_no_flight_that_never_lands() {
        let (mut slot, issuer) = (Slot::<()>::default(), issuer(5000));
        slot.put(stored(NOW));
        slot.take_off(UnixSeconds(NOW + 3600));
        slot.clamp_to_now(NOW_MS);
        let longest = u64::from(max_flight_seconds(&issuer));
        for (now, is_in_flight) in [(NOW, true), (NOW + longest, true), (NOW + longest + 1, false)] {
            assert_eq!(slot.is_in_flight(&issuer, UnixSeconds(now)), is_in_flight, "{now}");
        }
    }

    #[test]
    fn a_set_of_the_store_that_is_in_doubt_is_taken_where_there_is_no_other_to_use() {
        let far_ahead = || stored(NOW + 3600);
        let mut slot = Slot::<()>::default();
        assert!(slot.take_stored(far_ahead(), LIFETIME, NOW_MS).is_some());
        assert!(slot.take_stored(far_ahead(), LIFETIME, NOW_MS).is_none(), "the same again");
        for (age, is_taken) in [(999, false), (1000, true)] {
            let mut slot = Slot::<()>::default();
            slot.take_answer(Sequence(1), asked(1, NOW - age));
            assert_eq!(slot.take_stored(far_ahead(), LIFETIME, NOW_MS).is_some(), is_taken, "{age}");
        }
        let mut slot = Slot::<()>::default();
        assert!(slot.take_stored(stored(NOW - 1000), LIFETIME, NOW_MS).is_none(), "too old");
    }

    #[test]
    fn the_answer_to_a_later_question_counts_whatever_its_date() {
        let mut slot = Slot::<()>::default();
        for (question, date, counts) in [(2, NOW, true), (1, NOW + 9, false), (3, NOW - 3600, true), (2, NOW, false)] {
            assert_eq!(slot.take_answer(Sequence(question), asked(question, date)).is_some(), counts, "{question}");
        }
        // Nor does the date of a set from the store count.
        slot.take_stored(stored(NOW + 20), LIFETIME, NOW_MS).unwrap();
        assert!(slot.take_answer(Sequence(4), asked(4, NOW - 5)).is_some());
    }

    #[test]
    fn a_flight_is_given_the_time_of_the_store_and_two_fetches() {
        for (timeout_ms, seconds) in
            [(1, 4), (1000, 4), (1001, 6), (5000, 12), (14_000, 30), (14_001, 30), (2_147_483_647, 30)]
        {
            assert_eq!(max_flight_seconds(&issuer(timeout_ms)), seconds, "{timeout_ms}");
        }
    }
}
