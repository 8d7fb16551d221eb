//! How many refusals are told. A client in a loop must not fill the log, which is limited and billed.

use hashbrown::HashMap;

use crate::reason::Reason;
use crate::time::UnixMillis;

/// How many lines of one kind are told in a period.
const MAX_LINES: u32 = 10;

/// The length of a period in milliseconds. It begins with the first line of its kind.
const PERIOD_MS: u64 = 60_000;

/// Maximum number of kinds that are told of at once: what one request may write to the log is limited. The others follow
/// with later lines.
const MAX_TOLD: usize = 20;

/// Number of kinds from which on routes are not counted apart. A policy has at most 10,000 routes or so, a route some reasons.
const MAX_KINDS: usize = 10_000;

/// The least time between two searches for kinds whose period is over, in milliseconds.
const CLEANING_MS: u64 = 1000;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LineKind {
    /// The event of the line.
    pub event: &'static str,
    /// The name of the route; empty if there is none.
    pub route: String,
    /// Why requests are refused; `None` if they are not.
    pub reason: Option<Reason>,
}

/// Lines that were not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// What they had in common.
    pub kind: LineKind,
    /// Their number.
    pub lines: u32,
}

/// The lines of an isolate by kind.
#[derive(Debug, Default)]
pub struct Quota {
    counts: HashMap<LineKind, Count>,
    /// A time before which no period of a kind with suppressed lines ends.
    next_end: Option<UnixMillis>,
    /// When room was made last: not with each line.
    cleaned_at: UnixMillis,
}

#[derive(Debug)]
struct Count {
    since: UnixMillis,
    lines: u32,
}

impl Count {
    /// A period that began ahead of the clock is over: the clock was set back.
    fn is_over(&self, now: UnixMillis) -> bool {
        now < self.since || now.0 - self.since.0 >= PERIOD_MS
    }

    fn suppressed(&self) -> u32 {
        self.lines.saturating_sub(MAX_LINES)
    }
}

impl Quota {
    /// Counts a line that is to be told now. Returns whether it is, and what was suppressed in periods that are over.
    pub fn count(&mut self, mut kind: LineKind, now: UnixMillis) -> (bool, Vec<Suppressed>) {
        let mut suppressed = self.take_suppressed(now);
        if self.counts.len() >= MAX_KINDS && !self.counts.contains_key(&kind) {
            if now.0.abs_diff(self.cleaned_at.0) >= CLEANING_MS {
                self.counts.retain(|_, count| !count.is_over(now));
                self.cleaned_at = now;
            }
            if self.counts.len() >= MAX_KINDS {
                // Those of further routes are counted together.
                kind.route.clear();
            }
        }
        let count = self.counts.entry(kind.clone()).or_insert(Count { since: now, lines: 0 });
        if count.is_over(now) {
            let lines = count.suppressed();
            suppressed.extend((lines > 0).then_some(Suppressed { kind, lines }));
            *count = Count { since: now, lines: 0 };
        }
        count.lines = count.lines.saturating_add(1);
        let is_told = count.suppressed() == 0;
        if !is_told {
            let end = UnixMillis(count.since.0 + PERIOD_MS);
            self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
        }
        (is_told, suppressed)
    }

    /// Some of what was suppressed in periods that are over, each once.
    fn take_suppressed(&mut self, now: UnixMillis) -> Vec<Suppressed> {
        let Some(end) = self.next_end else { return Vec::new() };
        // Long before the end: the clock was set back.
        if now < end && now.0 + PERIOD_MS >= end.0 {
            return Vec::new();
        }
        let (mut suppressed, mut next_end) = (Vec::new(), None::<UnixMillis>);
        self.counts.retain(|kind, count| {
            let lines = count.suppressed();
            if count.is_over(now) && (lines == 0 || suppressed.len() < MAX_TOLD) {
                suppressed.extend((lines > 0).then(|| Suppressed { kind: kind.clone(), lines }));
                return false;
            }
            if lines > 0 {
                let end = UnixMillis(count.since.0 + PERIOD_MS);
                next_end = Some(next_end.map_or(end, |next| next.min(end)));
            }
            true
        });
        self.next_end = next_end;
        suppressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(route: &str) -> LineKind {
        LineKind { event: "decision", route: route.to_owned(), reason: Some(Reason::Denied) }
    }

    fn count(quota: &mut Quota, route: &str, now: u64) -> (bool, Vec<(String, u32)>) {
        let (is_told, suppressed) = quota.count(kind(route), UnixMillis(now));
        (is_told, suppressed.into_iter().map(|one| (one.kind.route, one.lines)).collect())
    }

    #[test]
    fn ten_lines_of_a_kind_a_minute_and_the_rest_is_told_with_the_next_one() {
        let mut quota = Quota::default();
        for line in 0..25 {
            assert_eq!(count(&mut quota, "a", line), (line < 10, vec![]));
        }
        assert_eq!(count(&mut quota, "b", 59_999), (true, vec![]), "another kind has a quota of its own");
        assert_eq!(count(&mut quota, "b", 60_000), (true, vec![("a".to_owned(), 15)]));
        assert_eq!(count(&mut quota, "a", 60_001), (true, vec![]), "told once");
        assert_eq!(count(&mut quota, "a", 200_000), (true, vec![]));
    }

    #[test]
    fn several_kinds_are_told_at_their_own_ends() {
        let mut quota = Quota::default();
        for line in 0..12 {
            count(&mut quota, "a", 0);
            count(&mut quota, "b", 30_000 + line);
        }
        assert_eq!(count(&mut quota, "c", 60_000).1, [("a".to_owned(), 2)]);
        assert_eq!(count(&mut quota, "c", 89_999).1, []);
        assert_eq!(count(&mut quota, "c", 90_000).1, [("b".to_owned(), 2)]);
    }

    #[test]
    fn a_flood_of_kinds_is_told_bit_by_bit() {
        let mut quota = Quota::default();
        for route in 0..50 {
            for _ in 0..12 {
                count(&mut quota, &route.to_string(), 0);
            }
        }
        let told: Vec<usize> = (0..4).map(|_| count(&mut quota, "next", 60_000).1.len()).collect();
        assert_eq!(told, [20, 20, 10, 0]);
    }

    #[test]
    fn what_waits_to_be_told_is_not_lost_when_its_kind_comes_again() {
        let mut quota = Quota::default();
        for route in 0..50 {
            for _ in 0..12 {
                count(&mut quota, &route.to_string(), 0);
            }
        }
        let mut lines = 0;
        for route in 0..50 {
            lines += count(&mut quota, &route.to_string(), 60_000).1.iter().map(|(_, lines)| lines).sum::<u32>();
        }
        assert_eq!(lines, 50 * 2);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let mut quota = Quota::default();
        for _ in 0..12 {
            count(&mut quota, "a", 1_000_000);
        }
        assert_eq!(count(&mut quota, "a", 5), (true, vec![("a".to_owned(), 2)]));
    }

    #[test]
    fn kinds_are_bounded() {
        let mut quota = Quota::default();
        let mut told = 0;
        for route in 0..3 * MAX_KINDS {
            told += usize::from(count(&mut quota, &route.to_string(), 0).0);
            assert!(quota.counts.len() <= MAX_KINDS + 1);
        }
        // Those of all further routes are one kind.
        let ten = usize::try_from(MAX_LINES).unwrap();
        assert_eq!(told, MAX_KINDS + ten);
        assert!(count(&mut quota, "0", 0).0, "a route that is counted keeps its own lines");
        assert!(count(&mut quota, "new", PERIOD_MS).0, "there is room again");
    }
}
