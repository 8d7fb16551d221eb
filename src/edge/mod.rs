//! The Worker: the core on Cloudflare's platform.
//!
//! `worker.js` is the entry. It hands a request's head over as one string and takes the decision back as one string,
//! since what a Rust Worker pays for is its calls across the border to JavaScript. Bodies never come here.

#![expect(unreachable_pub, reason = "wasm-bindgen exports pub functions only, though no Rust code reaches them")]

mod calls;
mod crypto;
#[cfg(feature = "faults")]
mod faults;
mod platform;

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use self::platform::{EdgePlatform, TASKS, log_line, now_ms};
use crate::decision::{Decision, Denial};
use crate::gateway::Gateway;
use crate::platform::Fault;
use crate::policy::Policy;
use crate::request::{Request, Url};
use crate::tasks::{Begun, TaskId};
use crate::wire;

#[wasm_bindgen(module = "portcullis/instance.js")]
extern "C" {
    /// Tells what came of a task that waited.
    fn finished(task: TaskId, result: &str);

    /// Tells that nothing will come of a task that waited.
    fn forgotten(task: TaskId);
}

thread_local! {
    /// The isolate's gate; its bindings stay the same as long as it lives.
    static GATE: OnceCell<Rc<Gate>> = const { OnceCell::new() };
}

/// What an isolate has made of its policy.
struct Gate {
    /// What is wrong with the policy stands in the error, for the log.
    gateway: Result<Gateway<EdgePlatform>, String>,
    has_static_keys: Cell<bool>,
}

/// The names of the headers whose values are asked for in a head, a line each.
#[wasm_bindgen(js_name = headersAskedFor)]
pub fn headers_asked_for(env: JsValue) -> String {
    let gate = Gate::of_isolate(&env);
    let names = gate.gateway.iter().flat_map(Gateway::asks_for);
    #[cfg(feature = "faults")]
    let names = names.chain([faults::HEADER]);
    names.collect::<Vec<_>>().join("\n")
}

/// Decides on a request: its head in and the decision out, as `wire` has them. Where something has to be awaited, the
/// answer names the task that decides.
#[wasm_bindgen]
pub fn decide(head: String, env: JsValue, context: JsValue) -> String {
    let gate = Gate::of_isolate(&env);
    let work = async move {
        let request = wire::read(&head);
        let platform = EdgePlatform::new(env, context);
        #[cfg(feature = "faults")]
        faults::strike(&request, &platform).await;
        gate.decide(&request, &platform).await
    };
    TASKS.with(|tasks| {
        let begun = tasks.begin(work, now_ms);
        tasks.run(finished);
        match begun {
            Begun::Done(decision) => decision,
            Begun::Waits(task) => {
                tasks.sweep(now_ms(), forgotten);
                wire::wait(task)
            }
        }
    })
}

/// Refreshes every issuer's keys; gives the number of the task that does.
#[wasm_bindgen]
pub fn refresh(env: JsValue, context: JsValue) -> TaskId {
    let gate = Gate::of_isolate(&env);
    let work = async move {
        match &gate.gateway {
            Ok(gateway) => gateway.keyring().refresh_all(&EdgePlatform::new(env, context)).await,
            Err(reason) => log_line(reason),
        }
        String::new()
    };
    TASKS.with(|tasks| {
        let task = tasks.spawn(work, now_ms());
        tasks.run(finished);
        tasks.sweep(now_ms(), forgotten);
        task
    })
}

/// Takes JavaScript's answer to a call, or the message of an error, to the task that waits for it.
#[wasm_bindgen]
pub fn resume(call: u32, value: JsValue, has_failed: bool) {
    let fault = |error: &JsValue| Fault(error.as_string().unwrap_or_default());
    calls::answer(call, if has_failed { Err(fault(&value)) } else { Ok(value) });
    TASKS.with(|tasks| tasks.run(finished));
}

/// The answer where a request that was allowed could not be forwarded.
#[wasm_bindgen]
pub fn refuse(failure: &str, url: &str) -> String {
    let denial = match failure {
        "unreachable" => Denial::OriginUnreachable,
        "timeout" => Denial::OriginTimeout,
        _ => Denial::Misconfigured,
    };
    wire::write(&Decision::Deny(denial), Url::split(url).host())
}

impl Gate {
    fn of_isolate(env: &JsValue) -> Rc<Self> {
        GATE.with(|gate| {
            Rc::clone(gate.get_or_init(|| {
                std::panic::set_hook(Box::new(tell_place));
                Rc::new(Self::new(env))
            }))
        })
    }

    fn new(env: &JsValue) -> Self {
        Self { gateway: read_policy(env).map(Gateway::new), has_static_keys: Cell::new(false) }
    }

    async fn decide(&self, request: &Request<'_>, platform: &EdgePlatform) -> String {
        let take = |decision: Decision<'_>| wire::write(&decision, request.url.host());
        let Ok(gateway) = self.gateway.as_ref().map_err(|reason| log_line(reason)) else {
            return take(Decision::Deny(Denial::Misconfigured));
        };
        if !self.has_static_keys.get() {
            if let Err(issuers) = gateway.keyring().load_static_keys(platform).await {
                for name in issuers {
                    log_line(&format!(
                        "invalid policy:\n  issuers.{name}.jwks: expected a key that WebCrypto can import"
                    ));
                }
                return take(Decision::Deny(Denial::Misconfigured));
            }
            self.has_static_keys.set(true);
        }
        gateway.decide(request, platform, take).await
    }
}

/// Logs where a panic was. What it says is not passed on: it may quote a token.
fn tell_place(panic: &std::panic::PanicHookInfo<'_>) {
    if let Some(place) = panic.location() {
        log_line(&format!("internal error: {place}"));
    }
}

/// Reads the variable `POLICY`: an object, or a string that holds its JSON.
fn read_policy(env: &JsValue) -> Result<Policy, String> {
    let variable = Reflect::get(env, &"POLICY".into()).unwrap_or_default();
    let text = variable.as_string().or_else(|| JSON::stringify(&variable).ok()?.as_string());
    let text = text.ok_or("invalid policy: the variable POLICY is absent")?;
    Policy::parse(&text).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(|error| format!("\n  {error}")).collect();
        format!("invalid policy:{}", errors.concat())
    })
}
