//! Flights: how a key set gets into memory, from the store or from the issuer.
//!
//! A flight runs to its end even if the caller that caused it is gone, and leaves its result in the slot. Other
//! requests look for it there; none ever awaits a future of another request. A flight that never lands is written off.

use std::rc::Rc;

use futures_channel::oneshot;

use super::cached::{CachedSet, FetchDate, Sequence};
use super::discovery::{Download, download};
use super::entry::{self, Notes, StoreEntry, is_from};
use super::fetched::FetchedKeys;
use super::plan::{Jitter, Reason};
use super::set::{KeyQuery, KeySet, Selection};
use super::shared_fetch::{Documents, Run};
use super::slot::max_flight_seconds;
use crate::platform::{Fault, Platform, in_time};
use crate::policy::Issuer;

/// How long a flight waits for the store, in milliseconds. A cold read of Workers KV takes 100 to 200 ms.
const STORE_TIMEOUT_MS: u32 = 1000;

/// How far a flight went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// The store was enough, though it may be behind the issuer.
    Store,
    /// The issuer was asked, or must not be asked yet: another flight would not help now.
    Issuer,
}

/// A fetch of an issuer's key set.
struct Flight<K> {
    keys: FetchedKeys<K>,
    id: Sequence,
    reason: Reason,
    /// The key needed by the token that caused the flight.
    query: Option<KeyQuery>,
    uses_store: bool,
}

/// Starts a flight and waits for its result.
pub(super) async fn launch<P: Platform>(
    keys: &FetchedKeys<P::Key>,
    reason: Reason,
    query: &KeyQuery,
    platform: &P,
) -> Landing {
    let (done, landing) = oneshot::channel();
    let flight = Flight::take_off(keys, reason, Some(query.clone()), platform);
    platform.spawn(fly(flight, platform.clone(), done));
    let landed = in_time(landing, max_flight_seconds(&keys.issuer) * 1000, platform).await;
    // A flight that was dropped or written off delivers nothing more.
    landed.and_then(Result::ok).unwrap_or(Landing::Issuer)
}

/// Starts a flight for a set that has become stale, unless one is in flight.
pub(super) fn refresh_later<P: Platform>(keys: &FetchedKeys<P::Key>, platform: &P) {
    if !keys.slot.borrow_mut().is_in_flight(&keys.issuer, platform.now().seconds()) {
        let (done, _) = oneshot::channel();
        platform.spawn(fly(Flight::take_off(keys, Reason::Stale, None, platform), platform.clone(), done));
    }
}

/// Starts a flight for a policy that is only tried, unless one is in flight or it had one a short time ago. It leaves the
/// store alone, which has one entry for an issuer: policies in force trust what is in it, wherever it came from.
pub(super) fn try_later<P: Platform>(keys: &FetchedKeys<P::Key>, reason: Reason, platform: &P) {
    let now = platform.now();
    let may_try = {
        let mut slot = keys.slot.borrow_mut();
        !slot.is_in_flight(&keys.issuer, now.seconds()) && slot.may_try(keys.issuer.lifetime, now)
    };
    if may_try {
        let (done, _) = oneshot::channel();
        let flight = Flight { uses_store: false, ..Flight::take_off(keys, reason, None, platform) };
        platform.spawn(fly(flight, platform.clone(), done));
    }
}

/// Fetches from the issuer in a scheduled run, and updates memory and the store. Returns whether the issuer's answer was
/// cached.
pub(super) async fn refresh_now<P: Platform>(keys: &FetchedKeys<P::Key>, run: &Run<'_>, platform: &P) -> bool {
    let documents = Documents { fetch: platform, run: Some(run) };
    let Some(news) = ask_issuer(keys, Reason::Scheduled, &documents, platform).await else { return false };
    if !is_stored(keys, &news, platform).await {
        tell_store(keys, &news, platform).await;
    }
    true
}

