//! Flights: how a key set gets into memory, from the store or from the issuer.
//!
//! A flight runs to its end even if the client that caused it is gone, and leaves its result in the slot. Other
//! requests look for it there; none ever awaits what another request made. A flight that never lands is written off.

use std::rc::Rc;

use futures_channel::oneshot;

use super::cached::{Cached, Date};
use super::discovery::{Download, download};
use super::entry::{self, Entry, Notes};
use super::keyring::Keyring;
use super::plan::Reason;
use super::set::{KeySet, Selection, Wanted};
use super::slot::{FlightId, longest_flight};
use crate::platform::{Fault, Platform, in_time};
use crate::policy::{Issuer, KeySource};

/// How long a request waits for the store. A cold read of Workers KV takes 100 to 200 ms.
const STORE_TIMEOUT_MS: u32 = 1000;

/// Starts a flight and waits for its result. False if the store was enough, which may be behind; else there is no more to
/// be had now: the issuer was asked, or must not be yet.
pub(super) async fn launch<P: Platform>(
    ring: &Rc<Keyring<P::Key>>,
    index: usize,
    reason: Reason,
    wanted: &Wanted,
    platform: &P,
) -> bool {
    let Some((issuer, slot)) = ring.at(index) else { return true };
    let id = slot.borrow_mut().take_off(platform.now());
    let (done, landing) = oneshot::channel();
    let flight = fly(Rc::clone(ring), index, id, reason, Some(wanted.clone()), platform.clone(), done);
    platform.spawn(flight);
    // A flight that was dropped, or is written off, has nothing more to give.
    in_time(landing, longest_flight(issuer) * 1000, platform).await.is_none_or(|landed| landed.unwrap_or(true))
}

/// Starts a flight for a set that has become stale, unless one is under way.
pub(super) fn refresh_later<P: Platform>(ring: &Rc<Keyring<P::Key>>, index: usize, platform: &P) {
    let Some((issuer, slot)) = ring.at(index) else { return };
    let now = platform.now();
    if !slot.borrow_mut().is_fetching(issuer, now) {
        let id = slot.borrow_mut().take_off(now);
        let (done, _) = oneshot::channel();
        platform.spawn(fly(Rc::clone(ring), index, id, Reason::Stale, None, platform.clone(), done));
    }
}

/// Asks the issuer and tells memory and the store.
pub(super) async fn refresh_now<P: Platform>(ring: &Keyring<P::Key>, index: usize, platform: &P) {
    if let Some(news) = ask_issuer(ring, index, Reason::Scheduled, platform).await {
        tell_store(ring, index, &news, platform).await;
    }
}

/// The store first; if that does not help, the issuer, and then the store is told.
async fn fly<P: Platform>(
    ring: Rc<Keyring<P::Key>>,
    index: usize,
    id: FlightId,
    reason: Reason,
    wanted: Option<Wanted>,
    platform: P,
    done: oneshot::Sender<bool>,
) {
    let is_in_store = ask_store(&ring, index, reason, wanted.as_ref(), &platform).await;
    let news = if is_in_store { None } else { ask_issuer(&ring, index, reason, &platform).await };
    if let Some((_, slot)) = ring.at(index) {
        slot.borrow_mut().land(id);
    }
    // Whoever launched the flight may be gone.
    let _ = done.send(!is_in_store);
    if let Some(news) = news {
        tell_store(&ring, index, &news, &platform).await;
    }
}

/// Takes up the store's set if it is newer than the one in memory. True if no more is needed.
async fn ask_store<P: Platform>(
    ring: &Keyring<P::Key>,
    index: usize,
    reason: Reason,
    wanted: Option<&Wanted>,
    platform: &P,
) -> bool {
    let Some((issuer, slot)) = ring.at(index) else { return false };
    slot.borrow_mut().history.store_read_at = Some(platform.now_ms());
    let key = entry::store_key(&issuer.issuer);
    let late = || Err(Fault(format!("no answer within {STORE_TIMEOUT_MS} ms")));
    let stored = match in_time(platform.read(&key), STORE_TIMEOUT_MS, platform).await.unwrap_or_else(late) {
        Ok(stored) => stored,
        Err(fault) => {
            platform.log(&format!("issuer {}: the key store cannot be read: {fault}", issuer.name));
            return false;
        }
    };
    let entry = stored.and_then(|stored| Entry::parse(&stored, &issuer.issuer));
    let Some(entry) = entry.filter(|entry| is_from(entry, issuer)) else {
        return false;
    };
    let Entry { jwks_uri, etag, fetched_at, keys, notes } = entry;
    // Only keys that can be used make a set that may replace another.
    let Ok(set) = KeySet::new(keys).importable(platform).await else {
        return false;
    };
    let has_key = match wanted {
        Some(wanted) => !matches!(set.select(wanted, platform).await, Selection::Unknown),
        None => false,
    };
    let now_ms = platform.now_ms();
    let date = Date::stored(fetched_at, now_ms / 1000);
    let stored = Cached { set, jwks_uri, etag, fresh_for: notes.fresh_for, date };
    let mut slot = slot.borrow_mut();
    let taken = slot.take_up(stored, issuer.lifetime, now_ms);
    // An entry that has the key and is not taken contradicts the set at hand. The issuer is to say who is right, and how
    // long ago another isolate asked is no reason not to ask.
    if taken.is_some() || !has_key {
        slot.history.learn(notes.triggered_at_ms, now_ms);
    }
    let Some(taken) = taken else { return false };
    match reason {
        // Where it is in doubt, the issuer is asked first, and this is for the case that it does not answer.
        _ if taken.date.is_in_doubt() => false,
        Reason::Stale => taken.lifetime(issuer.lifetime).is_fresh(taken.age(now_ms / 1000)),
        Reason::UnknownKey => has_key,
        _ => true,
    }
}

