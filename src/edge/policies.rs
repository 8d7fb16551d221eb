//! The isolate's policies: the variable `POLICY`, or what the store bound as `POLICY_KV` has.
//!
//! `policy.js` knows which header values the policy in force needs, and when to check for a new one. It learns of a
//! change in the same call that makes the change, so a request head and its decision always belong to one policy.

#![expect(unreachable_pub, reason = "wasm-bindgen exports pub functions only, though no Rust code reaches them")]

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::instance::{self, begin, now};
use super::platform::{EdgePlatform, log_line};
use super::tasks::{Progress, TaskId};
use crate::platform::{Runtime, Surroundings};
use crate::rollout::plan::PolicyAction;
use crate::rollout::{Edition, Rollout};
use crate::time::UnixMillis;

#[wasm_bindgen(module = "portcullis/policy.js")]
extern "C" {
    /// Sets the names of the headers whose values a request head must contain from now on, one per line, and whether each
    /// decision is a span.
    #[wasm_bindgen(js_name = enforce)]
    fn enforce(names: &str, has_spans: bool);

    /// Sets when `check_policy` is to be called again, in milliseconds since 1970.
    #[wasm_bindgen(js_name = checkAgainAt)]
    fn check_again_at(time: f64);

    /// Keeps the text of the policy in force for an instance that may replace this one.
    #[wasm_bindgen(js_name = keepPolicy)]
    fn keep_policy(text: &str);

    /// The policy text that an earlier instance of this isolate kept, if it kept one.
    #[wasm_bindgen(js_name = keptPolicy)]
    fn kept_policy() -> Option<String>;
}

thread_local! {
    /// The bindings of an isolate never change.
    static POLICIES: OnceCell<Rc<Policies>> = const { OnceCell::new() };
}

enum Policies {
    /// The variable, if it is set.
    Variable(Option<Rc<Edition<EdgePlatform>>>),
    Store {
        rollout: Rollout<EdgePlatform>,
        /// What JavaScript last learned of: the text of a policy is passed once, not with every check.
        told: RefCell<ToldEditions>,
    },
}

/// The edition in force and the candidate.
type ToldEditions = (Weak<Edition<EdgePlatform>>, Option<Weak<Edition<EdgePlatform>>>);

/// The edition that decides now; if there is none, the log says why.
pub(super) fn in_force(exchange: &JsValue) -> Option<Rc<Edition<EdgePlatform>>> {
    POLICIES.with(|policies| policies.get_or_init(|| Policies::new(exchange)).in_force())
}

/// The edition that is tried, if there is one.
pub(super) fn candidate() -> Option<Rc<Edition<EdgePlatform>>> {
    POLICIES.with(|policies| match policies.get()?.as_ref() {
        Policies::Variable(_) => None,
        Policies::Store { rollout, .. } => rollout.candidate(),
    })
}

/// What surrounds the gateway of the edition in force.
pub(super) fn surroundings() -> Surroundings {
    let is_of_variable = POLICIES.with(|policies| match policies.get().map(Rc::as_ref) {
        Some(Policies::Store { rollout, .. }) => rollout.is_of_variable(),
        _ => true,
    });
    Surroundings {
        digest: known().map(|edition| edition.digest().to_owned()),
        source: Some(if is_of_variable { "variable" } else { "POLICY_KV" }),
        candidate: candidate().map(|edition| edition.digest().to_owned()),
        waiting: instance::waiting(),
    }
}

/// The edition in force, if a policy was asked for before.
pub(super) fn known() -> Option<Rc<Edition<EdgePlatform>>> {
    POLICIES.with(|policies| match policies.get()?.as_ref() {
        Policies::Variable(edition) => edition.clone(),
        Policies::Store { rollout, .. } => rollout.in_force(),
    })
}

/// Makes sure that the right policy is in force. If the request must wait for that, returns the number of the task.
#[wasm_bindgen]
pub fn check_policy(exchange: JsValue) -> Option<TaskId> {
    let policies = Policies::of_isolate(&exchange);
    let plan = policies.plan();
    let platform = EdgePlatform::new(exchange);
    match plan {
        PolicyAction::Use => None,
        PolicyAction::UseAndCheck => {
            platform.clone().spawn(async move {
                policies.check(&platform).await;
                policies.check_candidate(&platform).await;
            });
            instance::run();
            None
        }
        PolicyAction::Check => {
            let work = async move {
                policies.check(&platform).await;
                // No request waits for a policy that is only tried.
                platform.clone().spawn(async move { policies.check_candidate(&platform).await });
                String::new()
            };
            match begin(work) {
                Progress::Done(_) => None,
                Progress::Waits(task) => Some(task),
            }
        }
    }
}