/// Whether the store has this set, and most of the time for which it is fresh is left: writes are limited and billed.
async fn is_stored<P: Platform>(keys: &FetchedKeys<P::Key>, news: &CachedSet<P::Key>, platform: &P) -> bool {
    let Some(entry) = read_store(&keys.issuer, platform).await else { return false };
    let now = platform.now().seconds();
    let date = FetchDate::stored(entry.fetched_at, now);
    let is_same = entry.jwks_uri == news.jwks_uri
        && entry.etag == news.etag
        && entry.notes.fresh_for == news.fresh_for
        && entry.keys.iter().eq(news.set.keys());
    let ttl = news.lifetime(keys.issuer.lifetime).ttl;
    is_same && !date.is_in_doubt() && now.since(date.at()).saturating_mul(3) < ttl
}

/// Reads the store; if that is not enough, fetches from the issuer and then updates the store.
async fn fly<P: Platform>(flight: Flight<P::Key>, platform: P, done: oneshot::Sender<Landing>) {
    let keys = &flight.keys;
    let is_in_store = flight.uses_store && flight.ask_store(&platform).await;
    let documents = Documents { fetch: &platform, run: None };
    let news = if is_in_store { None } else { ask_issuer(keys, flight.reason, &documents, &platform).await };
    keys.slot.borrow_mut().land(flight.id);
    // The request that launched the flight may be gone.
    let _ = done.send(if is_in_store { Landing::Store } else { Landing::Issuer });
    if let Some(news) = news.filter(|_| flight.uses_store) {
        tell_store(keys, &news, &platform).await;
    }
}

impl<K> Flight<K> {
    fn take_off(keys: &FetchedKeys<K>, reason: Reason, query: Option<KeyQuery>, platform: &impl Platform) -> Self {
        let id = keys.slot.borrow_mut().take_off(platform.now().seconds());
        Self { keys: keys.clone(), id, reason, query, uses_store: true }
    }

    /// Caches the store's set if it is newer than the cached one. True if the issuer need not be asked.
    async fn ask_store<P: Platform<Key = K>>(&self, platform: &P) -> bool {
        let FetchedKeys { issuer, slot } = &self.keys;
        slot.borrow_mut().read_store(platform.now());
        let Some(StoreEntry { jwks_uri, etag, fetched_at, keys, notes }) = read_store(issuer, platform).await else {
            return false;
        };
        // Only a set of importable keys may replace another.
        let Ok(set) = KeySet::new(keys).importable(platform).await else {
            return false;
        };
        let has_key = match &self.query {
            Some(query) => !matches!(set.select(query, platform).await, Selection::Unknown),
            None => false,
        };
        let now = platform.now();
        let date = FetchDate::stored(fetched_at, now.seconds());
        let jitter = Jitter::drawn(platform.random());
        let stored = CachedSet { set, jwks_uri, etag, fresh_for: notes.fresh_for, date, jitter };
        let mut slot = slot.borrow_mut();
        let taken = slot.take_stored(stored, issuer.lifetime, now);
        // An entry that has the key but is not used contradicts the cached set. Only the issuer can resolve that, so a
        // recent fetch by another isolate must not delay asking it.
        if taken.is_some() || !has_key {
            slot.learn(notes.triggered_at, now);
        }
        let Some(taken) = taken else { return false };
        match self.reason {
            // If its date is in doubt, the issuer is asked too; this set is for the case that the issuer does not
            // answer.
            _ if taken.date.is_in_doubt() => false,
            Reason::Stale => taken.lifetime(issuer.lifetime).is_fresh(taken.age(now.seconds())),
            Reason::UnknownKey => has_key,
            Reason::Missing | Reason::Scheduled => true,
        }
    }
}

/// The issuer's store entry, if there is a valid one.
async fn read_store(issuer: &Issuer, platform: &impl Platform) -> Option<StoreEntry> {
    let key = entry::store_key(&issuer.issuer);
    let late = || Err(Fault(format!("no answer within {STORE_TIMEOUT_MS} ms")));
    match in_time(platform.read(&key), STORE_TIMEOUT_MS, platform).await.unwrap_or_else(late) {
        Ok(stored) => StoreEntry::parse(&stored?, &issuer.issuer).filter(|entry| is_from(entry, issuer)),
        Err(fault) => {
            platform.log(&format!("issuer {}: the key store cannot be read: {fault}", issuer.name));
            None
        }
    }
}

