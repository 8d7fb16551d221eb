//! The scheduled refresh of all issuers' keys, within the platform's limits for one invocation.
//!
//! If the issuers need more fetches than a run may make, the oldest sets are refreshed first and the others by later
//! runs. An issuer that cannot be reached goes to the end of the queue, like one that was refreshed. Since each run may
//! be the first of its isolate, such attempts are noted in the store.

use std::cell::RefCell;

use futures_util::future::{LocalBoxFuture, join_all};

use super::entry::{StoreEntry, is_from, store_key};
use super::fetched::FetchedKeys;
use super::flight::refresh_now;
use super::plan::MAX_SKEW;
use super::shared_fetch::Run;
use crate::jose::json::Json;
use crate::platform::{Platform, Store, Stored};
use crate::policy::{Issuer, KeySource};
use crate::time::UnixSeconds;

/// Maximum number of fetches in one run. Workers allow 50 subrequests for an invocation on the Free plan.
const MAX_FETCHES: usize = 45;

/// Maximum number of entries that one run reads to find the oldest. Workers allow 1000 operations on Cloudflare's own
/// services, such as Workers KV, for an invocation; an entry is read again before it is written.
const MAX_READS: usize = 650;

/// Maximum number of entries that one run writes: issuers that share a key set cost a fetch in all, but a write each.
const MAX_WRITES: usize = 150;

/// Number of connections that Workers open at once in an invocation.
const LANES: usize = 6;

/// The store's key for the attempts of runs that could not refresh all issuers.
const ATTEMPTS_KEY: &str = "cron:v1";

/// An issuer, and when it was last asked, if that is known.
type Queued<K> = (FetchedKeys<K>, Option<UnixSeconds>);

/// Refreshes the keys of all issuers, or as many as one run may fetch.
pub(super) async fn refresh<P: Platform>(mut issuers: Vec<FetchedKeys<P::Key>>, platform: &P) {
    if cost(&issuers) <= MAX_FETCHES && issuers.len() <= MAX_WRITES {
        fetch_all(&issuers, platform).await;
        return;
    }
    let mut attempts = Attempts::read(platform).await;
    attempts.0.retain(|(issuer, _)| issuers.iter().any(|keys| keys.issuer.issuer == *issuer));
    // If not all are read, all have their turn.
    let start = usize::try_from(platform.random()).unwrap_or_default() % issuers.len().max(1);
    issuers.rotate_left(start);
    issuers.truncate(MAX_READS);
    let chosen = oldest(queue(issuers, &attempts, platform).await);
    let refreshed = fetch_all(&chosen, platform).await;
    for (keys, is_refreshed) in chosen.iter().zip(refreshed) {
        attempts.note(&keys.issuer.issuer, is_refreshed, platform.now().seconds());
    }
    attempts.write(platform).await;
}

/// Fetches the keys of these issuers. Returns for each whether there is an answer of its issuer.
async fn fetch_all<P: Platform>(issuers: &[FetchedKeys<P::Key>], platform: &P) -> Vec<bool> {
    let uris = uris(issuers);
    let common = uris.chunk_by(|one, next| one == next).filter(|same| same.len() > 1);
    let run =
        Run::new(common.filter_map(|same| Some((*same.first()?, longest_timeout(same.first()?, issuers)))).collect());
    let mut refreshed = vec![false; issuers.len()];
    let work = issuers.iter().zip(&mut refreshed).map(|(keys, refreshed)| -> LocalBoxFuture<'_, ()> {
        Box::pin(async { *refreshed = refresh_now(keys, &run, platform).await })
    });
    in_lanes(work.collect()).await;
    refreshed
}

/// Does work side by side, as much at once as the platform has connections: what waits for one would run into its timeout.
async fn in_lanes(work: Vec<LocalBoxFuture<'_, ()>>) {
    let work = RefCell::new(work.into_iter());
    let next = || work.borrow_mut().next();
    let lanes = (0..LANES).map(|_| -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            while let Some(next) = next() {
                next.await;
            }
        })
    });
    join_all(lanes).await;
}

/// These issuers, and when each was last asked.
async fn queue<P: Platform>(
    issuers: Vec<FetchedKeys<P::Key>>,
    attempts: &Attempts,
    platform: &P,
) -> Vec<Queued<P::Key>> {
    let now = platform.now().seconds();
    let mut queue: Vec<Queued<P::Key>> = issuers
        .into_iter()
        .map(|keys| {
            let remembered = keys.slot.borrow_mut().last_refresh(platform.now());
            let last = remembered.max(attempts.of(&keys.issuer, now));
            (keys, last)
        })
        .collect();
    let work = queue.iter_mut().map(|(keys, last)| -> LocalBoxFuture<'_, ()> {
        Box::pin(async { *last = (*last).max(stored_at(&keys.issuer, now, platform).await) })
    });
    in_lanes(work.collect()).await;
    queue
}

