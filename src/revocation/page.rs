//! What the store says: pages of a list, one entry a line.
//!
//! The first line has a word, the mark of the list, and `more` or `end`. The word is `whole` if the list begins with this
//! page, `since` if it goes on from the mark that was asked about. A line has an entry's key, its time, and perhaps, after
//! one more space, what it names.

use super::entry::EntryKey;
use super::list::RevocationList;
use crate::platform::Fault;
use crate::time::UnixSeconds;

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'t> {
    /// Whether the list begins here.
    pub is_whole: bool,
    /// How far the list goes with it. It means something to the store only.
    pub mark: &'t str,
    /// Whether another page follows.
    pub has_more: bool,
    lines: &'t str,
}

impl<'t> Page<'t> {
    /// Reads the first line.
    ///
    /// # Errors
    /// Anything that is not a page.
    pub fn parse(text: &'t str) -> Result<Self, Fault> {
        let (head, lines) = text.split_once('\n').unwrap_or((text, ""));
        let mut words = head.split(' ');
        let (kind, mark, end) = (words.next(), words.next(), words.next());
        match (kind, mark, end, words.next()) {
            (Some(kind @ ("whole" | "since")), Some(mark), Some(end @ ("more" | "end")), None) if !mark.is_empty() => {
                Ok(Self { is_whole: kind == "whole", mark, has_more: end == "more", lines })
            }
            _ => Err(Fault("it is no list of revocations".to_owned())),
        }
    }

    /// Its entries.
    pub fn entries(self) -> impl Iterator<Item = Result<PageEntry<'t>, Fault>> {
        self.lines().map(entry)
    }

    /// Its entries as they came, each in a line.
    pub(super) fn lines(self) -> impl Iterator<Item = &'t str> {
        self.lines.split('\n').filter(|line| !line.is_empty())
    }

    /// Adds its entries to a list.
    ///
    /// # Errors
    /// A malformed entry, or too many of them.
    pub fn add_to(self, list: &mut RevocationList) -> Result<(), Fault> {
        for entry in self.entries() {
            let (key, before, _) = entry?;
            if !list.add(key, before) {
                return Err(Fault("it has too many entries".to_owned()));
            }
        }
        Ok(())
    }
}

/// An entry of a page: its key, its time, and what it names, in JSON, if the page has that.
pub type PageEntry<'t> = (EntryKey, UnixSeconds, Option<&'t str>);

/// Reads an entry of a page.
pub(super) fn entry(line: &str) -> Result<PageEntry<'_>, Fault> {
    let read = || {
        let (key, rest) = line.split_once(' ')?;
        let (before, named) = rest.split_once(' ').map_or((rest, None), |(before, named)| (before, Some(named)));
        Some((EntryKey::parse(key)?, UnixSeconds(before.parse().ok()?), named))
    };
    read().ok_or_else(|| Fault("an entry is malformed".to_owned()))
}
