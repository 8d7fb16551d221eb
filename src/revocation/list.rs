//! The list of revocations in memory: an index by which a token finds the entries that may concern it, however many
//! there are.

use std::cell::Cell;

use hashbrown::HashMap;

use super::entry::{EntryKey, NAMES, ORGANIZATION, key_of, organizations};
use crate::policy::Issuer;
use crate::time::UnixSeconds;
use crate::token::claims::Claims;

/// Maximum number of entries. An isolate has 128 MB; a list of as many takes 7 MB, and twice that while it is read anew.
pub const MAX_ENTRIES: usize = 200_000;

/// How many sets of [`NAMES`] there are.
const MASKS: u8 = 1 << NAMES.len();

/// The version of a list that holds nothing and was never read.
pub const UNREAD: u64 = 0;

thread_local! {
    /// All lists share it, so no version stands for two of them.
    static LAST_VERSION: Cell<u64> = const { Cell::new(UNREAD) };
}

/// Entries by their keys.
#[derive(Clone, Debug)]
pub struct RevocationList {
    times: HashMap<EntryKey, UnixSeconds>,
    /// The masks of the keys, as bits.
    masks: u32,
    version: u64,
}

impl Default for RevocationList {
    fn default() -> Self {
        Self { times: HashMap::new(), masks: 0, version: UNREAD }
    }
}

impl RevocationList {
    /// A list that was read, without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self { version: next_version(), ..Self::default() }
    }

    /// Adds an entry, or moves the time of the one with its key: later, never back. False if there is no room.
    pub fn add(&mut self, key: EntryKey, before: UnixSeconds) -> bool {
        let known = self.times.get(&key).copied();
        if known.is_some_and(|known| known >= before) {
            return true;
        }
        if known.is_none() && self.times.len() >= MAX_ENTRIES {
            return false;
        }
        self.times.insert(key, before);
        self.masks |= 1 << key.mask();
        self.version = next_version();
        true
    }

    /// The latest time of an entry that a token falls under; `None` if it falls under none.
    #[must_use]
    pub fn time_of(&self, claims: &Claims, issuer: &Issuer) -> Option<UnixSeconds> {
        if self.times.is_empty() {
            return None;
        }
        let iss = claims.text("iss").unwrap_or_default();
        // With tenants, entries may name all of them.
        let both = [iss, issuer.issuer.as_str()];
        let issuers = if issuer.tenants.is_some() { both.as_slice() } else { both.get(..1).unwrap_or_default() };
        let issued_at = claims.issued_at();
        #[expect(clippy::cast_precision_loss, reason = "times of this era have far fewer than 53 bits")]
        let is_older = |before: &UnixSeconds| issued_at.is_none_or(|at| at < before.0 as f64);
        let latest = |organization: Option<&str>, mask: u8| {
            let keys = issuers.iter().filter_map(|issuer| key_of(claims, issuer, organization, mask));
            keys.filter_map(|key| self.times.get(&key).copied()).filter(is_older).max()
        };
        let masks = (0..MASKS).filter(|mask| self.masks & (1 << mask) != 0);
        let times = masks.filter_map(|mask| match mask & ORGANIZATION {
            0 => latest(None, mask),
            _ => organizations(claims).filter_map(|organization| latest(Some(organization), mask)).max(),
        });
        times.max()
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Changes with every change of the list. No two lists have one version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
}

fn next_version() -> u64 {
    LAST_VERSION.set(LAST_VERSION.get() + 1);
    LAST_VERSION.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::entry::Entry;

    fn key(user: usize) -> EntryKey {
        Entry::new("https://i", &[("sub", &user.to_string())], UnixSeconds(0)).unwrap().key()
    }

    #[test]
    fn an_entry_never_moves_back_and_each_change_is_a_version() {
        let (mut list, other) = (RevocationList::empty(), RevocationList::empty());
        assert!(list.version() != UNREAD && list.version() != other.version());
        let mut versions = vec![other.version(), list.version()];
        for (before, changes) in [(5, true), (5, false), (4, false), (6, true)] {
            assert!(list.add(key(1), UnixSeconds(before)));
            assert_eq!(!versions.contains(&list.version()), changes, "{before}");
            versions.push(list.version());
        }
        assert_eq!((list.times.get(&key(1)), list.len()), (Some(&UnixSeconds(6)), 1));
    }

    #[test]
    fn a_hundred_thousand_entries_take_a_few_megabytes_and_there_is_an_end() {
        let mut list = RevocationList::empty();
        for user in 0..MAX_ENTRIES {
            if user == 100_000 {
                assert!(list.times.allocation_size() < 4 * 1024 * 1024, "{}", list.times.allocation_size());
            }
            assert!(list.add(key(user), UnixSeconds(1)));
        }
        assert!(list.times.allocation_size() < 8 * 1024 * 1024, "{}", list.times.allocation_size());
        assert!(!list.add(key(MAX_ENTRIES), UnixSeconds(1)) && list.add(key(0), UnixSeconds(2)));
        assert_eq!(list.len(), MAX_ENTRIES);
    }
}
