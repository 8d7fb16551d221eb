//! How a policy that is kept in a store comes into force, and another after it, while the gate runs.
//!
//! What is in force is, in this order:
//!
//! 1. the policy at [`POLICY_KEY`], if it is good;
//! 2. the last one that was good: as this isolate has it, else as the store has it at [`LAST_GOOD_KEY`];
//! 3. where the store has neither, the variable.
//!
//! A store that does not answer is not one that has nothing: without a policy at hand every request is refused then,
//! since the variable may be older than what the store would say. No request awaits what another request made: who needs
//! a policy reads the store itself, and the text that another has made a policy of is not read twice.

mod edition;
pub mod plan;

use std::cell::RefCell;
use std::rc::Rc;

pub use self::edition::{Edition, MAX_POLICY_BYTES};
use self::plan::{PolicyAction, PolicyFacts};
use crate::platform::{Fault, Platform, PolicyStore, Runtime, in_time};
use crate::time::UnixMillis;

/// Where operators put the policy.
pub const POLICY_KEY: &str = "policy";

/// Where the gate keeps the last policy that was good, for isolates that start while the one at [`POLICY_KEY`] is not.
pub const LAST_GOOD_KEY: &str = "policy:last-good";

/// How long a look waits for the store. A cold read of a large value from Workers KV takes some hundred milliseconds.
const READ_TIMEOUT_MS: u32 = 5000;

/// The policies of one isolate.
pub struct Rollout<P: Platform> {
    variable: Option<String>,
    state: RefCell<RolloutState<P>>,
}

struct RolloutState<P: Platform> {
    in_force: Option<Rc<Edition<P>>>,
    /// The last one read at [`POLICY_KEY`]: in force, about to be, or refused.
    read: Option<Rc<Edition<P>>>,
    /// The store had nothing at [`POLICY_KEY`] when it was last asked.
    is_absent: bool,
    facts: PolicyFacts,
    /// Looks, counted in the order in which they begin.
    begun: u64,
    /// The look that found what is in force.
    turn_in_force: u64,
}

impl<P: Platform + PolicyStore> Rollout<P> {
    /// Begins with what is left of an earlier instance of this isolate: the text of the policy that was in force. `variable`
    /// is the policy of a store that has none.
    #[must_use]
    pub fn new(variable: Option<String>, kept: Option<String>) -> Self {
        let in_force = kept.map(|text| Rc::new(Edition::read(text, None)));
        let facts = PolicyFacts { has_policy: in_force.is_some(), ..PolicyFacts::default() };
        let state = RolloutState { in_force, read: None, is_absent: false, facts, begun: 0, turn_in_force: 0 };
        Self { variable, state: RefCell::new(state) }
    }

    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> Option<Rc<Edition<P>>> {
        self.state.borrow().in_force.clone()
    }

    /// What to do for a request that comes now. [`PolicyAction::UseAndCheck`] is said once: the look begins with it.
    #[must_use]
    pub fn plan(&self, now: UnixMillis) -> PolicyAction {
        let facts = &mut self.state.borrow_mut().facts;
        let plan = facts.plan(now);
        if plan == PolicyAction::UseAndCheck {
            facts.checking_since = Some(now);
        }
        plan
    }

    /// The time before which [`Rollout::plan`] says [`PolicyAction::Use`].
    #[must_use]
    pub fn next_check(&self, now: UnixMillis) -> UnixMillis {
        self.state.borrow().facts.next(now)
    }

    /// Looks for the policy in the store and puts it in force. `tell` hears what is in force then, before anything is done
    /// by it, and when there is nothing to do before.
    pub async fn check(&self, platform: &P, tell: impl FnOnce(Option<&Rc<Edition<P>>>, UnixMillis)) {
        let began = platform.now();
        let turn = self.begin();
        let found = self.find(platform).await;
        let now = platform.now();
        let mut state = self.state.borrow_mut();
        let (found, has_answered) = match found {
            Ok(found) => (found, true),
            Err(fault) => {
                platform.log(&format!("POLICY_KV cannot be read: {fault}"));
                (None, false)
            }
        };
        if has_answered {
            // A time that lies ahead says nothing: the clock went back.
            state.facts.checked_at = state.facts.checked_at.filter(|at| *at <= now).max(Some(began));
        }
        if let Some(edition) = found {
            state.enforce(turn, edition, platform);
        }
        state.facts.checking_since = None;
        state.facts.has_policy = state.in_force.is_some();
        state.facts.failed_at = (!has_answered || state.in_force.is_none()).then_some(now);
        tell(state.in_force.as_ref(), state.facts.next(now));
    }

    /// Keeps what is in force as the last good policy, if it is what the store holds. An isolate that saw an older copy of
    /// the store may have kept an older one meanwhile.
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
        state.begun += 1;
        state.begun
    }

    /// A policy that is good, unless the one in force is to stay.
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
        // Not the variable where there was a good policy since, even if this version of the gate finds it wrong.
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

    /// What a text at [`POLICY_KEY`] is, which is read once.
    fn edition(&self, text: String) -> Rc<Edition<P>> {
        let mut state = self.state.borrow_mut();
        let known = [&state.in_force, &state.read].into_iter().flatten().find(|known| known.text() == text);
        let edition = known.map_or_else(|| Rc::new(Edition::read(text, state.in_force.as_deref())), Rc::clone);
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
    /// Puts an edition in force, unless the one that is was found by a later look.
    fn enforce(&mut self, turn: u64, edition: Rc<Edition<P>>, platform: &P) {
        if turn < self.turn_in_force {
            return;
        }
        self.turn_in_force = turn;
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
        platform.log(&format!("{place} is refused: {reason}"));
    }
    false
}

/// Keeps an edition as the last good one, unless it is there.
async fn keep<P: Platform + PolicyStore>(edition: Rc<Edition<P>>, platform: P) {
    let kept = match read(LAST_GOOD_KEY, &platform).await {
        Ok(Some(kept)) if kept == edition.text() => return,
        Ok(_) => platform.write_policy(LAST_GOOD_KEY, edition.text()).await,
        Err(fault) => Err(fault),
    };
    if let Err(fault) = kept {
        platform.log(&format!("POLICY_KV: {LAST_GOOD_KEY} cannot be kept: {fault}"));
    }
}

async fn read(key: &str, platform: &(impl PolicyStore + Runtime)) -> Result<Option<String>, Fault> {
    let late = || Err(Fault(format!("no answer within {READ_TIMEOUT_MS} ms")));
    in_time(platform.read_policy(key), READ_TIMEOUT_MS, platform).await.unwrap_or_else(late)
}
