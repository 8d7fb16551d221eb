//! A cached key set: where it came from, and how old it is.
//!
//! Clocks of isolates differ, and a clock can jump ahead and back. So a date ahead of the clock counts as now, and it
//! is in doubt if the clock was set back or the date is far ahead. A set whose date is in doubt can be used but is
//! never fresh.

use std::cell::Cell;

use super::caching::bounded;
use super::plan::{Jitter, MAX_SKEW};
use super::set::KeySet;
use crate::policy::Lifetime;
use crate::time::UnixSeconds;

/// For this many seconds after asking the issuer itself, an isolate cannot tell by dates whether a store entry is newer
/// than the issuer's answer: what it reads from the store may be a minute old, and clocks differ by about as much.
const SETTLING: u64 = 60;

/// A key set that was fetched, by this isolate or another, and where it came from.
#[derive(Debug)]
pub(super) struct CachedSet<K> {
    pub(super) set: KeySet<K>,
    pub(super) jwks_uri: String,
    pub(super) etag: Option<String>,
    /// For how many seconds it is fresh, if the issuer said so.
    pub(super) fresh_for: Option<u64>,
    pub(super) date: FetchDate,
    /// By how much this isolate refreshes it early.
    pub(super) jitter: Jitter,
}

/// The number of a flight, or of a question: a request of this isolate to the issuer. Later ones have larger numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sequence(pub(super) u64);

/// When a set was fetched.
#[derive(Debug)]
pub(super) struct FetchDate {
    /// By the clock of the isolate that fetched the set.
    noted: UnixSeconds,
    /// By this isolate's clock.
    at: Cell<UnixSeconds>,
    is_in_doubt: Cell<bool>,
    /// This isolate's question that the set answers; `None` if it came from the store.
    question: Option<Sequence>,
}

/// The age of a set in the store compared with the cached one, as far as dates tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RelativeAge {
    Newer,
    /// It may be newer or older.
    Unclear,
    NotNewer,
}

impl<K> CachedSet<K> {
    pub(super) fn age(&self, now: UnixSeconds) -> u64 {
        now.since(self.date.at())
    }

    /// The policy's lifetime, adjusted to what the issuer says about this set and to a date in doubt.
    pub(super) fn lifetime(&self, configured: Lifetime) -> Lifetime {
        let ttl = self.fresh_for.map_or(configured.ttl, |fresh_for| bounded(fresh_for, configured.ttl));
        if self.date.is_in_doubt() {
            return Lifetime { ttl: 0, max_stale: ttl.max(configured.max_stale), ..configured };
        }
        Lifetime { ttl, ..configured }
    }

    /// Whether it may be used if it cannot be refreshed.
    pub(super) fn is_usable(&self, configured: Lifetime, now: UnixSeconds) -> bool {
        self.lifetime(configured).is_usable(self.age(now))
    }
}

impl FetchDate {
    /// Of the answer to a question that this isolate asks now.
    pub(super) fn asked(question: Sequence, now: UnixSeconds) -> Self {
        Self { noted: now, at: Cell::new(now), is_in_doubt: Cell::new(false), question: Some(question) }
    }

    /// Of a set that is read from the store now.
    pub(super) fn stored(noted: UnixSeconds, now: UnixSeconds) -> Self {
        let is_in_doubt = Cell::new(noted > now.plus(MAX_SKEW));
        Self { noted, at: Cell::new(noted.min(now)), is_in_doubt, question: None }
    }

    pub(super) fn at(&self) -> UnixSeconds {
        self.at.get()
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.is_in_doubt.get()
    }

    pub(super) fn doubt(&self) {
        self.is_in_doubt.set(true);
    }

    /// Whether the set answers a question that was asked after this number was given.
    pub(super) fn is_asked_after(&self, earlier: Sequence) -> bool {
        self.question > Some(earlier)
    }