/// Whether an entry came from where the policy says that the keys are.
fn is_from(entry: &Entry, issuer: &Issuer) -> bool {
    match &issuer.keys {
        KeySource::Uri(uri) => entry.jwks_uri == *uri,
        KeySource::Discovery(_) => true,
        KeySource::Static(_) => false,
    }
}

/// Fetches the issuer's set into memory; gives it back if it is news. A set that is not good leaves the one that is
/// there, and so does one that was asked for earlier and came later.
async fn ask_issuer<P: Platform>(
    ring: &Keyring<P::Key>,
    index: usize,
    reason: Reason,
    platform: &P,
) -> Option<Rc<Cached<P::Key>>> {
    let (issuer, slot) = ring.at(index)?;
    let now = platform.now_ms();
    let is_static = matches!(issuer.keys, KeySource::Static(_));
    slot.borrow_mut().pull_back(now);
    // Under the cooldown the store was all that could be asked, or it says that another isolate has just asked.
    if is_static || slot.borrow().history.wait(reason, issuer.lifetime, now) > 0 {
        return None;
    }
    slot.borrow_mut().history.begin(reason, now);
    let turn = slot.borrow_mut().next_turn();
    let fetched = fetch(ring, index, reason, turn, platform).await;
    let mut slot = slot.borrow_mut();
    slot.history.failed = fetched.is_err();
    match fetched {
        Ok(answer) => slot.replace(turn, answer),
        Err(fault) => {
            platform.log(&format!("issuer {}: its keys cannot be fetched: {fault}", issuer.name));
            None
        }
    }
}

async fn fetch<P: Platform>(
    ring: &Keyring<P::Key>,
    index: usize,
    reason: Reason,
    turn: u64,
    platform: &P,
) -> Result<Cached<P::Key>, Fault> {
    let (issuer, slot) = ring.at(index).ok_or_else(|| Fault("no such issuer".to_owned()))?;
    let at_hand = slot.borrow().cached.clone();
    // The set is as old as the question: the answer may have been on its way for a while.
    let date = Date::asked(turn, platform.now());
    // For a key that the set at hand lacks, only a whole answer will do.
    let tag = at_hand
        .as_ref()
        .filter(|_| reason != Reason::UnknownKey)
        .and_then(|cached| Some((cached.jwks_uri.as_str(), cached.etag.as_deref()?)));
    let mut download = download(issuer, tag, platform).await?;
    let (set, etag) = match (download.document.take(), &at_hand) {
        (Some((set, etag)), _) => {
            let set = set.importable(platform).await.map_err(|error| Fault(error.to_string()))?;
            // Most refreshes bring nothing new, and then what was verified with the set still is.
            let set = match &at_hand {
                Some(at_hand) => set.unless_like(&at_hand.set),
                None => set,
            };
            (set, etag)
        }
        (None, Some(at_hand)) => (at_hand.set.again(), at_hand.etag.clone()),
        (None, None) => return Err(Fault("not modified, without a set at hand".to_owned())),
    };
    let Download { jwks_uri, fresh_for, .. } = download;
    Ok(Cached { set, jwks_uri, etag, fresh_for, date })
}

/// Puts news into the store, unless there are newer ones in memory.
async fn tell_store<P: Platform>(ring: &Keyring<P::Key>, index: usize, news: &Rc<Cached<P::Key>>, platform: &P) {
    let Some((issuer, slot)) = ring.at(index) else { return };
    slot.borrow_mut().pull_back(platform.now_ms());
    if !slot.borrow().cached.as_ref().is_some_and(|cached| Rc::ptr_eq(cached, news)) {
        return;
    }
    let Cached { set, jwks_uri, etag, fresh_for, date } = news.as_ref();
    let notes = Notes { fresh_for: *fresh_for, triggered_at_ms: slot.borrow().history.triggered_at };
    let stored = entry::write(&issuer.issuer, jwks_uri, date.at(), etag.as_deref(), set.sources(), notes);
    // No request waits for this, so it may take its time.
    if let Err(fault) = platform.write(&entry::store_key(&issuer.issuer), stored).await {
        platform.log(&format!("issuer {}: the key store cannot be written: {fault}", issuer.name));
    }
}
