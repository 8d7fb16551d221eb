//! The Worker: the core on Cloudflare's platform.
//!
//! `worker.js` is the entry. It hands a request's head over as one string and takes the decision back as one string,
//! since what a Rust Worker pays for is its calls across the border to JavaScript. Bodies never come here.

#![expect(unreachable_pub, reason = "wasm-bindgen exports pub functions only, though no Rust code reaches them")]

mod crypto;
#[cfg(feature = "faults")]
mod faults;
mod platform;
mod wire;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use futures_util::FutureExt;
use js_sys::{Function, JSON, Promise, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use self::platform::{EdgePlatform, log_line};
use crate::decision::{Decision, Denial};
use crate::gateway::Gateway;
use crate::policy::Policy;
use crate::request::{Request, Url};

thread_local! {
    /// The isolate's gate; its bindings stay the same as long as it lives.
    static GATE: OnceCell<Rc<Gate>> = const { OnceCell::new() };
    static LISTENER: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// What an isolate has made of its policy.
struct Gate {
    /// What is wrong with the policy stands in the error, for the log.
    gateway: Result<Gateway<JsValue>, String>,
    has_static_keys: Cell<bool>,
}

/// Decides on a request: its head in and the decision out, as `wire` has them. The decision is a string, or the promise
/// of one where something has to be awaited.
#[wasm_bindgen]
pub fn decide(head: String, env: JsValue, context: JsValue) -> JsValue {
    let gate = Gate::of_isolate(&env);
    let mut decision = Box::pin(async move {
        let request = wire::read(&head);
        let platform = EdgePlatform::new(env, context);
        #[cfg(feature = "faults")]
        faults::strike(&request, &platform).await;
        let decision = gate.decide(&request, &platform).await;
        Ok(JsValue::from(wire::write(&decision, request.url.host())))
    });
    // Most decisions wait for nothing: those need neither a promise nor the executor. Those that do are polled again as
    // a task, so whatever they wait for must wake who polled it last.
    match decision.as_mut().now_or_never() {
        Some(Ok(decision) | Err(decision)) => decision,
        None => future_to_promise(decision).into(),
    }
}

/// Refreshes every issuer's keys.
#[wasm_bindgen]
pub fn refresh(env: JsValue, context: JsValue) -> Promise {
    let gate = Gate::of_isolate(&env);
    future_to_promise(async move {
        match &gate.gateway {
            Ok(gateway) => gateway.keyring().refresh_all(&EdgePlatform::new(env, context)).await,
            Err(reason) => log_line(reason),
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Sets what hears of a panic, and where it was, before the instance is of no more use. What a panic says is not passed
/// on: it may quote a token.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(listener: Function) {
    LISTENER.with(|slot| slot.replace(Some(listener)));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        LISTENER.with(|slot| slot.take().map(|listener| listener.call1(&JsValue::NULL, &place.into())));
    }));
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
        GATE.with(|gate| Rc::clone(gate.get_or_init(|| Rc::new(Self::new(env)))))
    }

    fn new(env: &JsValue) -> Self {
        Self { gateway: read_policy(env).map(Gateway::new), has_static_keys: Cell::new(false) }
    }

    async fn decide(&self, request: &Request<'_>, platform: &EdgePlatform) -> Decision {
        let Ok(gateway) = self.gateway.as_ref().map_err(|reason| log_line(reason)) else {
            return Decision::Deny(Denial::Misconfigured);
        };
        if !self.has_static_keys.get() {
            if let Err(issuers) = gateway.keyring().load_static_keys(platform).await {
                for name in issuers {
                    log_line(&format!(
                        "invalid policy:\n  issuers.{name}.jwks: expected a key that WebCrypto can import"
                    ));
                }
                return Decision::Deny(Denial::Misconfigured);
            }
            self.has_static_keys.set(true);
        }
        gateway.decide(request, platform).await
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