    /// Moves a date ahead of the clock back to now: the clock was set back, nobody knows how long ago. Returns whether it
    /// was ahead.
    pub(super) fn clamp_to_now(&self, now: UnixSeconds) -> bool {
        let is_ahead = self.at.get() > now;
        if is_ahead {
            self.at.set(now);
            self.doubt();
        }
        is_ahead
    }

    /// The age of a set in the store with this date, compared with a cached one with the other date.
    pub(super) fn beside(&self, known: &Self) -> RelativeAge {
        if self.noted == known.noted {
            return RelativeAge::NotNewer; // the same entry, whatever the clock has done since
        }
        match self.at().since(known.at()) {
            _ if known.is_in_doubt() => RelativeAge::Newer,
            0 => RelativeAge::NotNewer,
            1..=SETTLING if known.question.is_some() => RelativeAge::Unclear,
            _ => RelativeAge::Newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RelativeAge::{Newer, NotNewer, Unclear};
    use super::*;

    const NOW: u64 = 1_000_000;

    fn asked(now: u64) -> FetchDate {
        FetchDate::asked(Sequence(1), UnixSeconds(now))
    }

    fn stored(noted: u64, now: u64) -> FetchDate {
        FetchDate::stored(UnixSeconds(noted), UnixSeconds(now))
    }

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
            let date = stored(noted, NOW);
            assert_eq!((date.at(), date.is_in_doubt()), (UnixSeconds(at), is_in_doubt), "{noted}");
        }
    }

    #[test]
    fn a_clock_that_went_back_leaves_a_date_of_now_that_is_in_doubt_and_from_then_on_it_ages() {
        let date = asked(NOW);
        date.clamp_to_now(UnixSeconds(NOW));
        assert_eq!((date.at(), date.is_in_doubt()), (UnixSeconds(NOW), false));
        for (now, at) in [(NOW - 3600, NOW - 3600), (NOW, NOW - 3600), (NOW - 7200, NOW - 7200)] {
            date.clamp_to_now(UnixSeconds(now));
            assert_eq!((date.at(), date.is_in_doubt()), (UnixSeconds(at), true), "{now}");
        }
    }

    #[test]
    fn a_set_in_doubt_is_never_fresh_and_used_as_long_as_another() {
        let lifetime = Lifetime { ttl: 600, max_stale: 0, cooldown: 30 };
        let cached = CachedSet {
            set: KeySet::<()>::new(Vec::new()),
            jwks_uri: String::new(),
            etag: None,
            fresh_for: Some(120),
            date: stored(u64::MAX, NOW),
            jitter: Jitter::default(),
        };
        let lifetime = cached.lifetime(lifetime);
        assert!(!lifetime.is_fresh(0) && lifetime.is_usable(119) && !lifetime.is_usable(120));
    }

    #[test]
    fn what_the_issuer_said_itself_stands_against_dates_for_a_minute() {
        let (own, read) = (asked(NOW), stored(NOW, NOW));
        for (noted, beside_own, beside_read) in [
            (NOW - 1, NotNewer, NotNewer),
            (NOW, NotNewer, NotNewer),
            (NOW + 1, Unclear, Newer),
            (NOW + SETTLING, Unclear, Newer),
            (NOW + SETTLING + 1, Newer, Newer),
        ] {
            let stored = stored(noted, NOW + 100);
            assert_eq!((stored.beside(&own), stored.beside(&read)), (beside_own, beside_read), "{noted}");
        }
        let ahead = stored(NOW + 59, NOW + 10);
        assert_eq!(ahead.beside(&own), Unclear, "a date ahead counts as now");
    }

    #[test]
    fn beside_a_set_in_doubt_another_is_newer_and_the_same_is_not() {
        let known = asked(NOW + 3600);
        known.clamp_to_now(UnixSeconds(NOW));
        assert_eq!(stored(NOW - 10, NOW).beside(&known), Newer);
        assert_eq!(stored(NOW + 3600, NOW).beside(&known), NotNewer);
        let read = stored(NOW + 20, NOW);
        assert_eq!(stored(NOW + 20, NOW + 10).beside(&read), NotNewer, "read again, later");
    }
}
