//! A key set in memory: where it came from, and how old it is.
//!
//! Clocks of isolates differ, and one can jump ahead and come back. So a date that lies ahead of the clock is now, and what
//! it says is in doubt where the clock was set back or the date is far ahead. Such a set is used, and never fresh.

use std::cell::Cell;

use super::caching::bounded;
use super::plan::MAX_SKEW;
use super::set::KeySet;
use crate::policy::Lifetime;

/// For this many seconds after its own question to the issuer an isolate cannot tell by a date that an entry of the store
/// is newer than the answer: what it reads there may be a minute old, and clocks differ by about as much.
const SETTLING: u64 = 60;

/// A key set and where it came from.
#[derive(Debug)]
pub(super) struct Cached<K> {
    pub(super) set: KeySet<K>,
    pub(super) jwks_uri: String,
    pub(super) etag: Option<String>,
    /// How many seconds it is fresh, if the issuer said so.
    pub(super) fresh_for: Option<u64>,
    pub(super) date: Date,
}

/// When a set was fetched, in seconds since 1970.
#[derive(Debug)]
pub(super) struct Date {
    /// As it was noted by who fetched the set.
    noted: u64,
    /// By this isolate's clock.
    at: Cell<u64>,
    is_in_doubt: Cell<bool>,
    /// The question of this isolate that the set answers; `None` where it came from the store or the policy.
    turn: Option<u64>,
}

/// What dates say of a set in the store, beside one in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Newer,
    /// It may be newer or older.
    Unclear,
    NotNewer,
}

impl<K> Cached<K> {
    /// A set that stands in the policy, which has no age.
    pub(super) fn of_policy(set: KeySet<K>) -> Self {
        Self { set, jwks_uri: String::new(), etag: None, fresh_for: None, date: Date::stored(0, 0) }
    }

    pub(super) fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.date.at())
    }

    /// The policy's times, but for what the issuer says of this set, and for a date in doubt.
    pub(super) fn lifetime(&self, configured: Lifetime) -> Lifetime {
        let ttl = self.fresh_for.map_or(configured.ttl, |fresh_for| bounded(fresh_for, configured.ttl));
        if self.date.is_in_doubt() {
            return Lifetime { ttl: 0, max_stale: ttl.max(configured.max_stale), ..configured };
        }
        Lifetime { ttl, ..configured }
    }
}

impl Date {
    /// Of the answer to this isolate's own question, which is put now.
    pub(super) fn asked(turn: u64, now: u64) -> Self {
        Self { noted: now, at: Cell::new(now), is_in_doubt: Cell::new(false), turn: Some(turn) }
    }

    /// Of a set that is read in the store now.
    pub(super) fn stored(noted: u64, now: u64) -> Self {
        let is_in_doubt = Cell::new(noted > now.saturating_add(MAX_SKEW));
        Self { noted, at: Cell::new(noted.min(now)), is_in_doubt, turn: None }
    }

    pub(super) fn at(&self) -> u64 {
        self.at.get()
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.is_in_doubt.get()
    }

    pub(super) fn doubt(&self) {
        self.is_in_doubt.set(true);
    }

    /// Whether the set answers a question that was put after this turn.
    pub(super) fn is_asked_after(&self, turn: u64) -> bool {
        self.turn > Some(turn)
    }

    /// Brings a date that lies ahead of the clock back to it: the clock was set back, and how long ago nobody knows.
    pub(super) fn pull_back(&self, now: u64) {
        if self.at.get() > now {
            self.at.set(now);
            self.doubt();
        }
    }

    /// What this date, of a set in the store, says beside that of a set in memory.
    pub(super) fn beside(&self, known: &Self) -> Standing {
        if self.noted == known.noted {
            return Standing::NotNewer; // the same entry, whatever the clock has done since
        }
        match self.at().saturating_sub(known.at()) {
            _ if known.is_in_doubt() => Standing::Newer,
            0 => Standing::NotNewer,
            1..=SETTLING if known.turn.is_some() => Standing::Unclear,
            _ => Standing::Newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Standing::{Newer, NotNewer, Unclear};
    use super::*;

    const NOW: u64 = 1_000_000;

    #[test]
    fn a_date_ahead_of_the_clock_is_now_and_one_far_ahead_is_in_doubt() {
        for (noted, at, is_in_doubt) in [
            (NOW - 1, NOW - 1, false),
            (NOW, NOW, false),
            (NOW + 1, NOW, false),
            (NOW + MAX_SKEW, NOW, false),
            (NOW + MAX_SKEW + 1, NOW, true),
            (u64::MAX, NOW, true),
        ] {
            let date = Date::stored(noted, NOW);
            assert_eq!((date.at(), date.is_in_doubt()), (at, is_in_doubt), "{noted}");
        }
    }

    #[test]
    fn a_clock_that_went_back_leaves_a_date_of_now_that_is_in_doubt_and_from_then_on_it_ages() {
        let date = Date::asked(1, NOW);
        date.pull_back(NOW);
        assert_eq!((date.at(), date.is_in_doubt()), (NOW, false));
        for (now, at) in [(NOW - 3600, NOW - 3600), (NOW, NOW - 3600), (NOW - 7200, NOW - 7200)] {
            date.pull_back(now);
            assert_eq!((date.at(), date.is_in_doubt()), (at, true), "{now}");
        }
    }

    #[test]
    fn a_set_in_doubt_is_never_fresh_and_used_as_long_as_another() {
        let lifetime = Lifetime { ttl: 600, max_stale: 0, cooldown: 30 };
        let set = KeySet::<()>::new(Vec::new());
        let cached = Cached { fresh_for: Some(120), date: Date::stored(u64::MAX, NOW), ..Cached::of_policy(set) };
        let lifetime = cached.lifetime(lifetime);
        assert!(!lifetime.is_fresh(0) && lifetime.is_usable(119) && !lifetime.is_usable(120));
    }

    #[test]
    fn what_the_issuer_said_itself_stands_against_dates_for_a_minute() {
        let (own, read) = (Date::asked(1, NOW), Date::stored(NOW, NOW));
        for (noted, beside_own, beside_read) in [
            (NOW - 1, NotNewer, NotNewer),
            (NOW, NotNewer, NotNewer),
            (NOW + 1, Unclear, Newer),
            (NOW + SETTLING, Unclear, Newer),
            (NOW + SETTLING + 1, Newer, Newer),
        ] {
            let stored = Date::stored(noted, NOW + 100);
            assert_eq!((stored.beside(&own), stored.beside(&read)), (beside_own, beside_read), "{noted}");
        }
        let ahead = Date::stored(NOW + 59, NOW + 10);
        assert_eq!(ahead.beside(&own), Unclear, "a date ahead counts as now");
    }

    #[test]
    fn beside_a_set_in_doubt_another_is_newer_and_the_same_is_not() {
        let known = Date::asked(1, NOW + 3600);
        known.pull_back(NOW);
        assert_eq!(Date::stored(NOW - 10, NOW).beside(&known), Newer);
        assert_eq!(Date::stored(NOW + 3600, NOW).beside(&known), NotNewer);
        let read = Date::stored(NOW + 20, NOW);
        assert_eq!(Date::stored(NOW + 20, NOW + 10).beside(&read), NotNewer, "read again, later");
    }
}
