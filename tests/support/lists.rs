//! The store of the list of revocations: what the Durable Object does, and how it fails.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A Durable Object with a list, and a KV namespace.
#[derive(Default)]
pub struct Lists {
    pub is_unbound: Cell<bool>,
    pub fails: Cell<bool>,
    /// Answered instead of what would be.
    pub garbage: RefCell<Option<String>>,
    pub reply_ms: Cell<u64>,
    /// How many entries a page of changes has.
    pub page: Cell<usize>,
    /// What was asked.
    pub questions: RefCell<Vec<String>>,
    pub object: RefCell<Object>,
    pub kv: RefCell<Option<String>>,
}

/// Entries by key: their times, what they name, and the number of their last change.
#[derive(Default)]
pub struct Object {
    pub id: u32,
    change: u64,
    pub entries: BTreeMap<String, (u64, String, u64)>,
}

impl Object {
    pub fn answer(&mut self, question: &str, page: usize, now: u64) -> String {
        let mut lines = question.split('\n');
        let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
        match words.as_slice() {
            ["changes", mark] => self.changes(mark, page),
            ["add", keep, limit] => self.add(lines, now - keep.parse::<u64>().unwrap(), limit.parse().unwrap()),
            ["list", keep, behind] => {
                let oldest = now - keep.parse::<u64>().unwrap();
                let listed =
                    self.entries.iter().filter(|(key, (before, ..))| key.as_str() > *behind && *before >= oldest);
                let mut lines: Vec<_> =
                    listed.map(|(key, (before, named, _))| format!("\n{key} {before} {named}")).collect();
                let end = if lines.len() > page { "more" } else { "end" };
                lines.truncate(page);
                format!("since listed {end}{}", lines.concat())
            }
            _ => panic!("{question}"),
        }
    }

    fn changes(&self, mark: &str, page: usize) -> String {
        let since = mark
            .split_once(':')
            .filter(|(id, _)| *id == self.id.to_string())
            .map(|(_, since)| since.parse::<u64>().unwrap());
        let mut rows: Vec<_> = self.entries.iter().filter(|(_, (.., change))| *change > since.unwrap_or(0)).collect();
        rows.sort_by_key(|(_, (.., change))| *change);
        let has_more = rows.len() > page;
        rows.truncate(page);
        let last = if has_more { rows.last().unwrap().1.2 } else { self.change };
        let lines: String = rows.iter().map(|(key, (before, ..))| format!("\n{key} {before}")).collect();
        let (kind, end) = (if since.is_some() { "since" } else { "whole" }, if has_more { "more" } else { "end" });
        format!("{kind} {}:{last} {end}{lines}", self.id)
    }

    fn add<'l>(&mut self, lines: impl Iterator<Item = &'l str>, oldest: u64, limit: usize) -> String {
        self.entries.retain(|_, (before, ..)| *before >= oldest);
        let rows: Vec<_> = lines
            .map(|line| {
                let mut words = line.splitn(3, ' ');
                let mut next = || words.next().unwrap().to_owned();
                (next(), next().parse::<u64>().unwrap(), next())
            })
            .collect();
        let new = rows.iter().filter(|(key, ..)| !self.entries.contains_key(key)).count();
        if new > 0 && self.entries.len() + new > limit {
            return "full".to_owned();
        }
        for (key, before, named) in rows {
            if self.entries.get(&key).is_none_or(|(known, ..)| *known < before) {
                self.change += 1;
                self.entries.insert(key, (before, named, self.change));
            }
        }
        "added".to_owned()
    }
}
