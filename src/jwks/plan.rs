//! What to do about an issuer's keys: use, refresh, fetch, wait or refuse. Pure: the clock and all facts are arguments.
//! How old a set is, and which of two is newer, is decided in `cached.rs` and `caching.rs`.

use crate::policy::Lifetime;
use crate::time::{UnixMillis, UnixSeconds};

/// Seconds by which the clocks of isolates may differ. A time further ahead is in doubt.
pub(super) const MAX_SKEW: u64 = 60;

/// While there is no set, the minimum time in milliseconds between two reads of the store.
const STORE_RETRY_MS: u64 = 10_000;

/// What is known when a token needs a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFacts {
    /// Seconds since the cached set was fetched; `None` without a set.
    pub age: Option<u64>,
    /// Whether the set has a key that fits the token, or several without a way to choose.
    pub has_key: bool,
    /// Keeps isolates from refreshing the same set in the same second.
    pub jitter: Jitter,
    /// Whether a fetch is in flight whose result is worth waiting for.
    pub is_in_flight: bool,
    /// The outcome of earlier fetches.
    pub history: History,
    /// What this request has tried so far.
    pub attempt: Attempt,
}

/// What a request has tried so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// It launched a flight, and the issuer was asked or must not be asked yet.
    pub has_fetched: bool,
    /// It waited for another request's flight.
    pub has_waited: bool,
    /// The cached set was requested from the issuer after this request arrived.
    pub is_answered: bool,
}

/// The outcome of an issuer's earlier fetches. None of its times is ahead of the clock: see [`History::clamp_to_now`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The last fetch failed. The jitter spreads the retries of isolates that failed together.
    pub failed: Option<Jitter>,
    /// When an unknown `kid` or a failure last triggered a fetch. This starts the cooldown; a first fetch and a refresh
    /// due to the ttl do not. In milliseconds: whole seconds would cut cooldowns short.
    pub triggered_at: Option<UnixMillis>,
    /// The trigger that was last read from the store or is to be written there, by the clock of the isolate that
    /// recorded it.
    pub reported_trigger: Option<UnixMillis>,
    /// When the store was last read.
    pub store_read_at: Option<UnixMillis>,
}

/// A random share, drawn once and kept. Isolates that cached the same set would otherwise all refresh it at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jitter(u32);

/// What to do for a token that needs a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAction {
    /// Use the cached set.
    Use,
    /// Use the cached set, and refresh it after responding.
    UseAndRefresh,
    /// Get a set first: from the store, and if that does not help and the cooldown allows it, from the issuer.
    Fetch(Reason),
    /// Wait for the fetch that is in flight.
    Wait {
        /// The refusal if the request cannot wait.
        otherwise: Refusal,
    },
    /// Refuse the token.
    Refuse(Refusal),
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The issuer's set is usable but does not have it.
    UnknownKey,
    /// There is no usable set.
    Unavailable {
        /// Seconds after which a retry may succeed.
        retry_after: u64,
    },
}

/// Why a set is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no set, or it is too old to be used.
    Missing,
    /// The set is past its ttl.
    Stale,
    /// The set does not have the token's key.
    UnknownKey,
    /// The operator's schedule.
    Scheduled,
}

/// Decides what to do.
#[must_use]
pub fn plan(facts: KeyFacts, lifetime: Lifetime, now: UnixMillis) -> KeyAction {
    let KeyFacts { has_key, history, .. } = facts;
    let Some(age) = facts.usable_age(lifetime) else {
        // Even if the issuer failed, another isolate may have put a set into the store.
        let may_fetch = history.may_read_store(now) || history.wait(Reason::Missing, lifetime, now) == 0;
        return if may_fetch {
            facts.fetch(Reason::Missing, lifetime)
        } else {
            facts.wait_for(Reason::Missing, lifetime, now)
        };
    };
    let is_fresh = lifetime.is_fresh(age + facts.jitter.of_a_tenth(lifetime.ttl));
    // A refresh due to the ttl has no cooldown, whatever causes it, unless the last fetch failed.
    let may_refresh = history.wait(Reason::Stale, lifetime, now) == 0;
    match (has_key, is_fresh) {
        (true, true) => KeyAction::Use,
        (true, false) if may_refresh => KeyAction::UseAndRefresh,
        (true, false) => KeyAction::Use,
        (false, false) if may_refresh => facts.fetch(Reason::Stale, lifetime),
        (false, _) if history.wait(Reason::UnknownKey, lifetime, now) == 0 => facts.fetch(Reason::UnknownKey, lifetime),
        (false, _) => facts.wait_for(Reason::UnknownKey, lifetime, now),
    }
}

