//! Loading policies from a store, and replacing them while the gate runs.
//!
//! The policy in force is the first of these:
//!
//! 1. the policy at [`POLICY_KEY`], if it is valid;
//! 2. the last valid one: that of this isolate, else the one in the store at [`LAST_GOOD_KEY`];
//! 3. if the store has neither, the variable.
//!
//! A store that does not answer is not an empty store: an isolate without a policy then refuses every request, since
//! the variable may be older than the policy in the store. No request awaits a future of another request: each one that
//! needs a policy reads the store itself, but a text that was parsed is not parsed again.

mod candidate;
mod digest;
mod edition;
pub mod plan;

use std::cell::RefCell;
use std::rc::{Rc, Weak};

pub use self::digest::digest;
pub use self::edition::{Edition, MAX_POLICY_BYTES};
use self::plan::{PolicyAction, PolicyFacts};
use crate::jwks::keyring::Keyring;
use crate::platform::{Fault, Platform, PolicyStore, Runtime, in_time};
use crate::time::UnixMillis;

/// The key under which operators store the policy.
pub const POLICY_KEY: &str = "policy";

/// The key under which operators store a candidate: a policy that decides each request too, behind the response, and
/// whose differences from the policy in force are logged. It begins with [`POLICY_KEY`].
pub const CANDIDATE_KEY: &str = "policy:candidate";

/// The key under which the gate stores the last valid policy, for isolates that start while the one at [`POLICY_KEY`]
/// is invalid.
pub const LAST_GOOD_KEY: &str = "policy:last-good";

/// How long a check waits for the store, in milliseconds. A cold read of a large value from Workers KV takes some
/// hundred milliseconds.
const READ_TIMEOUT_MS: u32 = 5000;

/// Which policy is in force in one isolate, and when the store is checked for a newer one.
pub struct Rollout<P: Platform> {
    variable: Option<String>,
    state: RefCell<RolloutState<P>>,
    candidate: RefCell<Candidate<P>>,
}

/// The candidate in one isolate.
struct Candidate<P: Platform> {
    /// The last text at [`CANDIDATE_KEY`], valid or not.
    read: Option<Rc<Edition<P>>>,
    /// The policy in force when it was read.
    live: Weak<Edition<P>>,
    is_valid: bool,
    /// The keys of the last one that was valid. They outlive it, so that no issuer is asked again because of another text.
    keyring: Option<Rc<Keyring<P::Key>>>,
}

impl<P: Platform> Default for Candidate<P> {
    fn default() -> Self {
        Self { read: None, live: Weak::new(), is_valid: false, keyring: None }
    }
}

impl<P: Platform> Candidate<P> {
    fn drop_all_but_keys(&mut self) {
        *self = Self { keyring: self.keyring.take(), ..Self::default() };
    }

    /// Whether it was read while this policy was in force.
    fn is_beside(&self, live: &Rc<Edition<P>>) -> bool {
        std::ptr::eq(self.live.as_ptr(), Rc::as_ptr(live))
    }
}

struct RolloutState<P: Platform> {
    in_force: Option<Rc<Edition<P>>>,
    /// The last one read at [`POLICY_KEY`]: in force, about to be, or rejected.
    read: Option<Rc<Edition<P>>>,
    /// The store had nothing at [`POLICY_KEY`] at the last check.
    is_absent: bool,
    facts: PolicyFacts,
    /// The number of checks so far, in the order in which they began.
    last_check: u64,
    /// The check that found the edition in force.
    check_in_force: u64,
}

impl<P: Platform + PolicyStore> Rollout<P> {
    /// Starts with what an earlier instance of this isolate left: `kept` is the text of the policy that was in force.
    /// `variable` is the policy to use if the store has none.
    #[must_use]
    pub fn new(variable: Option<String>, kept: Option<String>) -> Self {
        let in_force = kept.map(|text| Rc::new(Edition::read(text, None)));
        let facts = PolicyFacts { has_policy: in_force.is_some(), ..PolicyFacts::default() };
        let state = RolloutState { in_force, read: None, is_absent: false, facts, last_check: 0, check_in_force: 0 };
        Self { variable, state: RefCell::new(state), candidate: RefCell::default() }
    }

