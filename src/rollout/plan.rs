//! When to check the store for a new policy. Pure: the clock and all facts are arguments.

use crate::time::{UnixMillis, end_of_period};

/// How long a policy is used before the store is checked for a newer one, in milliseconds.
pub const FRESH_MS: u64 = 60_000;

/// After this many milliseconds without a check, a policy decides on no request until the store was checked. Only an
/// isolate with few requests gets there.
pub const MAX_STALE_MS: u64 = 5 * 60_000;

/// Minimum time in milliseconds between two checks while the store fails and there is a policy.
pub const RETRY_MS: u64 = 10_000;

/// The same while there is no policy, so that every request is refused.
pub const EMPTY_RETRY_MS: u64 = 1000;

/// For this many milliseconds after a failure of the store, the policy in force decides, and the store is checked only
/// after responding.
pub const FAILURE_MS: u64 = 60_000;

/// A check that has not ended after this many milliseconds is written off: its request was cancelled.
pub const MAX_CHECK_MS: u64 = 30_000;

/// What is known when a request arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyFacts {
    /// Whether a policy is in force.
    pub has_policy: bool,
    /// When the last check began that the store answered, whatever it had.
    pub checked_at: Option<UnixMillis>,
    /// When the last check ended without a policy in force, or without an answer from the store.
    pub failed_at: Option<UnixMillis>,
    /// When the background check that is in progress began.
    pub checking_since: Option<UnixMillis>,
}

/// What to do for a request, before it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyAction {
    /// Decide by the edition in force, even if there is none.
    Use,
    /// Decide by the policy in force, and check for a newer one after responding.
    UseAndCheck,
    /// Check first.
    Check,
}

impl PolicyFacts {
    /// Decides what to do at this time.
    #[must_use]
    pub fn plan(self, now: UnixMillis) -> PolicyAction {
        if now < self.next(now) {
            PolicyAction::Use
        } else if self.has_policy && now < self.serves_until(now) {
            PolicyAction::UseAndCheck
        } else {
            PolicyAction::Check
        }
    }

    /// The time until which there is nothing to do, as far as is known now.
    #[must_use]
    pub fn next(self, now: UnixMillis) -> UnixMillis {
        if !self.has_policy {
            return end_of_period(self.failed_at, EMPTY_RETRY_MS, now);
        }
        // A check in progress need not be repeated, but it does not extend the life of a policy.
        let looking = end_of_period(self.checking_since, MAX_CHECK_MS, now).min(self.serves_until(now));
        end_of_period(self.checked_at, FRESH_MS, now).max(end_of_period(self.failed_at, RETRY_MS, now)).max(looking)
    }

    /// The time until which the policy decides without a check first. Just after a failure of the store, requests need
    /// not wait for the next one: a store that hangs would delay every third request.
    fn serves_until(self, now: UnixMillis) -> UnixMillis {
        end_of_period(self.checked_at, MAX_STALE_MS, now).max(end_of_period(self.failed_at, FAILURE_MS, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000_000);

    fn ago(milliseconds: u64) -> Option<UnixMillis> {
        Some(UnixMillis(NOW.0 - milliseconds))
    }

    fn with_policy(looked: u64) -> PolicyFacts {
        PolicyFacts { has_policy: true, checked_at: ago(looked), ..PolicyFacts::default() }
    }

    #[test]
    fn a_policy_is_used_then_used_and_looked_for_then_looked_for_first() {
        for (age, plan) in [
            (0, PolicyAction::Use),
            (FRESH_MS - 1, PolicyAction::Use),
            (FRESH_MS, PolicyAction::UseAndCheck),
            (MAX_STALE_MS - 1, PolicyAction::UseAndCheck),
            (MAX_STALE_MS, PolicyAction::Check),
        ] {
            assert_eq!(with_policy(age).plan(NOW), plan, "{age}");
        }
        assert_eq!(PolicyFacts::default().plan(NOW), PolicyAction::Check);
        let kept = PolicyFacts { has_policy: true, ..PolicyFacts::default() };
        assert_eq!(kept.plan(NOW), PolicyAction::Check, "a policy that this isolate never looked for");
    }

    #[test]
    fn one_look_at_a_time_is_under_way_in_the_background() {
        let looking = |since| PolicyFacts { checking_since: ago(since), ..with_policy(FRESH_MS) };
        assert_eq!(looking(MAX_CHECK_MS - 1).plan(NOW), PolicyAction::Use);
        assert_eq!(looking(MAX_CHECK_MS).plan(NOW), PolicyAction::UseAndCheck, "it was cancelled");
    }

    #[test]
    fn a_look_under_way_does_not_stretch_the_life_of_a_policy() {
        let facts = PolicyFacts { checking_since: ago(5), ..with_policy(MAX_STALE_MS) };
        assert_eq!(facts.plan(NOW), PolicyAction::Check);
    }

    #[test]
    fn a_failure_is_tried_again_after_a_while_and_the_policy_serves_meanwhile() {
        let failed = |looked, since| PolicyFacts { failed_at: ago(since), ..with_policy(looked) };
        assert_eq!(failed(FRESH_MS, RETRY_MS - 1).plan(NOW), PolicyAction::Use);
        assert_eq!(failed(FRESH_MS, RETRY_MS).plan(NOW), PolicyAction::UseAndCheck);
        assert_eq!(failed(MAX_STALE_MS, RETRY_MS - 1).plan(NOW), PolicyAction::Use);
        assert_eq!(failed(MAX_STALE_MS, RETRY_MS).plan(NOW), PolicyAction::UseAndCheck);
        assert_eq!(failed(MAX_STALE_MS, FAILURE_MS).plan(NOW), PolicyAction::Check, "it may have recovered long ago");
    }

    #[test]
    fn one_look_at_a_time_is_under_way_while_the_store_fails() {
        let looking = PolicyFacts { failed_at: ago(RETRY_MS), checking_since: ago(5), ..with_policy(MAX_STALE_MS) };
        assert_eq!(looking.plan(NOW), PolicyAction::Use);
    }

    #[test]
    fn without_a_policy_a_look_is_tried_every_second() {
        let failed = |since| PolicyFacts { failed_at: ago(since), checked_at: ago(since), ..PolicyFacts::default() };
        assert_eq!(failed(EMPTY_RETRY_MS - 1).plan(NOW), PolicyAction::Use);
        assert_eq!(failed(EMPTY_RETRY_MS).plan(NOW), PolicyAction::Check);
    }

    #[test]
    fn a_clock_that_goes_back_stretches_nothing() {
        let ahead = Some(NOW.plus(1));
        let facts = PolicyFacts { has_policy: true, checked_at: ahead, failed_at: ahead, checking_since: ahead };
        assert_eq!(facts.plan(NOW), PolicyAction::Check);
    }

    #[test]
    fn the_next_time_is_when_the_plan_changes() {
        for facts in [
            with_policy(10),
            PolicyFacts { failed_at: ago(10), ..with_policy(FRESH_MS) },
            PolicyFacts { failed_at: ago(10), ..PolicyFacts::default() },
        ] {
            let next = facts.next(NOW);
            assert_eq!(facts.plan(UnixMillis(next.0 - 1)), PolicyAction::Use, "{facts:?}");
            assert_ne!(facts.plan(next), PolicyAction::Use, "{facts:?}");
        }
    }
}
