//! The functions that JavaScript calls.

#![expect(unreachable_pub, reason = "wasm-bindgen exports pub functions only, though no Rust code reaches them")]

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::instance::{self, begin};
use super::platform::{EdgePlatform, log_line};
use super::tasks::{Progress, TaskId};
use super::{calls, policies, wire};
use crate::decision::{AnswerContext, Decision};
use crate::denial::Denial;
use crate::platform::Fault;
use crate::request::Request;
use crate::rollout::Edition;
use crate::route::url::Url;

/// Decides on a request: takes its head and returns the decision, both in the format of `wire`. If something has to be
/// awaited, the result names the task that decides.
#[wasm_bindgen]
pub fn decide(head: String, env: JsValue, context: JsValue) -> String {
    let edition = policies::in_force(&env);
    let work = async move {
        let request = wire::read(&head);
        let platform = EdgePlatform::new(env, context);
        #[cfg(feature = "faults")]
        super::faults::strike(&request, &platform).await;
        decide_by(edition.as_deref(), &request, &platform).await
    };
    match begin(work) {
        Progress::Done(decision) => decision,
        Progress::Waits(task) => wire::wait(task),
    }
}

async fn decide_by(edition: Option<&Edition<EdgePlatform>>, request: &Request<'_>, platform: &EdgePlatform) -> String {
    let take = |decision: Decision<'_>, context: &AnswerContext<'_>| wire::write(&decision, context);
    let misconfigured = || take(Decision::Deny(Denial::Misconfigured), &AnswerContext::at(request.url.host()));
    let Some(edition) = edition else { return misconfigured() };
    match edition.gateway(platform).await {
        Ok(gateway) => gateway.decide(request, platform, take).await,
        Err(reason) => {
            log_line(&reason);
            misconfigured()
        }
    }
}

/// Refreshes the policy and every issuer's keys; returns the number of the task that does.
#[wasm_bindgen]
pub fn refresh(env: JsValue, context: JsValue) -> TaskId {
    let work = async move {
        policies::refresh(env, context).await;
        String::new()
    };
    instance::begin_in_background(work)
}

/// Passes JavaScript's answer to a call, or the message of an error, to the task that waits for it.
#[wasm_bindgen]
pub fn resume(call: u32, value: JsValue, has_failed: bool) {
    let fault = |error: &JsValue| Fault(error.as_string().unwrap_or_default());
    calls::answer(call, if has_failed { Err(fault(&value)) } else { Ok(value) });
    instance::run();
}

/// The response to a request that was allowed but could not be forwarded.
#[wasm_bindgen]
pub fn refuse(failure: &str, url: &str) -> String {
    let denial = match failure {
        "unreachable" => Denial::OriginUnreachable,
        "timeout" => Denial::OriginTimeout,
        _ => Denial::Misconfigured,
    };
    wire::write(&Decision::Deny(denial), &AnswerContext::at(Url::split(url).host()))
}
