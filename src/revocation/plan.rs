//! When to read the list of revocations. Pure: the clock and all facts are arguments.

use crate::policy::Revocation;
use crate::time::{UnixMillis, end_of_period};

/// A read that has not ended after this many milliseconds is written off: its request was cancelled.
pub const MAX_READ_MS: u64 = 30_000;

/// What is known of the list in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListFacts {
    /// When the last read began that was complete.
    pub read_at: Option<UnixMillis>,
    /// When a read failed last, or a request waited for one in vain.
    pub failed_at: Option<UnixMillis>,
    /// When the read that is under way began.
    pub reading_since: Option<UnixMillis>,
}

/// What to do before a token is compared with the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAction {
    /// The list decides.
    Use,
    /// The list decides, and is read after responding.
    UseAndRead,
    /// The list is too old: read it first.
    Read,
    /// The list is too old, and a read is under way: wait for it.
    Wait,
    /// The list is too old, and was to be had a short time ago neither.
    Unavailable {
        /// Seconds until it is read again.
        retry_after: u64,
    },
}

/// How old the list may get, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListTimes {
    /// The age at which it is read again, and the time between two reads of which the first failed.
    pub poll: u64,
    /// The age from which on it decides on nothing before it was read.
    pub max_age: u64,
}

impl ListTimes {
    /// The times that a policy sets.
    #[must_use]
    pub fn of(settings: &Revocation) -> Self {
        Self { poll: settings.poll * 1000, max_age: settings.max_age * 1000 }
    }
}

impl ListFacts {
    /// Decides what to do at this time.
    #[must_use]
    pub fn plan(self, times: ListTimes, now: UnixMillis) -> ListAction {
        let rests_until = end_of_period(self.failed_at, times.poll, now);
        let is_resting = now < rests_until;
        let is_reading = now < end_of_period(self.reading_since, MAX_READ_MS, now);
        if now < end_of_period(self.read_at, times.max_age, now) {
            let is_fresh = now < end_of_period(self.read_at, times.poll, now);
            return if is_fresh || is_resting || is_reading { ListAction::Use } else { ListAction::UseAndRead };
        }
        if is_resting {
            return ListAction::Unavailable { retry_after: rests_until.since(now).div_ceil(1000) };
        }
        if is_reading { ListAction::Wait } else { ListAction::Read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000_000);
    const TIMES: ListTimes = ListTimes { poll: 5000, max_age: 60_000 };

    fn ago(milliseconds: u64) -> Option<UnixMillis> {
        Some(UnixMillis(NOW.0 - milliseconds))
    }

    fn read(age: u64) -> ListFacts {
        ListFacts { read_at: ago(age), ..ListFacts::default() }
    }

    #[test]
    fn a_list_decides_then_is_read_behind_the_response_then_before_it() {
        for (age, action) in [
            (0, ListAction::Use),
            (4999, ListAction::Use),
            (5000, ListAction::UseAndRead),
            (59_999, ListAction::UseAndRead),
            (60_000, ListAction::Read),
        ] {
            assert_eq!(read(age).plan(TIMES, NOW), action, "{age}");
        }
        assert_eq!(ListFacts::default().plan(TIMES, NOW), ListAction::Read, "a new isolate");
    }

    #[test]
    fn one_read_is_under_way_at_a_time() {
        let reading = |age, since| ListFacts { reading_since: ago(since), ..read(age) };
        assert_eq!(reading(5000, 10).plan(TIMES, NOW), ListAction::Use);
        assert_eq!(reading(60_000, 10).plan(TIMES, NOW), ListAction::Wait);
        assert_eq!(reading(5000, MAX_READ_MS).plan(TIMES, NOW), ListAction::UseAndRead, "it was cancelled");
        assert_eq!(reading(60_000, MAX_READ_MS).plan(TIMES, NOW), ListAction::Read);
    }

    #[test]
    fn after_a_failure_nothing_is_read_for_a_while() {
        let failed = |age, since| ListFacts { failed_at: ago(since), ..read(age) };
        assert_eq!(failed(6000, 4999).plan(TIMES, NOW), ListAction::Use);
        assert_eq!(failed(6000, 5000).plan(TIMES, NOW), ListAction::UseAndRead);
        assert_eq!(failed(60_000, 1).plan(TIMES, NOW), ListAction::Unavailable { retry_after: 5 });
        assert_eq!(failed(60_000, 4999).plan(TIMES, NOW), ListAction::Unavailable { retry_after: 1 });
        assert_eq!(failed(60_000, 5000).plan(TIMES, NOW), ListAction::Read);
        let hangs = ListFacts { reading_since: ago(2000), ..failed(60_000, 0) };
        assert_eq!(hangs.plan(TIMES, NOW), ListAction::Unavailable { retry_after: 5 }, "nobody waits again yet");
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_list_younger() {
        let ahead = Some(NOW.plus(1));
        let facts = ListFacts { read_at: ahead, failed_at: ahead, reading_since: ahead };
        assert_eq!(facts.plan(TIMES, NOW), ListAction::Read);
    }
}