/// The number of fetches for these issuers: one for each `jwks_uri` of the policy, two for discovery.
fn cost<K>(issuers: &[FetchedKeys<K>]) -> usize {
    let mut uris = uris(issuers);
    let discovered = issuers.len() - uris.len();
    uris.dedup();
    uris.len() + 2 * discovered
}

/// As many issuers as one run may refresh, those first that were asked least recently. What one has no fetches left for, others
/// may have: they share a set that is fetched anyway, or need no discovery.
fn oldest<K>(mut queue: Vec<Queued<K>>) -> Vec<FetchedKeys<K>> {
    let mut chosen: Vec<FetchedKeys<K>> = Vec::new();
    let first = |queue: &[Queued<K>]| queue.iter().enumerate().min_by_key(|(_, (_, last))| *last).map(|(i, _)| i);
    while chosen.len() < MAX_WRITES
        && let Some(next) = first(&queue)
    {
        chosen.push(queue.remove(next).0);
        if cost(&chosen) > MAX_FETCHES {
            chosen.pop();
        }
    }
    chosen
}

/// The `jwks_uri` of each issuer that has one in the policy, sorted.
fn uris<K>(issuers: &[FetchedKeys<K>]) -> Vec<&str> {
    let mut uris: Vec<&str> = issuers.iter().filter_map(|keys| uri(&keys.issuer)).collect();
    uris.sort_unstable();
    uris
}

fn uri(issuer: &Issuer) -> Option<&str> {
    match &issuer.keys {
        KeySource::Uri(uri) => Some(uri),
        KeySource::Discovery(_) | KeySource::Static(_) => None,
    }
}

/// The longest timeout in milliseconds of the issuers with this `jwks_uri`.
fn longest_timeout<K>(shared: &str, issuers: &[FetchedKeys<K>]) -> u32 {
    let own = issuers.iter().map(|keys| &keys.issuer).filter(|issuer| uri(issuer) == Some(shared));
    own.map(|issuer| issuer.timeout_ms).max().unwrap_or_default()
}

/// When the issuer's entry in the store was fetched, if there is a valid one. A date far ahead of the clock is wrong.
async fn stored_at(issuer: &Issuer, now: UnixSeconds, store: &impl Store) -> Option<UnixSeconds> {
    // A store that cannot be read cannot be written either, which is logged.
    let stored = store.read(&store_key(&issuer.issuer)).await.ok()??;
    let entry = StoreEntry::parse(&stored, &issuer.issuer).filter(|entry| is_from(entry, issuer))?;
    past(entry.fetched_at, now)
}

/// A time by another isolate's clock. One slightly ahead counts as now.
fn past(time: UnixSeconds, now: UnixSeconds) -> Option<UnixSeconds> {
    (time <= now.plus(MAX_SKEW)).then(|| time.min(now))
}

/// When issuers were last asked without an answer, in seconds since 1970, by `issuer`. In the store, it is an object.
#[derive(Debug, Default)]
struct Attempts(Vec<(String, u64)>);

impl Attempts {
    /// What earlier runs noted: a hint, so whatever is not valid counts as absent.
    async fn read(store: &impl Store) -> Self {
        let Ok(Some(stored)) = store.read(ATTEMPTS_KEY).await else { return Self::default() };
        let Ok(Json::Object(failed)) = Json::parse(&stored.text) else { return Self::default() };
        let attempt = |(issuer, at): (&str, &Json<'_>)| match at {
            Json::Number(number) => Some((issuer.to_owned(), number.as_u64()?)),
            _ => None,
        };
        Self(failed.iter().filter_map(attempt).collect())
    }

    fn of(&self, issuer: &Issuer, now: UnixSeconds) -> Option<UnixSeconds> {
        let (_, at) = self.0.iter().find(|(known, _)| *known == issuer.issuer)?;
        past(UnixSeconds(*at), now)
    }

    fn note(&mut self, issuer: &str, is_refreshed: bool, now: UnixSeconds) {
        self.0.retain(|(known, _)| known != issuer);
        if !is_refreshed {
            self.0.push((issuer.to_owned(), now.0));
        }
    }

    async fn write(&self, platform: &impl Platform) {
        let members = self.0.iter().map(|(issuer, at)| (issuer.as_str(), Some(Json::number(*at))));
        let stored = Stored { text: Json::members(members.collect()).to_string(), metadata: "{}".to_owned() };
        if let Err(fault) = platform.write(ATTEMPTS_KEY, stored).await {
            platform.log(&format!("the key store cannot be written: {fault}"));
        }
    }
}
