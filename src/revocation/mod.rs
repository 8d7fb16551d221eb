//! Revocation: tokens that are refused although they have not expired.
//!
//! An isolate has the list of entries in memory and keeps it up to date from a store that all isolates share, behind its
//! responses. A list that is too old is read before it decides, or is no list at all.

pub mod book;
pub mod entry;
pub mod list;
pub mod page;
pub mod plan;
pub mod store;
pub mod webhook;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use self::entry::{Entry, EntryKey};
use self::list::UNREAD;
use self::plan::{ListAction, ListFacts, ListTimes};
use self::store::Marked;
use crate::denial::Denial;
use crate::jose::json::Json;
use crate::platform::{Fault, Platform};
use crate::policy::{Issuer, Revocation};
use crate::time::{UnixMillis, UnixSeconds};
use crate::token::claims::Claims;

/// The path of the API, on every host (RFC 8615).
pub const API_PATH: &str = "/.well-known/portcullis/revocations";

/// The path that takes Logto's webhooks.
pub const LOGTO_PATH: &str = "/.well-known/portcullis/events/logto";

/// The path that takes logout tokens: the client's `backchannel_logout_uri`.
pub const LOGOUT_PATH: &str = "/.well-known/portcullis/logout";

/// How long a request waits for a list, in milliseconds.
const MAX_WAIT_MS: u32 = 2000;

/// For how long what this isolate added is added to what it reads, in milliseconds: longer than KV serves an older copy.
const RECENT_MS: u64 = 120_000;

/// Maximum number of such entries.
const MAX_RECENT: usize = 100_000;

/// The longest sleep of a request that waits, in milliseconds.
const MAX_NAP_MS: u32 = 20;

/// The list of revocations in one isolate.
#[derive(Debug, Default)]
pub struct Revocations {
    memory: RefCell<Marked>,
    facts: Cell<ListFacts>,
    /// The number of the last read, and of the first whose result counts.
    reads: Cell<(u64, u64)>,
    /// What this isolate added to the store a short time ago. A read may be told less: one that began before, and for a
    /// minute any read of KV.
    recent: RefCell<Vec<(UnixMillis, EntryKey, UnixSeconds)>>,
    failure: RefCell<Option<Failure>>,
}

/// Why the list could not be read, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    at: UnixSeconds,
    fault: Fault,
}