    /// The edition that decides now, if there is one.
    #[must_use]
    pub fn in_force(&self) -> Option<Rc<Edition<P>>> {
        self.state.borrow().in_force.clone()
    }

    /// Whether the policy in force is that of the variable.
    #[must_use]
    pub fn is_of_variable(&self) -> bool {
        let state = self.state.borrow();
        let in_force = state.in_force.as_ref().map(|edition| edition.text());
        state.is_absent && in_force.is_some() && in_force == self.variable.as_deref()
    }

    /// What to do for a request that arrives now. Returns [`PolicyAction::UseAndCheck`] once: the check begins with it.
    #[must_use]
    pub fn plan(&self, now: UnixMillis) -> PolicyAction {
        let facts = &mut self.state.borrow_mut().facts;
        let plan = facts.plan(now);
        if plan == PolicyAction::UseAndCheck {
            facts.checking_since = Some(now);
        }
        plan
    }

    /// The time until which [`Rollout::plan`] returns [`PolicyAction::Use`].
    #[must_use]
    pub fn next_check(&self, now: UnixMillis) -> UnixMillis {
        self.state.borrow().facts.next(now)
    }

    /// Checks the store for the policy and puts it in force. `tell` receives the edition then in force, before it
    /// decides on any request, and the time of the next check.
    pub async fn check(&self, platform: &P, tell: impl FnOnce(Option<&Rc<Edition<P>>>, UnixMillis)) {
        let began = platform.now();
        let number = self.begin();
        let found = self.find(platform).await;
        let now = platform.now();
        let (found, has_answered) = match found {
            Ok(found) => (found, true),
            Err(fault) => {
                platform.log(&format!("POLICY_KV cannot be read: {fault}"));
                (None, false)
            }
        };
        let (in_force, next) = {
            let mut state = self.state.borrow_mut();
            if has_answered {
                // A time ahead of the clock is ignored: the clock was set back.
                state.facts.checked_at = state.facts.checked_at.filter(|at| *at <= now).max(Some(began));
            }
            if let Some(edition) = found {
                state.enforce(number, edition, platform);
            }
            state.facts.checking_since = None;
            state.facts.has_policy = state.in_force.is_some();
            state.facts.failed_at = (!has_answered || state.in_force.is_none()).then_some(now);
            (state.in_force.clone(), state.facts.next(now))
        };
        tell(in_force.as_ref(), next);
    }

    /// Stores the edition in force as the last valid policy, if it is what the store has at [`POLICY_KEY`]. An isolate
    /// that read an older copy from the store may have stored an older policy meanwhile.
    pub async fn confirm(&self, platform: &P) {
        let edition = {
            let state = self.state.borrow();
            let is_read = |edition: &&Rc<Edition<P>>| state.read.as_ref().is_some_and(|read| Rc::ptr_eq(read, edition));
            state.in_force.as_ref().filter(is_read).map(Rc::clone)
        };
        if let Some(edition) = edition {
            keep(edition, platform.clone()).await;
        }
    }

    fn begin(&self) -> u64 {
        let mut state = self.state.borrow_mut();
        state.last_check += 1;
        state.last_check
    }

