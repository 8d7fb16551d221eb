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
mod policies;

use std::future::Future;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use self::platform::{EdgePlatform, TASKS, log_line, now_ms};
use crate::decision::{Context, Decision, Denial};
use crate::platform::Fault;
use crate::request::{Request, Url};
use crate::rollout::Edition;
use crate::tasks::{Begun, TaskId};
use crate::wire;

#[wasm_bindgen(module = "portcullis/instance.js")]
extern "C" {
    /// Tells what came of a task that waited.
    fn finished(task: TaskId, result: &str);

    /// Tells that nothing will come of a task that waited.
    fn forgotten(task: TaskId);
}

/// Decides on a request: its head in and the decision out, as `wire` has them. Where something has to be awaited, the
/// answer names the task that decides.
#[wasm_bindgen]
pub fn decide(head: String, env: JsValue, context: JsValue) -> String {
    let edition = policies::in_force(&env);
    let work = async move {
        let request = wire::read(&head);
        let platform = EdgePlatform::new(env, context);
        #[cfg(feature = "faults")]
        faults::strike(&request, &platform).await;
        decide_by(edition.as_deref(), &request, &platform).await
    };
    match begin(work) {
        Begun::Done(decision) => decision,
        Begun::Waits(task) => wire::wait(task),
    }
}

async fn decide_by(edition: Option<&Edition<EdgePlatform>>, request: &Request<'_>, platform: &EdgePlatform) -> String {
    let take = |decision: Decision<'_>, context: &Context<'_>| wire::write(&decision, context);
    let misconfigured = || take(Decision::Deny(Denial::Misconfigured), &Context::at(request.url.host()));
    let Some(edition) = edition else { return misconfigured() };
    match edition.gateway(platform).await {
        Ok(gateway) => gateway.decide(request, platform, take).await,
        Err(reason) => {
            log_line(&reason);
            misconfigured()
        }
    }
}

/// Begins a request's task.
fn begin(work: impl Future<Output = String> + 'static) -> Begun {
    TASKS.with(|tasks| {
        let begun = tasks.begin(work, now_ms);
        tasks.run(finished);
        if let Begun::Waits(_) = begun {
            tasks.sweep(now_ms(), forgotten);
        }
        begun
    })
}

/// Refreshes the policy and every issuer's keys; gives the number of the task that does.
#[wasm_bindgen]
pub fn refresh(env: JsValue, context: JsValue) -> TaskId {
    let work = async move {
        policies::refresh(env, context).await;
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
    wire::write(&Decision::Deny(denial), &Context::at(Url::split(url).host()))
}
