//! The list in Workers KV: one value, a page that holds the whole list. Who adds an entry reads it and writes it again, so of
//! two who do that at once one is lost.

use super::entry::{Entry, EntryKey};
use super::page::{Page, entry};
use crate::platform::Fault;
use crate::time::UnixSeconds;

/// Maximum size of the list in bytes: an isolate reads it as one text. 20,000 entries and more fit.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Maximum number of entries that are listed at once.
const LISTED: usize = 1000;

/// The list after these entries were added. `stamp` tells it from every other version. Entries whose time is before `oldest`
/// are dropped. `None` if it is too large.
///
/// # Errors
/// A list that cannot be read: it is not replaced by one that lacks entries.
pub fn with(text: Option<&str>, entries: &[Entry], oldest: UnixSeconds, stamp: &str) -> Result<Option<String>, Fault> {
    let added: String = entries.iter().map(|entry| line(entry.key(), entry.before(), &entry.json())).collect();
    let added = format!("whole {stamp} end{added}");
    let mut lines = lines(text)?;
    lines.extend(Page::parse(&added)?.lines());
    // A line begins with its key, and all keys are of one length.
    lines.sort_unstable();
    let mut written = format!("whole {stamp} end");
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        let mut latest = entry(line)?;
        while let Some(same) = lines.peek().map(|next| entry(next)).transpose()?.filter(|next| next.0 == latest.0) {
            if same.1 > latest.1 {
                latest = same;
            }
            lines.next();
        }
        let (key, before, named) = latest;
        if before >= oldest {
            written.push_str(&self::line(key, before, named.unwrap_or_default()));
        }
    }
    Ok((written.len() <= MAX_BYTES).then_some(written))
}

/// A page of entries as the Durable Object lists them: those behind the key `cursor`.
///
/// # Errors
/// A list that cannot be read.
pub fn listed(text: Option<&str>, cursor: &str, oldest: UnixSeconds) -> Result<String, Fault> {
    let mut page = String::new();
    let mut count = 0;
    // The list is in the order of keys.
    for line in lines(text)? {
        let (_, before, _) = entry(line)?;
        if before < oldest || line.get(..cursor.len()).is_none_or(|key| key <= cursor && !cursor.is_empty()) {
            continue;
        }
        if count == LISTED {
            return Ok(format!("since listed more{page}"));
        }
        page.push('\n');
        page.push_str(line);
        count += 1;
    }
    Ok(format!("since listed end{page}"))
}

fn lines(text: Option<&str>) -> Result<Vec<&str>, Fault> {
    Ok(text.map(Page::parse).transpose()?.map(|page| page.lines().collect()).unwrap_or_default())
}

/// An entry as a line of a page, with the line break before it.
pub(super) fn line(key: EntryKey, before: UnixSeconds, named: &str) -> String {
    format!("\n{key} {} {named}", before.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(users: std::ops::Range<u32>, before: u64) -> Vec<Entry> {
        users.map(|user| Entry::new("i", &[("sub", &user.to_string())], UnixSeconds(before)).unwrap()).collect()
    }

    /// The users and times of all entries, read page by page.
    fn all(list: &str, oldest: u64) -> Vec<(String, u64)> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let text = listed(Some(list), &cursor, UnixSeconds(oldest)).unwrap();
            let page = Page::parse(&text).unwrap();
            let (mut count, mut last) = (0, None);
            for entry in page.entries() {
                let (key, before, named) = entry.unwrap();
                found.push((named.unwrap().replace(r#"{"issuer":"i","sub":""#, "").replace("\"}", ""), before.0));
                (count, last) = (count + 1, Some(key));
            }
            assert!(count <= LISTED);
            if !page.has_more {
                found.sort_by_key(|(user, _)| user.parse::<u32>().unwrap());
                return found;
            }
            cursor = last.unwrap().to_string();
        }
    }

    #[test]
    fn entries_are_merged_the_later_time_stays_and_old_ones_go() {
        let first = with(None, &entries(0..2500, 100), UnixSeconds(0), "a").unwrap().unwrap();
        let second = with(Some(&first), &entries(0..10, 1000), UnixSeconds(0), "b").unwrap().unwrap();
        let third = with(Some(&second), &entries(5..2510, 99), UnixSeconds(0), "c").unwrap().unwrap();
        let expected: Vec<_> = (0..2510_u32)
            .map(|user| {
                (
                    user.to_string(),
                    if user < 10 {
                        1000
                    } else if user < 2500 {
                        100
                    } else {
                        99
                    },
                )
            })
            .collect();
        assert_eq!(all(&third, 0), expected);
        assert_eq!(all(&third, 100).len(), 2500);
        let pruned = with(Some(&third), &[], UnixSeconds(101), "d").unwrap().unwrap();
        assert_eq!(all(&pruned, 0), expected[..10]);
        assert!(pruned.starts_with("whole d end\n"));
    }

    #[test]
    fn a_list_that_is_too_large_or_unreadable_is_not_written() {
        let long = "x".repeat(3000);
        let many: Vec<_> = (0..1500)
            .map(|user| Entry::new("i", &[("sub", &format!("{long}{user}"))], UnixSeconds(1)).unwrap())
            .collect();
        assert_eq!(with(None, &many, UnixSeconds(0), "a"), Ok(None));
        for list in ["", "x", "whole a end\nx", "whole a end\n00 1 {}", "whole a maybe"] {
            assert!(with(Some(list), &entries(0..1, 1), UnixSeconds(0), "a").is_err(), "{list}");
            assert!(listed(Some(list), "", UnixSeconds(0)).is_err(), "{list}");
        }
    }
}
