//! What to do with a cached key set. Pure: the clock and all facts are arguments.

use crate::policy::Lifetime;

/// Seconds by which the clocks of isolates may differ. A time that lies further ahead is in doubt.
pub(super) const MAX_SKEW: u64 = 60;

/// While there is no set, the least milliseconds between two looks into the store.
const STORE_RETRY_MS: u64 = 10_000;

/// What is known when a token asks for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Seconds since the set at hand was fetched; `None` without a set.
    pub age: Option<u64>,
    /// Whether the set has an answer for the token: a fitting key, or several to choose from.
    pub knows_key: bool,
    /// What became of earlier fetches.
    pub history: History,
}

/// What became of an issuer's earlier fetches. None of its times lies ahead of the clock: see [`History::pull_back`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The last fetch failed.
    pub failed: bool,
    /// When an unknown `kid` or a failure last triggered a fetch. This starts the cooldown; a first fetch and one
    /// because of the ttl do not. In milliseconds, as all times here: whole seconds would cut cooldowns short.
    pub triggered_at: Option<u64>,
    /// The trigger that the store told of last, or is to tell of, by the clock of who noted it.
    pub told_of: Option<u64>,
    /// When the store was last read.
    pub store_read_at: Option<u64>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Use the set.
    Use,
    /// Use the set, and refresh it when the response is on its way.
    UseAndRefresh,
    /// Get a set first: from the store, and if that does not help and the cooldown allows it, from the issuer.
    Fetch(Reason),
    /// Do without: the token's key is not to be had now.
    Refuse {
        /// Seconds until a fetch is allowed again.
        retry_after: u64,
    },
}

/// Why a set is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no set, or it is past its use.
    Missing,
    /// The set is past its ttl.
    Stale,
    /// The set does not have the token's key.
    UnknownKey,
    /// It is time, by the operator's schedule.
    Scheduled,
}

/// Decides what to do. `now` is in milliseconds.
#[must_use]
pub fn plan(facts: Facts, lifetime: Lifetime, now: u64) -> Plan {
    let Facts { age, knows_key, history } = facts;
    let fetch = |reason| match history.wait(reason, lifetime, now) {
        0 => Plan::Fetch(reason),
        retry_after => Plan::Refuse { retry_after },
    };
    let Some(age) = age.filter(|age| lifetime.is_usable(*age)) else {
        // The issuer may have failed where the store has a set, put there by another isolate.
        return if history.may_read_store(now) { Plan::Fetch(Reason::Missing) } else { fetch(Reason::Missing) };
    };
    match (knows_key, lifetime.is_fresh(age)) {
        (true, true) => Plan::Use,
        (true, false) if history.wait(Reason::Stale, lifetime, now) > 0 => Plan::Use,
        (true, false) => Plan::UseAndRefresh,
        (false, true) => fetch(Reason::UnknownKey),
        // A fetch because of the ttl knows no cooldown, whoever causes it.
        (false, false) if history.wait(Reason::Stale, lifetime, now) == 0 => Plan::Fetch(Reason::Stale),
        (false, false) => fetch(Reason::UnknownKey),
    }
}

impl History {
    /// Notes that a fetch begins.
    pub fn begin(&mut self, reason: Reason, now: u64) {
        if self.is_trigger(reason) {
            (self.triggered_at, self.told_of) = (Some(now), Some(now));
        }
    }

    /// Notes what another isolate says of its fetches. Heard of again, the same trigger does not start the cooldown anew.
    pub fn learn(&mut self, triggered_at: Option<u64>, now: u64) {
        if self.told_of != triggered_at {
            self.told_of = triggered_at;
            self.triggered_at = self.triggered_at.max(begun(triggered_at, now));
        }
    }

    /// Brings what lies ahead of the clock back to it, for the clock was set back.
    pub fn pull_back(&mut self, now: u64) {
        self.triggered_at = begun(self.triggered_at, now);
        self.store_read_at = begun(self.store_read_at, now);
    }