impl Revocations {
    /// The version of the list that decides. It changes when the list does.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.memory.borrow().list.version()
    }

    /// Whether the list has this version, and nothing is to be done about it now.
    #[must_use]
    pub fn is_current(&self, version: u64, settings: &Revocation, now: UnixMillis) -> bool {
        self.version() == version && self.facts.get().plan(ListTimes::of(settings), now) == ListAction::Use
    }

    /// The latest time of an entry that a token falls under; `None` if it falls under none.
    #[must_use]
    pub fn time_of(&self, claims: &Claims, issuer: &Issuer) -> Option<UnixSeconds> {
        self.memory.borrow().list.time_of(claims, issuer)
    }

    /// Makes sure that the list may decide now. It is read if that is due; a request waits for it only if it is too old.
    ///
    /// # Errors
    /// [`Denial::Misconfigured`] if the store is not bound. [`Denial::RevocationsUnavailable`] if the list is too old and
    /// cannot be read, and the policy denies requests then; also if too many requests wait already.
    pub async fn ready<P: Platform>(self: &Rc<Self>, settings: &Revocation, platform: &P) -> Result<(), Denial> {
        let times = ListTimes::of(settings);
        let (began, mut left_ms, mut nap_ms) = (platform.now(), MAX_WAIT_MS, 1);
        loop {
            let now = platform.now();
            match self.facts.get().plan(times, now) {
                ListAction::Use => return Ok(()),
                ListAction::UseAndRead => {
                    self.read_later(settings, platform);
                    return Ok(());
                }
                ListAction::Unavailable { retry_after } => return without_list(settings, retry_after),
                ListAction::Read => {
                    // What was read once is bound.
                    if self.version() == UNREAD {
                        store::check_bound(settings, platform)?;
                    }
                    self.read_later(settings, platform);
                }
                ListAction::Wait => {}
            }
            // Callers can cause that there is no room. So nobody passes by it, unless the read itself is late.
            let has_no_room = left_ms == MAX_WAIT_MS && !platform.has_room_to_wait();
            let is_late = |since: UnixMillis| now.since(since) >= MAX_WAIT_MS.into();
            if has_no_room && !self.facts.get().reading_since.is_some_and(is_late) {
                return Err(Denial::RevocationsUnavailable { retry_after: 1 });
            }
            // Naps take longer than they should while the isolate is busy, and the clock can be set back.
            if has_no_room || left_ms == 0 || is_late(began) {
                // Others need not wait for it too.
                self.facts.set(ListFacts { failed_at: Some(now), ..self.facts.get() });
                return without_list(settings, settings.poll);
            }
            let nap = nap_ms.min(left_ms);
            platform.sleep(nap).await;
            left_ms -= nap;
            nap_ms = (nap_ms * 2).min(MAX_NAP_MS);
        }
    }

    /// Adds entries that the store has to the list at hand, so that this isolate need not wait for them.
    pub fn honour(&self, entries: &[Entry], now: UnixMillis) {
        let added: Vec<_> = entries.iter().map(|entry| (now, entry.key(), entry.before())).collect();
        self.add(&added);
        let mut recent = self.recent.borrow_mut();
        recent.extend(added);
        let surplus = recent.len().saturating_sub(MAX_RECENT);
        recent.drain(..surplus);
    }

    fn add(&self, added: &[(UnixMillis, EntryKey, UnixSeconds)]) {
        let mut memory = self.memory.borrow_mut();
        // A list that was not read yet has them once it is.
        if memory.list.version() != UNREAD {
            for (_, key, before) in added {
                memory.list.add(*key, *before);
            }
        }
    }

    /// The state of the list for operators, in JSON: how many entries, and how old it is, if it was read; why it could not be
    /// read, if that is so.
    #[must_use]
    pub fn state(&self, now: UnixMillis) -> Json<'static> {
        let read_at = self.facts.get().read_at;
        let failure = self.failure.borrow().clone().map(|Failure { at, fault }| {
            Json::object([("at", Some(Json::number(at.0))), ("reason", Some(Json::text(fault.0)))])
        });
        Json::object([
            ("entries", read_at.map(|_| Json::number(self.memory.borrow().list.len() as u64))),
            ("age", read_at.map(|at| Json::number(now.since(at) / 1000))),
            ("last_failure", failure),
        ])
    }

    fn read_later<P: Platform>(self: &Rc<Self>, settings: &Revocation, platform: &P) {
        let (last, counts_from) = self.reads.get();
        let number = last + 1;
        self.reads.set((number, counts_from));
        self.facts.set(ListFacts { reading_since: Some(platform.now()), ..self.facts.get() });
        platform.spawn(Rc::clone(self).read(number, settings.clone(), platform.clone()));
    }

    /// Reads the list. Of several reads the one that began last has a say, since an earlier one may have been told less.
    async fn read<P: Platform>(self: Rc<Self>, number: u64, settings: Revocation, platform: P) {
        let began = platform.now();
        let is_wanted = || number >= self.reads.get().1;
        let read = store::update(&self.memory, &settings, &platform, is_wanted).await;
        if !is_wanted() {
            return;
        }
        self.reads.set((self.reads.get().0, number));
        let facts = ListFacts { reading_since: None, ..self.facts.get() };
        match read {
            Ok(()) => {
                self.failure.take();
                let now = platform.now();
                self.recent.borrow_mut().retain(|(at, ..)| now.since(*at) < RECENT_MS);
                self.add(&self.recent.borrow());
                self.facts.set(ListFacts { read_at: Some(began), failed_at: None, ..facts });
            }
            Err(fault) => {
                let now = platform.now();
                self.facts.set(ListFacts { failed_at: Some(now), ..facts });
                if self.failure.replace(Some(Failure { at: now.seconds(), fault: fault.clone() })).is_none() {
                    platform.log(&format!("revocation: {} cannot be read: {fault}", settings.store.binding()));
                }
            }
        }
    }
}

fn without_list(settings: &Revocation, retry_after: u64) -> Result<(), Denial> {
    if settings.denies_on_failure { Err(Denial::RevocationsUnavailable { retry_after }) } else { Ok(()) }
}