/// Checks for a newer policy and a candidate, confirms the policy in force as the last valid one, then refreshes the keys of
/// all its issuers.
pub(super) async fn refresh(exchange: JsValue) {
    let policies = Policies::of_isolate(&exchange);
    let platform = EdgePlatform::new(exchange);
    policies.check(&platform).await;
    // A schedule that checks each minute leaves no check to requests.
    policies.check_candidate(&platform).await;
    policies.confirm(&platform).await;
    let Some(edition) = policies.in_force() else { return };
    match edition.gateway(&platform).await {
        Ok(gateway) => gateway.keyring().refresh_all(&platform).await,
        Err(reason) => log_line(&reason),
    }
}

impl Policies {
    fn of_isolate(exchange: &JsValue) -> Rc<Self> {
        POLICIES.with(|policies| Rc::clone(policies.get_or_init(|| Self::new(exchange))))
    }

    fn new(exchange: &JsValue) -> Rc<Self> {
        std::panic::set_hook(Box::new(tell_place));
        let env = Reflect::get(exchange, &"env".into()).unwrap_or_default();
        let variable = variable(&env);
        let is_bound = Reflect::get(&env, &"POLICY_KV".into()).is_ok_and(|store| !store.is_undefined());
        Rc::new(if is_bound {
            Self::Store { rollout: Rollout::new(variable, kept_policy()), told: RefCell::default() }
        } else {
            Self::Variable(variable.map(|text| Rc::new(Edition::read(text, None))))
        })
    }

    fn in_force(&self) -> Option<Rc<Edition<EdgePlatform>>> {
        let (edition, missing) = match self {
            Self::Variable(edition) => (edition.clone(), "invalid policy: the variable POLICY is absent"),
            Self::Store { rollout, .. } => (rollout.in_force(), "no policy is in force"),
        };
        if edition.is_none() {
            log_line(missing);
        }
        edition
    }

    /// Decides what to do now, and sets when JavaScript asks again.
    fn plan(&self) -> PolicyAction {
        let now = now();
        let (plan, next) = match self {
            Self::Variable(edition) => {
                tell(edition.as_deref(), None);
                (PolicyAction::Use, f64::INFINITY)
            }
            Self::Store { rollout, .. } => (rollout.plan(now), milliseconds(rollout.next_check(now))),
        };
        check_again_at(next);
        plan
    }

    async fn check(&self, platform: &EdgePlatform) {
        let Self::Store { rollout, told } = self else { return };
        rollout
            .check(platform, |edition, next| {
                check_again_at(milliseconds(next));
                let Some(edition) = edition else { return tell(None, None) };
                if !told.borrow().0.ptr_eq(&Rc::downgrade(edition)) {
                    keep_policy(edition.text());
                }
                tell_of_change(edition, rollout.candidate().as_ref(), told);
            })
            .await;
    }

    async fn check_candidate(&self, platform: &EdgePlatform) {
        let Self::Store { rollout, told } = self else { return };
        rollout.check_candidate(platform).await;
        if let Some(edition) = rollout.in_force() {
            tell_of_change(&edition, rollout.candidate().as_ref(), told);
        }
    }

    async fn confirm(&self, platform: &EdgePlatform) {
        if let Self::Store { rollout, .. } = self {
            rollout.confirm(platform).await;
        }
    }
}

/// Tells JavaScript of the editions, if it does not know them. It forgets what it remembers of other ones.
fn tell_of_change(
    edition: &Rc<Edition<EdgePlatform>>,
    candidate: Option<&Rc<Edition<EdgePlatform>>>,
    told: &RefCell<ToldEditions>,
) {
    let latest = (Rc::downgrade(edition), candidate.map(Rc::downgrade));
    let is_same = |one: &ToldEditions| {
        one.0.ptr_eq(&latest.0)
            && match (&one.1, &latest.1) {
                (None, None) => true,
                (Some(one), Some(other)) => one.ptr_eq(other),
                _ => false,
            }
    };
    if !is_same(&told.borrow()) {
        tell(Some(edition), candidate.map(Rc::as_ref));
        *told.borrow_mut() = latest;
    }
}

/// Tells JavaScript which header values are needed, and whether decisions are spans.
fn tell(edition: Option<&Edition<EdgePlatform>>, candidate: Option<&Edition<EdgePlatform>>) {
    let names = edition.into_iter().chain(candidate).flat_map(Edition::needed_headers);
    #[cfg(feature = "faults")]
    let names = names.chain([super::faults::HEADER]);
    let has_spans = edition.and_then(Edition::policy).is_some_and(|policy| policy.log.traces);
    enforce(&names.collect::<Vec<_>>().join("\n"), has_spans);
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are under 2^53")]
fn milliseconds(time: UnixMillis) -> f64 {
    time.0 as f64
}

/// Logs the place of a panic, but not its message, which may quote a token.
fn tell_place(panic: &std::panic::PanicHookInfo<'_>) {
    if let Some(place) = panic.location() {
        log_line(&format!("internal error: {place}"));
    }
}

/// The variable `POLICY`: an object, or a string with its JSON.
fn variable(env: &JsValue) -> Option<String> {
    let variable = Reflect::get(env, &"POLICY".into()).unwrap_or_default();
    variable.as_string().or_else(|| JSON::stringify(&variable).ok()?.as_string())
}
