//! The store of the list, which all isolates share: what is asked of it, and what is made of its answers.
//!
//! A Durable Object is asked in lines: a word, arguments, then entries as on a page ([`Page`]).
//!
//! - `changes`, a mark: what was added since, or the whole list if the mark is empty or of another list.
//! - `add`, seconds for which entries are kept, how many there may be; then entries: `added`, or `full` if there is no room.
//! - `list`, seconds for which entries are kept, a key: entries behind it in the order of keys, with what they name.

use std::cell::RefCell;

use super::book;
use super::entry::Entry;
use super::list::{MAX_ENTRIES, RevocationList};
use super::page::Page;
use crate::denial::Denial;
use crate::platform::{Fault, ListStep, Platform, in_time};
use crate::policy::{Revocation, RevocationStore};
use crate::time::UnixSeconds;

/// How long an answer is waited for, in milliseconds.
const TIMEOUT_MS: u32 = 10_000;

/// Maximum number of pages of one read. A list of as many entries as there may be has ten.
const MAX_PAGES: u32 = 100;

/// What became of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// The store has them.
    Kept,
    /// There is no room for them, and none was added.
    Full,
}

/// A list in memory, and how far it goes.
#[derive(Debug, Default)]
pub(super) struct Marked {
    pub(super) list: RevocationList,
    /// Empty for a list that was never read.
    pub(super) mark: String,
}

/// Checks that the store is bound.
///
/// # Errors
/// [`Denial::Misconfigured`] if it is not; the log says so.
pub fn check_bound(settings: &Revocation, platform: &impl Platform) -> Result<(), Denial> {
    let binding = settings.store.binding();
    let is_object = matches!(settings.store, RevocationStore::Object(_));
    if platform.has_list(binding, is_object) {
        return Ok(());
    }
    let what = if is_object { "Durable Object" } else { "KV namespace" };
    platform.log_once(&format!("revocation.store: no {what} is bound as {binding}"));
    Err(Denial::Misconfigured)
}

/// Brings a list up to date. `is_wanted` says, after each answer, whether it still is wanted.
///
/// A list that is read from its beginning replaces the one in memory once it is complete. What was added since is added page
/// by page: the list is then one of a later time, if not yet of now.
pub(super) async fn update<P: Platform>(
    memory: &RefCell<Marked>,
    settings: &Revocation,
    platform: &P,
    is_wanted: impl Fn() -> bool,
) -> Result<(), Fault> {
    let mut whole: Option<Marked> = None;
    let mut pages = 0;
    loop {
        pages += 1;
        if pages > MAX_PAGES {
            return Err(Fault("it does not end".to_owned()));
        }
        let mark = whole.as_ref().map_or_else(|| memory.borrow().mark.clone(), |whole| whole.mark.clone());
        let text = changes(&mark, settings, platform).await?;
        if !is_wanted() {
            return Ok(());
        }
        let page = Page::parse(&text)?;
        let has_more = page.has_more;
        let is_kv = matches!(settings.store, RevocationStore::Kv(_));
        if !page.is_whole && (mark.is_empty() || is_kv) {
            return Err(Fault("it lacks its beginning".to_owned()));
        }
        if page.is_whole {
            if page.mark == mark && whole.is_none() {
                return Ok(()); // nothing changed
            }
            whole = Some(Marked { list: RevocationList::empty(), mark: String::new() });
        }
        let add = |marked: &mut Marked| {
            page.add_to(&mut marked.list)?;
            page.mark.clone_into(&mut marked.mark);
            Ok(())
        };
        if let Some(whole) = &mut whole {
            add(whole)?;
        } else {
            let marked = &mut memory.borrow_mut();
            // A list that was read in part is read from its beginning next.
            add(marked).inspect_err(|_| marked.mark.clear())?;
        }
        if !has_more {
            break;
        }
    }
    if let Some(whole) = whole {
        *memory.borrow_mut() = whole;
    }
    Ok(())
}

async fn changes<P: Platform>(mark: &str, settings: &Revocation, platform: &P) -> Result<String, Fault> {
    match &settings.store {
        RevocationStore::Object(binding) => {
            let answer = step(binding, ListStep::Ask(&format!("changes {mark}")), platform).await?;
            answer.ok_or_else(no_text)
        }
        RevocationStore::Kv(binding) => {
            let text = step(binding, ListStep::Read, platform).await?;
            // Nobody has revoked anything yet.
            Ok(text.unwrap_or_else(|| "whole - end".to_owned()))
        }
    }
}

/// Adds entries to the store.
///
/// # Errors
/// A store that fails; whether it has the entries is not known then.
pub async fn add<P: Platform>(entries: &[Entry], settings: &Revocation, platform: &P) -> Result<Added, Fault> {
    match &settings.store {
        RevocationStore::Object(binding) => {
            let lines = entries.iter().map(|entry| book::line(entry.key(), entry.before(), &entry.json()));
            let question = format!("add {} {MAX_ENTRIES}{}", settings.keep, lines.collect::<String>());
            match step(binding, ListStep::Ask(&question), platform).await?.as_deref() {
                Some("added") => Ok(Added::Kept),
                Some("full") => Ok(Added::Full),
                _ => Err(Fault("it answered something else".to_owned())),
            }
        }
        RevocationStore::Kv(binding) => {
            let text = step(binding, ListStep::Read, platform).await?;
            let now = platform.now();
            let stamp = format!("{}.{}", now.0, platform.random());
            let Some(text) = book::with(text.as_deref(), entries, oldest(settings, now.seconds()), &stamp)? else {
                return Ok(Added::Full);
            };
            step(binding, ListStep::Write(&text), platform).await?;
            Ok(Added::Kept)
        }
    }
}

/// A page of entries behind the key `cursor`, with what they name.
///
/// # Errors
/// A store that fails.
pub async fn listed<P: Platform>(cursor: &str, settings: &Revocation, platform: &P) -> Result<String, Fault> {
    match &settings.store {
        RevocationStore::Object(binding) => {
            let question = format!("list {} {cursor}", settings.keep);
            step(binding, ListStep::Ask(&question), platform).await?.ok_or_else(no_text)
        }
        RevocationStore::Kv(binding) => {
            let text = step(binding, ListStep::Read, platform).await?;
            book::listed(text.as_deref(), cursor, oldest(settings, platform.now().seconds()))
        }
    }
}

/// The earliest time of entries that are kept.
fn oldest(settings: &Revocation, now: UnixSeconds) -> UnixSeconds {
    UnixSeconds(now.0.saturating_sub(settings.keep))
}

async fn step(binding: &str, step: ListStep<'_>, platform: &impl Platform) -> Result<Option<String>, Fault> {
    let late = || Err(Fault(format!("no answer within {TIMEOUT_MS} ms")));
    in_time(platform.use_list(binding, step), TIMEOUT_MS, platform).await.unwrap_or_else(late)
}

fn no_text() -> Fault {
    Fault("it answered with no text".to_owned())
}
