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
use crate::platform::Runtime;
use crate::rollout::plan::PolicyAction;
use crate::rollout::{Edition, Rollout};
use crate::time::UnixMillis;

#[wasm_bindgen(module = "portcullis/policy.js")]
extern "C" {
    /// Sets the names of the headers whose values a request head must contain from now on, one per line.
    #[wasm_bindgen(js_name = needHeaders)]
    fn need_headers(names: &str);

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
        /// The edition that JavaScript last learned of: the text of a policy is passed once, not with every check.
        told: RefCell<Weak<Edition<EdgePlatform>>>,
    },
}

/// The edition that decides now; if there is none, the log says why.
pub(super) fn in_force(env: &JsValue) -> Option<Rc<Edition<EdgePlatform>>> {
    POLICIES.with(|policies| policies.get_or_init(|| Policies::new(env)).in_force())
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
pub fn check_policy(env: JsValue, context: JsValue) -> Option<TaskId> {
    let policies = Policies::of_isolate(&env);
    let plan = policies.plan();
    let platform = EdgePlatform::new(env, context);
    match plan {
        PolicyAction::Use => None,
        PolicyAction::UseAndCheck => {
            platform.clone().spawn(async move { policies.check(&platform).await });
            instance::run();
            None
        }
        PolicyAction::Check => {
            let work = async move {
                policies.check(&platform).await;
                String::new()
            };
            match begin(work) {
                Progress::Done(_) => None,
                Progress::Waits(task) => Some(task),
            }
        }
    }
}

/// Checks for a newer policy and confirms the one in force as the last valid one, then refreshes the keys of all
/// issuers.
pub(super) async fn refresh(env: JsValue, context: JsValue) {
    let policies = Policies::of_isolate(&env);
    let platform = EdgePlatform::new(env, context);
    policies.check(&platform).await;
    policies.confirm(&platform).await;
    let Some(edition) = policies.in_force() else { return };
    match edition.gateway(&platform).await {
        Ok(gateway) => gateway.keyring().refresh_all(&platform).await,
        Err(reason) => log_line(&reason),
    }
}

impl Policies {
    fn of_isolate(env: &JsValue) -> Rc<Self> {
        POLICIES.with(|policies| Rc::clone(policies.get_or_init(|| Self::new(env))))
    }

    fn new(env: &JsValue) -> Rc<Self> {
        std::panic::set_hook(Box::new(tell_place));
        let variable = variable(env);
        let is_bound = Reflect::get(env, &"POLICY_KV".into()).is_ok_and(|store| !store.is_undefined());
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
                tell(edition.as_deref());
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
                let Some(edition) = edition else { return tell(None) };
                let latest = Rc::downgrade(edition);
                if !told.replace(latest.clone()).ptr_eq(&latest) {
                    tell(Some(edition));
                    keep_policy(edition.text());
                }
            })
            .await;
    }

    async fn confirm(&self, platform: &EdgePlatform) {
        if let Self::Store { rollout, .. } = self {
            rollout.confirm(platform).await;
        }
    }
}

/// Tells JavaScript which header values are needed.
fn tell(edition: Option<&Edition<EdgePlatform>>) {
    let names = edition.into_iter().flat_map(Edition::needed_headers);
    #[cfg(feature = "faults")]
    let names = names.chain([super::faults::HEADER]);
    need_headers(&names.collect::<Vec<_>>().join("\n"));
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