/// The first time at which [`plan`] does more than use a set that was fetched at this time.
#[must_use]
pub fn fresh_until(fetched_at: UnixSeconds, lifetime: Lifetime, jitter: Jitter) -> UnixMillis {
    fetched_at.plus(lifetime.ttl.saturating_sub(jitter.of_a_tenth(lifetime.ttl))).millis()
}

impl KeyFacts {
    /// The age of the set, if it is usable.
    fn usable_age(&self, lifetime: Lifetime) -> Option<u64> {
        // A set that was just fetched for this request is usable for it, however short its lifetime.
        let is_new = self.attempt.has_fetched && self.history.failed.is_none();
        self.age.map(|age| if is_new { 0 } else { age }).filter(|age| lifetime.is_usable(*age))
    }

    /// A fetch, unless one is in flight or the request has had its try.
    fn fetch(&self, reason: Reason, lifetime: Lifetime) -> KeyAction {
        if self.is_in_flight {
            KeyAction::Wait { otherwise: self.refusal(lifetime, lifetime.cooldown.max(1)) }
        } else if self.has_had_its_try() {
            KeyAction::Refuse(self.refusal(lifetime, 1))
        } else {
            KeyAction::Fetch(reason)
        }
    }

    /// No fetch during the cooldown; one that is in flight may still help.
    fn wait_for(&self, reason: Reason, lifetime: Lifetime, now: UnixMillis) -> KeyAction {
        if self.is_in_flight {
            KeyAction::Wait { otherwise: self.refusal(lifetime, lifetime.cooldown.max(1)) }
        } else {
            KeyAction::Refuse(self.refusal(lifetime, self.history.wait(reason, lifetime, now)))
        }
    }

    fn refusal(&self, lifetime: Lifetime, retry_after: u64) -> Refusal {
        if self.usable_age(lifetime).is_some() { Refusal::UnknownKey } else { Refusal::Unavailable { retry_after } }
    }

    /// A request has had its try if it fetched, if it waited for another request's flight that failed, or if the issuer
    /// was asked since it arrived and the set still lacks its key.
    fn has_had_its_try(&self) -> bool {
        let Attempt { has_fetched, has_waited, is_answered } = self.attempt;
        has_fetched || (has_waited && (self.history.failed.is_some() || (is_answered && !self.has_key)))
    }
}

impl History {
    /// Records that a fetch begins.
    pub fn begin(&mut self, reason: Reason, now: UnixMillis) {
        if self.is_trigger(reason) {
            (self.triggered_at, self.reported_trigger) = (Some(now), Some(now));
        }
    }

    /// Records that a fetch ended.
    pub fn end(&mut self, failed: Option<Jitter>) {
        self.failed = failed;
    }

    /// Records what another isolate reports about its fetches. The same trigger does not restart the cooldown.
    pub fn learn(&mut self, triggered_at: Option<UnixMillis>, now: UnixMillis) {
        if self.reported_trigger != triggered_at {
            self.reported_trigger = triggered_at;
            self.triggered_at = self.triggered_at.max(begun(triggered_at, now));
        }
    }

    /// Moves times ahead of the clock back to now: the clock was set back.
    pub fn clamp_to_now(&mut self, now: UnixMillis) {
        self.triggered_at = begun(self.triggered_at, now);
        self.store_read_at = begun(self.store_read_at, now);
    }

    /// Seconds until a fetch for this reason may begin.
    #[must_use]
    pub fn wait(self, reason: Reason, lifetime: Lifetime, now: UnixMillis) -> u64 {
        if !self.is_trigger(reason) {
            return 0;
        }
        // The cooldown is the minimum time between two fetches, so the jitter of retries only adds to it.
        let spread = self.failed.map_or(0, |jitter| jitter.of_a_tenth(lifetime.cooldown));
        let cooldown_ms = lifetime.cooldown.saturating_add(spread).saturating_mul(1000);
        self.triggered_at.map_or(0, |at| cooldown_ms.saturating_sub(now.since(at)).div_ceil(1000))
    }

    /// Whether the cooldown applies to a fetch for this reason.
    fn is_trigger(self, reason: Reason) -> bool {
        match reason {
            Reason::UnknownKey => true,
            Reason::Missing | Reason::Stale => self.failed.is_some(),
            Reason::Scheduled => false,
        }
    }

