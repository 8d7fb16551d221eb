//! The scheduled refresh of all issuers' keys, within the platform's limits for one invocation.
//!
//! If the issuers need more fetches than a run may make, the oldest sets are refreshed first and the others by later
//! runs. An issuer that cannot be reached goes to the end of the queue, like one that was refreshed. Since each run may
//! be the first of its isolate, such attempts are noted in the store.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;
use serde::Serialize;

use super::entry::{StoreEntry, is_from, store_key};
use super::fetched::FetchedKeys;
use super::flight::refresh_now;
use super::plan::MAX_SKEW;
use super::shared_fetch::SharedFetch;
use crate::jose::json::Json;
use crate::platform::{Platform, Store, Stored};
use crate::policy::{Issuer, KeySource};
use crate::time::UnixSeconds;

/// Maximum number of fetches in one run. Workers allow 50 subrequests for an invocation on the Free plan.
const MAX_FETCHES: usize = 45;

/// Maximum number of entries that one run reads to find the oldest. Workers allow 1000 operations on Cloudflare's own
/// services, such as Workers KV, for an invocation.
const MAX_READS: usize = 800;

/// The store's key for the attempts of runs that could not refresh all issuers.
const ATTEMPTS_KEY: &str = "cron:v1";

/// Refreshes the keys of all issuers, or as many as one run may fetch.
pub(super) async fn refresh<P: Platform>(issuers: &[FetchedKeys<P::Key>], platform: &P) {
    if cost(issuers) <= MAX_FETCHES {
        fetch_all(issuers, platform).await;
        return;
    }
    let start = usize::try_from(platform.random()).unwrap_or_default() % issuers.len().max(1);
    let read: Vec<_> = issuers.iter().cycle().skip(start).take(issuers.len().min(MAX_READS)).collect();
    let mut attempts = Attempts::read(platform).await;
    let now = platform.now().seconds();
    let stored = join_all(read.iter().map(|keys| stored_at(&keys.issuer, now, platform))).await;
    let mut queue: Vec<_> = read
        .into_iter()
        .zip(stored)
        .map(|(keys, stored)| {
            let last = keys.slot.borrow_mut().last_refresh(platform.now());
            (last.max(stored).max(attempts.of(&keys.issuer, now)), keys.clone())
        })
        .collect();
    queue.sort_by_key(|(last, _)| *last);
    let chosen = first_of(queue.into_iter().map(|(_, keys)| keys));
    let refreshed = fetch_all(&chosen, platform).await;
    attempts.note(issuers, chosen.iter().zip(refreshed), platform.now().seconds());
    attempts.write(platform).await;
}

/// Fetches the keys of these issuers side by side. Returns for each whether there is an answer of its issuer.
async fn fetch_all<P: Platform>(issuers: &[FetchedKeys<P::Key>], platform: &P) -> Vec<bool> {
    let (mut seen, mut common) = (HashSet::new(), HashSet::new());
    for uri in issuers.iter().filter_map(|keys| uri(&keys.issuer)) {
        if !seen.insert(uri) {
            common.insert(uri);
        }
    }
    let documents = SharedFetch::new(platform, common);
    join_all(issuers.iter().map(|keys| refresh_now(keys, &documents, platform))).await
}

/// The number of fetches for these issuers: one for each `jwks_uri` of the policy, two for discovery.
fn cost<K>(issuers: &[FetchedKeys<K>]) -> usize {
    let uris: HashSet<&str> = issuers.iter().filter_map(|keys| uri(&keys.issuer)).collect();
    let discovered = issuers.iter().filter(|keys| uri(&keys.issuer).is_none()).count();
    uris.len() + 2 * discovered
}

/// As many issuers from the front of the queue as one run may fetch.
fn first_of<K>(queue: impl Iterator<Item = FetchedKeys<K>>) -> Vec<FetchedKeys<K>> {
    let (mut uris, mut fetches) = (HashSet::new(), 0);
    let fits = |keys: &FetchedKeys<K>| {
        let own = match uri(&keys.issuer) {
            Some(uri) if uris.contains(uri) => 0,
            Some(_) => 1,
            None => 2,
        };
        let fits = fetches + own <= MAX_FETCHES;
        if fits {
            fetches += own;
            uris.extend(uri(&keys.issuer).map(str::to_owned));
        }
        fits
    };
    queue.filter(fits).collect()
}

fn uri(issuer: &Issuer) -> Option<&str> {
    match &issuer.keys {
        KeySource::Uri(uri) => Some(uri),
        KeySource::Discovery(_) | KeySource::Static(_) => None,
    }
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

/// When issuers were last asked without an answer, by `issuer`.
#[derive(Debug, Default, Serialize)]
struct Attempts {
    failed: BTreeMap<String, u64>,
}

impl Attempts {
    /// What earlier runs noted: a hint, so whatever is not valid counts as absent.
    async fn read(store: &impl Store) -> Self {
        let stored = store.read(ATTEMPTS_KEY).await.ok().flatten();
        let failed = stored.as_ref().and_then(|stored| {
            let document = Json::parse(&stored.text).ok()?;
            let failed = document.as_object()?.get("failed")?.as_object()?;
            let attempt = |(issuer, at): (&str, &Json<'_>)| match at {
                Json::Number(number) => Some((issuer.to_owned(), number.as_u64()?)),
                _ => None,
            };
            Some(failed.iter().filter_map(attempt).collect())
        });
        Self { failed: failed.unwrap_or_default() }
    }

    fn of(&self, issuer: &Issuer, now: UnixSeconds) -> Option<UnixSeconds> {
        self.failed.get(&issuer.issuer).and_then(|at| past(UnixSeconds(*at), now))
    }

    /// Notes what became of a run, and forgets issuers that are not in the policy.
    fn note<'k, K: 'k>(
        &mut self,
        issuers: &[FetchedKeys<K>],
        run: impl Iterator<Item = (&'k FetchedKeys<K>, bool)>,
        now: UnixSeconds,
    ) {
        let known: HashSet<&str> = issuers.iter().map(|keys| keys.issuer.issuer.as_str()).collect();
        self.failed.retain(|issuer, _| known.contains(issuer.as_str()));
        for (keys, is_refreshed) in run {
            if is_refreshed {
                self.failed.remove(&keys.issuer.issuer);
            } else {
                self.failed.insert(keys.issuer.issuer.clone(), now.0);
            }
        }
    }

    async fn write(&self, platform: &impl Platform) {
        let Ok(text) = serde_json::to_string(self) else { return };
        let stored = Stored { text, metadata: "{}".to_owned() };
        if let Err(fault) = platform.write(ATTEMPTS_KEY, stored).await {
            platform.log(&format!("the key store cannot be written: {fault}"));
        }
    }
}