    /// A valid policy, unless the one in force stays.
    async fn find(&self, platform: &P) -> Result<Option<Rc<Edition<P>>>, Fault> {
        let text = read(POLICY_KEY, platform).await?;
        self.note_absence(text.is_none(), platform);
        if let Some(text) = text {
            let edition = self.edition(text);
            if is_good(&edition, POLICY_KEY, platform).await {
                return Ok(Some(edition));
            }
        }
        if self.has_policy() {
            return Ok(None);
        }
        // Not the variable if the store had a valid policy since, even if this version of the gate rejects it.
        let (text, place) = match read(LAST_GOOD_KEY, platform).await? {
            Some(text) => (Some(text), LAST_GOOD_KEY),
            None => (self.variable.clone(), "the variable POLICY"),
        };
        if self.has_policy() {
            return Ok(None); // another request was faster
        }
        let Some(text) = text else {
            platform.log("there is no policy: POLICY_KV has none, and the variable POLICY is absent");
            return Ok(None);
        };
        let edition = Rc::new(Edition::read(text, None));
        let is_good = is_good(&edition, place, platform).await;
        Ok(Some(edition).filter(|_| is_good && !self.has_policy()))
    }

    fn has_policy(&self) -> bool {
        self.state.borrow().in_force.is_some()
    }

    /// The edition of a text at [`POLICY_KEY`]. Each text is parsed once.
    fn edition(&self, text: String) -> Rc<Edition<P>> {
        let mut state = self.state.borrow_mut();
        let known = [&state.in_force, &state.read].into_iter().flatten().find(|known| known.text() == text);
        let edition = known.cloned().unwrap_or_else(|| {
            let mut candidate = self.candidate.borrow_mut();
            if candidate.is_valid {
                // Beside the next policy it would have to be read again, and memory for a third is not reckoned with.
                candidate.drop_all_but_keys();
            }
            Rc::new(Edition::read(text, state.in_force.as_deref()))
        });
        state.read = Some(Rc::clone(&edition));
        edition
    }

    fn note_absence(&self, is_absent: bool, runtime: &impl Runtime) {
        let mut state = self.state.borrow_mut();
        let was_absent = std::mem::replace(&mut state.is_absent, is_absent);
        if is_absent && !was_absent && state.in_force.is_some() {
            runtime.log("POLICY_KV has no policy any more: the last good one stays in force");
        }
    }
}

impl<P: Platform + PolicyStore> RolloutState<P> {
    /// Puts an edition in force, unless a later check found the one in force.
    fn enforce(&mut self, number: u64, edition: Rc<Edition<P>>, platform: &P) {
        if number < self.check_in_force {
            return;
        }
        self.check_in_force = number;
        if self.in_force.as_ref().is_some_and(|in_force| Rc::ptr_eq(in_force, &edition)) {
            return;
        }
        if self.in_force.is_some() {
            platform.log("a new policy is in force");
        }
        if self.read.as_ref().is_some_and(|read| Rc::ptr_eq(read, &edition)) {
            platform.spawn(keep(Rc::clone(&edition), platform.clone()));
        }
        self.in_force = Some(edition);
    }
}

/// Whether an edition can be enforced; if not, the log says why, once.
async fn is_good<P: Platform + PolicyStore>(edition: &Edition<P>, place: &str, platform: &P) -> bool {
    let Err(reason) = edition.gateway(platform).await else { return true };
    if edition.is_news() {
        platform.log(&format!("{place} is rejected: {reason}"));
    }
    false
}

/// Stores an edition as the last valid one, unless it is stored already.
async fn keep<P: Platform + PolicyStore>(edition: Rc<Edition<P>>, platform: P) {
    let kept = match read(LAST_GOOD_KEY, &platform).await {
        Ok(Some(kept)) if kept == edition.text() => return,
        Ok(_) => platform.write_policy(LAST_GOOD_KEY, edition.text()).await,
        Err(fault) => Err(fault),
    };
    if let Err(fault) = kept {
        platform.log(&format!("POLICY_KV: {LAST_GOOD_KEY} cannot be written: {fault}"));
    }
}

async fn read(key: &str, platform: &(impl PolicyStore + Runtime)) -> Result<Option<String>, Fault> {
    let late = || Err(Fault(format!("no answer within {READ_TIMEOUT_MS} ms")));
    in_time(platform.read_policy(key), READ_TIMEOUT_MS, platform).await.unwrap_or_else(late)
}