/// Fetches the issuer's set into memory, and returns it if it was cached. The cached set stays if the new one is
/// invalid, or answers an earlier question than the last answer did.
async fn ask_issuer<P: Platform>(
    keys: &FetchedKeys<P::Key>,
    reason: Reason,
    documents: &Documents<'_, P>,
    platform: &P,
) -> Option<Rc<CachedSet<P::Key>>> {
    let FetchedKeys { issuer, slot } = keys;
    // During the cooldown only the store could be read, or the store says that another isolate has just asked.
    let question = slot.borrow_mut().ask(reason, issuer.lifetime, platform.now())?;
    let fetched = fetch(keys, reason, question, documents, platform).await;
    let mut slot = slot.borrow_mut();
    slot.end(fetched.is_err().then(|| Jitter::drawn(platform.random())));
    match fetched {
        Ok(answer) => slot.take_answer(question, answer),
        Err(fault) => {
            slot.fail(&fault.0, platform.now());
            platform.log(&format!("issuer {}: its keys cannot be fetched: {fault}", issuer.name));
            None
        }
    }
}

async fn fetch<P: Platform>(
    keys: &FetchedKeys<P::Key>,
    reason: Reason,
    question: Sequence,
    documents: &Documents<'_, P>,
    platform: &P,
) -> Result<CachedSet<P::Key>, Fault> {
    let cached = keys.cached();
    // The set is as old as the question: the answer may take a while to arrive.
    let date = FetchDate::asked(question, platform.now().seconds());
    // For a key that the cached set lacks, the request must not be conditional.
    let tag = cached
        .as_ref()
        .filter(|_| reason != Reason::UnknownKey)
        .and_then(|cached| Some((cached.jwks_uri.as_str(), cached.etag.as_deref()?)));
    let Download { jwks_uri, document, fresh_for } = download(&keys.issuer, tag, documents).await?;
    let (set, etag) = match (document, &cached) {
        (Some((set, etag)), known) => {
            let set = set.importable(platform).await.map_err(|error| Fault(error.to_string()))?;
            // Most refreshes bring nothing new, and then tokens verified with the set stay verified.
            let set = match known {
                Some(known) => set.or_same(&known.set),
                None => set,
            };
            (set, etag)
        }
        (None, Some(known)) => (known.set.share(), known.etag.clone()),
        (None, None) => return Err(Fault("304 without a cached set".to_owned())),
    };
    Ok(CachedSet { set, jwks_uri, etag, fresh_for, date, jitter: Jitter::drawn(platform.random()) })
}

/// Writes a new set to the store, unless memory has a newer one.
async fn tell_store<P: Platform>(keys: &FetchedKeys<P::Key>, news: &Rc<CachedSet<P::Key>>, platform: &P) {
    let FetchedKeys { issuer, slot } = keys;
    let triggered_at = {
        let mut slot = slot.borrow_mut();
        slot.clamp_to_now(platform.now());
        if !slot.cached().is_some_and(|cached| Rc::ptr_eq(cached, news)) {
            return;
        }
        slot.history().triggered_at
    };
    let CachedSet { set, jwks_uri, etag, fresh_for, date, .. } = news.as_ref();
    let notes = Notes { fresh_for: *fresh_for, triggered_at };
    let stored = entry::write(&issuer.issuer, jwks_uri, date.at(), etag.as_deref(), set.sources(), notes);
    // No request waits for this, so it has no timeout.
    if let Err(fault) = platform.write(&entry::store_key(&issuer.issuer), stored).await {
        platform.log(&format!("issuer {}: the key store cannot be written: {fault}", issuer.name));
    }
}