    fn may_read_store(self, now: UnixMillis) -> bool {
        self.store_read_at.is_none_or(|at| now.since(at) >= STORE_RETRY_MS)
    }
}

impl Jitter {
    /// The share for a random number.
    #[must_use]
    pub fn drawn(random: u32) -> Self {
        Self(random)
    }

    /// This share of a tenth of `seconds`, in whole seconds.
    fn of_a_tenth(self, seconds: u64) -> u64 {
        let share = u128::from(seconds / 10 + 1) * u128::from(self.0);
        u64::try_from(share >> u32::BITS).unwrap_or(u64::MAX)
    }
}

/// The start of a wait. One slightly ahead of the clock counts as now, since clocks differ by some seconds; one far
/// ahead is ignored, so that no wait lasts until the clock catches up.
fn begun(at: Option<UnixMillis>, now: UnixMillis) -> Option<UnixMillis> {
    at.filter(|at| *at <= now.plus(MAX_SKEW * 1000)).map(|at| at.min(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Lifetime = Lifetime { ttl: 600, max_stale: 86_400, cooldown: 30 };
    const NOW: UnixMillis = UnixMillis(1_000_000_000);

    fn at(age: Option<u64>, has_key: bool, history: History) -> KeyAction {
        plan(KeyFacts { age, has_key, history, ..KeyFacts::default() }, LIFETIME, NOW)
    }

    fn ago(milliseconds: u64) -> UnixMillis {
        UnixMillis(NOW.0 - milliseconds)
    }

    const UNKNOWN: KeyAction = KeyAction::Refuse(Refusal::UnknownKey);

    /// Seconds until an unknown key may trigger a fetch.
    fn wait(history: History) -> u64 {
        history.wait(Reason::UnknownKey, LIFETIME, NOW)
    }

    fn refused(retry_after: u64) -> KeyAction {
        KeyAction::Refuse(Refusal::Unavailable { retry_after })
    }

    fn history(failed: bool, since: Option<u64>) -> History {
        let triggered_at = since.map(|since| ago(since * 1000));
        History { failed: failed.then(Jitter::default), triggered_at, store_read_at: Some(NOW), ..History::default() }
    }

    #[test]
    fn a_fresh_set_is_used_and_a_stale_one_is_used_and_refreshed() {
        let calm = History::default();
        assert_eq!(at(Some(0), true, calm), KeyAction::Use);
        assert_eq!(at(Some(599), true, calm), KeyAction::Use);
        assert_eq!(at(Some(600), true, calm), KeyAction::UseAndRefresh);
        assert_eq!(at(Some(86_399), true, calm), KeyAction::UseAndRefresh);
        assert_eq!(at(Some(86_400), true, calm), KeyAction::Fetch(Reason::Missing));
        assert_eq!(at(None, false, calm), KeyAction::Fetch(Reason::Missing));
    }

    #[test]
    fn a_fresh_set_is_used_even_where_no_stale_one_is() {
        let lifetime = Lifetime { max_stale: 0, ..LIFETIME };
        let at = |age| plan(KeyFacts { age: Some(age), has_key: true, ..KeyFacts::default() }, lifetime, NOW);
        assert_eq!(at(599), KeyAction::Use);
        assert_eq!(at(600), KeyAction::Fetch(Reason::Missing));
    }

    #[test]
    fn an_unknown_key_fetches_once_per_cooldown() {
        assert_eq!(
            at(Some(0), false, History::default()),
            KeyAction::Fetch(Reason::UnknownKey),
            "a first fetch starts no cooldown"
        );
        assert_eq!(at(Some(0), false, history(false, Some(0))), UNKNOWN);
        assert_eq!(wait(history(false, Some(0))), 30);
        assert_eq!(at(Some(0), false, history(false, Some(29))), UNKNOWN);
        assert_eq!(wait(history(false, Some(29))), 1);
        assert_eq!(at(Some(0), false, history(false, Some(30))), KeyAction::Fetch(Reason::UnknownKey));
        let almost = History { triggered_at: Some(ago(29_001)), ..history(false, None) };
        assert_eq!(at(Some(0), false, almost), UNKNOWN, "not a millisecond early");
        assert_eq!(wait(almost), 1);
    }

    #[test]
    fn a_failure_is_tried_again_under_the_cooldown() {
        assert_eq!(
            at(None, false, history(true, None)),
            KeyAction::Fetch(Reason::Missing),
            "the first failure starts no cooldown"
        );
        assert_eq!(at(None, false, history(true, Some(10))), refused(20));
        assert_eq!(at(Some(700), true, history(true, Some(10))), KeyAction::Use, "meanwhile the stale set serves");
        assert_eq!(at(Some(700), true, history(true, Some(30))), KeyAction::UseAndRefresh);
        assert_eq!(
            at(Some(700), true, history(false, Some(10))),
            KeyAction::UseAndRefresh,
            "the ttl knows no cooldown"
        );
        assert_eq!(at(None, false, history(false, Some(10))), KeyAction::Fetch(Reason::Missing));
    }

    #[test]
    fn without_a_set_the_store_is_looked_into_whatever_became_of_the_issuer() {
        let failed = |store_read_at| History { store_read_at, ..history(true, Some(0)) };
        assert_eq!(at(None, false, failed(None)), KeyAction::Fetch(Reason::Missing));
        assert_eq!(at(None, false, failed(Some(ago(9_999)))), refused(30));
        assert_eq!(at(None, false, failed(Some(ago(10_000)))), KeyAction::Fetch(Reason::Missing));
        assert_eq!(at(Some(0), false, failed(None)), UNKNOWN, "a set is cached");
        assert_eq!(wait(failed(None)), 30);
    }

    #[test]
    fn a_clock_that_goes_back_stretches_no_wait() {
        for (ahead, waits) in [(1, true), (60_000, true), (60_001, false), (3_600_000, false)] {
            let later = Some(NOW.plus(ahead));
            let mut history = History { triggered_at: later, store_read_at: later, ..history(true, None) };
            history.clamp_to_now(NOW);
            let after = |ms| plan(KeyFacts { history, ..KeyFacts::default() }, LIFETIME, NOW.plus(ms));
            let expected = if waits { refused(30) } else { KeyAction::Fetch(Reason::Missing) };
            assert_eq!(after(0), expected, "{ahead}");
            assert_eq!(after(STORE_RETRY_MS), KeyAction::Fetch(Reason::Missing), "{ahead}: the store");
            assert_eq!(history.wait(Reason::Missing, LIFETIME, NOW.plus(30_000)), 0, "{ahead}: the issuer");
        }
        let history = history(true, None);
        let calm = History { triggered_at: Some(ago(5)), store_read_at: None, ..history };
        let mut same = calm;
        same.clamp_to_now(NOW);
        assert_eq!(same, calm, "what lies behind stays");
    }

    #[test]
    fn what_another_isolate_says_starts_the_cooldown_once_however_far_ahead_its_clock_is() {
        let mut history = history(false, None);
        history.learn(Some(NOW.plus(20_000)), NOW);
        assert_eq!((at(Some(0), false, history), wait(history)), (UNKNOWN, 30));
        for now in [NOW.plus(10_000), NOW.plus(25_000)] {
            history.learn(Some(NOW.plus(20_000)), now);
        }
        assert_eq!(history.wait(Reason::UnknownKey, LIFETIME, NOW.plus(30_000)), 0);
        history.learn(Some(NOW.plus(29_000)), NOW.plus(30_000));
        assert_eq!(history.wait(Reason::UnknownKey, LIFETIME, NOW.plus(30_000)), 29, "another trigger");
        history.learn(Some(NOW), NOW.plus(30_000));
        history.learn(None, NOW.plus(30_000));
        history.learn(Some(NOW.plus(90_001)), NOW.plus(30_000));
        assert_eq!(history.triggered_at, Some(NOW.plus(29_000)), "an earlier one, none, and one far ahead");
    }

    #[test]
    fn a_stale_set_is_refreshed_for_an_unknown_key_too_whatever_the_cooldown() {
        let lifetime = Lifetime { cooldown: 86_400, ..LIFETIME };
        let at = |age, history| plan(KeyFacts { age: Some(age), history, ..KeyFacts::default() }, lifetime, NOW);
        assert_eq!(at(599, history(false, Some(0))), UNKNOWN);
        assert_eq!(at(600, history(false, Some(0))), KeyAction::Fetch(Reason::Stale));
        assert_eq!(at(600, history(true, Some(0))), UNKNOWN);
        assert_eq!(history(true, Some(0)).wait(Reason::UnknownKey, lifetime, NOW), 86_400);
    }

    #[test]
    fn what_starts_the_cooldown() {
        let begin = |failed, reason| {
            let mut history = history(failed, None);
            history.begin(reason, NOW);
            history.triggered_at.is_some()
        };
        assert!(!begin(false, Reason::Missing));
        assert!(!begin(false, Reason::Stale));
        assert!(begin(false, Reason::UnknownKey));
        assert!(begin(true, Reason::Missing));
        assert!(begin(true, Reason::Stale));
        assert!(!begin(true, Reason::Scheduled));
    }

    #[test]
    fn what_a_request_fetched_is_good_for_it_however_short_the_times_are() {
        let lifetime = Lifetime { ttl: 1, max_stale: 0, cooldown: 30 };
        let fetched = Attempt { has_fetched: true, ..Attempt::default() };
        let at = |has_key, failed: bool| {
            let history = History { failed: failed.then(Jitter::default), ..History::default() };
            plan(KeyFacts { age: Some(9), has_key, history, attempt: fetched, ..KeyFacts::default() }, lifetime, NOW)
        };
        assert_eq!(at(true, false), KeyAction::Use);
        assert_eq!(at(false, false), UNKNOWN, "one fetch for a request");
        assert_eq!(at(true, true), refused(1), "what was fetched before is as old as it was");
    }

    #[test]
    fn a_request_waits_for_a_fetch_in_flight_and_then_has_had_its_try() {
        let of = |facts: KeyFacts| plan(facts, LIFETIME, NOW);
        let flying = KeyFacts { is_in_flight: true, ..KeyFacts::default() };
        assert_eq!(of(flying), KeyAction::Wait { otherwise: Refusal::Unavailable { retry_after: 30 } });
        let unknown = KeyFacts { age: Some(0), ..flying };
        assert_eq!(of(unknown), KeyAction::Wait { otherwise: Refusal::UnknownKey });
        let cooling = KeyFacts { history: history(true, Some(0)), ..flying };
        assert_eq!(of(cooling), KeyAction::Wait { otherwise: Refusal::Unavailable { retry_after: 30 } });
        assert_eq!(of(KeyFacts { age: Some(0), has_key: true, ..flying }), KeyAction::Use);

        let waited = KeyFacts { attempt: Attempt { has_waited: true, ..Attempt::default() }, ..KeyFacts::default() };
        assert_eq!(of(waited), KeyAction::Fetch(Reason::Missing), "the flight never landed");
        let failed = KeyFacts { history: History { failed: Some(Jitter::default()), ..History::default() }, ..waited };
        assert_eq!(of(failed), refused(1), "it failed");
        let answered = |has_key| KeyFacts {
            age: Some(700),
            has_key,
            attempt: Attempt { has_waited: true, is_answered: true, ..Attempt::default() },
            ..KeyFacts::default()
        };
        assert_eq!(of(answered(false)), UNKNOWN, "the issuer was asked since, and has no such key");
        assert_eq!(of(answered(true)), KeyAction::UseAndRefresh);
    }

    #[test]
    fn isolates_refresh_the_same_set_at_different_times_up_to_a_tenth_early() {
        let first = |jitter| {
            let at =
                |age| plan(KeyFacts { age: Some(age), has_key: true, jitter, ..KeyFacts::default() }, LIFETIME, NOW);
            (0..).find(|age| at(*age) != KeyAction::Use)
        };
        for (random, age) in [(0, 600), (u32::MAX / 2, 570), (u32::MAX, 540)] {
            assert_eq!(first(Jitter::drawn(random)), Some(age), "{random}");
        }
        let drawn = Jitter::drawn(u32::MAX);
        assert_eq!([9, 10, 19, 20, 600].map(|seconds| drawn.of_a_tenth(seconds)), [0, 1, 1, 2, 60]);
        let short = Lifetime { ttl: 600, max_stale: 0, cooldown: 30 };
        let early = KeyFacts { age: Some(599), has_key: true, jitter: drawn, ..KeyFacts::default() };
        assert_eq!(plan(early, short, NOW), KeyAction::UseAndRefresh, "it may be used all the same");
    }

    #[test]
    fn retries_are_spread_by_a_tenth_of_the_cooldown_and_never_come_early() {
        for (random, seconds) in [(0, 30), (u32::MAX / 2, 31), (u32::MAX, 33)] {
            let history = History { failed: Some(Jitter::drawn(random)), ..history(true, Some(0)) };
            assert_eq!(history.wait(Reason::Missing, LIFETIME, NOW), seconds, "{random}");
            let calm = History { failed: None, ..history };
            assert_eq!(calm.wait(Reason::UnknownKey, LIFETIME, NOW), 30, "no retry");
        }
    }
}