    /// Seconds until a fetch for this reason may begin.
    #[must_use]
    pub fn wait(self, reason: Reason, lifetime: Lifetime, now: u64) -> u64 {
        if !self.is_trigger(reason) {
            return 0;
        }
        let cooldown = lifetime.cooldown.saturating_mul(1000);
        let left = |at| cooldown.saturating_sub(now.saturating_sub(at)).div_ceil(1000);
        self.triggered_at.map_or(0, left)
    }

    /// Whether a fetch for this reason is one that the cooldown is for.
    fn is_trigger(self, reason: Reason) -> bool {
        match reason {
            Reason::UnknownKey => true,
            Reason::Missing | Reason::Stale => self.failed,
            Reason::Scheduled => false,
        }
    }

    fn may_read_store(self, now: u64) -> bool {
        self.store_read_at.is_none_or(|at| now.saturating_sub(at) >= STORE_RETRY_MS)
    }
}

/// The beginning of a wait. One that lies a little ahead is now, for clocks differ by some seconds; one far ahead says
/// nothing, so that no wait lasts until the clock is there.
fn begun(at: Option<u64>, now: u64) -> Option<u64> {
    at.filter(|at| *at <= now.saturating_add(MAX_SKEW * 1000)).map(|at| at.min(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Lifetime = Lifetime { ttl: 600, max_stale: 86_400, cooldown: 30 };
    const NOW: u64 = 1_000_000_000;

    fn at(age: Option<u64>, knows_key: bool, history: History) -> Plan {
        plan(Facts { age, knows_key, history }, LIFETIME, NOW)
    }

    fn history(failed: bool, since: Option<u64>) -> History {
        let triggered_at = since.map(|since| NOW - since * 1000);
        History { failed, triggered_at, store_read_at: Some(NOW), told_of: None }
    }

    #[test]
    fn a_fresh_set_is_used_and_a_stale_one_is_used_and_refreshed() {
        let calm = History::default();
        assert_eq!(at(Some(0), true, calm), Plan::Use);
        assert_eq!(at(Some(599), true, calm), Plan::Use);
        assert_eq!(at(Some(600), true, calm), Plan::UseAndRefresh);
        assert_eq!(at(Some(86_399), true, calm), Plan::UseAndRefresh);
        assert_eq!(at(Some(86_400), true, calm), Plan::Fetch(Reason::Missing));
        assert_eq!(at(None, false, calm), Plan::Fetch(Reason::Missing));
    }

    #[test]
    fn a_fresh_set_is_used_even_where_no_stale_one_is() {
        let lifetime = Lifetime { max_stale: 0, ..LIFETIME };
        let at = |age| plan(Facts { age: Some(age), knows_key: true, history: History::default() }, lifetime, NOW);
        assert_eq!(at(599), Plan::Use);
        assert_eq!(at(600), Plan::Fetch(Reason::Missing));
    }

    #[test]
    fn an_unknown_key_fetches_once_per_cooldown() {
        assert_eq!(
            at(Some(0), false, History::default()),
            Plan::Fetch(Reason::UnknownKey),
            "a first fetch starts no cooldown"
        );
        assert_eq!(at(Some(0), false, history(false, Some(0))), Plan::Refuse { retry_after: 30 });
        assert_eq!(at(Some(0), false, history(false, Some(29))), Plan::Refuse { retry_after: 1 });
        assert_eq!(at(Some(0), false, history(false, Some(30))), Plan::Fetch(Reason::UnknownKey));
        let almost = History { triggered_at: Some(NOW - 29_001), ..history(false, None) };
        assert_eq!(at(Some(0), false, almost), Plan::Refuse { retry_after: 1 }, "not a millisecond early");
    }

    #[test]
    fn a_failure_is_tried_again_under_the_cooldown() {
        assert_eq!(
            at(None, false, history(true, None)),
            Plan::Fetch(Reason::Missing),
            "the first failure starts no cooldown"
        );
        assert_eq!(at(None, false, history(true, Some(10))), Plan::Refuse { retry_after: 20 });
        assert_eq!(at(Some(700), true, history(true, Some(10))), Plan::Use, "meanwhile the stale set serves");
        assert_eq!(at(Some(700), true, history(true, Some(30))), Plan::UseAndRefresh);
        assert_eq!(at(Some(700), true, history(false, Some(10))), Plan::UseAndRefresh, "the ttl knows no cooldown");
        assert_eq!(at(None, false, history(false, Some(10))), Plan::Fetch(Reason::Missing));
    }

    #[test]
    fn without_a_set_the_store_is_looked_into_whatever_became_of_the_issuer() {
        let failed = |store_read_at| History { store_read_at, ..history(true, Some(0)) };
        assert_eq!(at(None, false, failed(None)), Plan::Fetch(Reason::Missing));
        assert_eq!(at(None, false, failed(Some(NOW - 9_999))), Plan::Refuse { retry_after: 30 });
        assert_eq!(at(None, false, failed(Some(NOW - 10_000))), Plan::Fetch(Reason::Missing));
        assert_eq!(at(Some(0), false, failed(None)), Plan::Refuse { retry_after: 30 }, "a set is there");
    }

    #[test]
    fn a_clock_that_goes_back_stretches_no_wait() {
        for (ahead, waits) in [(1, true), (60_000, true), (60_001, false), (3_600_000, false)] {
            let later = Some(NOW + ahead);
            let mut history = History { triggered_at: later, store_read_at: later, ..history(true, None) };
            history.pull_back(NOW);
            let after = |ms| plan(Facts { age: None, knows_key: false, history }, LIFETIME, NOW + ms);
            let expected = if waits { Plan::Refuse { retry_after: 30 } } else { Plan::Fetch(Reason::Missing) };
            assert_eq!(after(0), expected, "{ahead}");
            assert_eq!(after(STORE_RETRY_MS), Plan::Fetch(Reason::Missing), "{ahead}: the store");
            assert_eq!(history.wait(Reason::Missing, LIFETIME, NOW + 30_000), 0, "{ahead}: the issuer");
        }
        let history = history(true, None);
        let calm = History { triggered_at: Some(NOW - 5), store_read_at: None, ..history };
        let mut same = calm;
        same.pull_back(NOW);
        assert_eq!(same, calm, "what lies behind stays");
    }

    #[test]
    fn what_another_isolate_says_starts_the_cooldown_once_however_far_ahead_its_clock_is() {
        let mut history = history(false, None);
        history.learn(Some(NOW + 20_000), NOW);
        assert_eq!(at(Some(0), false, history), Plan::Refuse { retry_after: 30 });
        for now in [NOW + 10_000, NOW + 25_000] {
            history.learn(Some(NOW + 20_000), now);
        }
        assert_eq!(history.wait(Reason::UnknownKey, LIFETIME, NOW + 30_000), 0);
        history.learn(Some(NOW + 29_000), NOW + 30_000);
        assert_eq!(history.wait(Reason::UnknownKey, LIFETIME, NOW + 30_000), 29, "another trigger");
        history.learn(Some(NOW), NOW + 30_000);
        history.learn(None, NOW + 30_000);
        history.learn(Some(NOW + 90_001), NOW + 30_000);
        assert_eq!(history.triggered_at, Some(NOW + 29_000), "an earlier one, none, and one far ahead");
    }

    #[test]
    fn a_stale_set_is_refreshed_for_an_unknown_key_too_whatever_the_cooldown() {
        let lifetime = Lifetime { cooldown: 86_400, ..LIFETIME };
        let at = |age, history| plan(Facts { age: Some(age), knows_key: false, history }, lifetime, NOW);
        assert_eq!(at(599, history(false, Some(0))), Plan::Refuse { retry_after: 86_400 });
        assert_eq!(at(600, history(false, Some(0))), Plan::Fetch(Reason::Stale));
        assert_eq!(at(600, history(true, Some(0))), Plan::Refuse { retry_after: 86_400 });
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
}
