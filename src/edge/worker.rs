//! The functions that JavaScript calls.

#![expect(unreachable_pub, reason = "wasm-bindgen exports pub functions only, though no Rust code reaches them")]

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::instance::{self, begin};
use super::platform::{EdgePlatform, log_line};
use super::tasks::{Progress, TaskId};
use super::{calls, policies, wire};
use crate::decision::{AnswerContext, Decision};
use crate::denial::Denial;
use crate::gateway::Gateway;
use crate::log::{self, Quota, Report, Seen, Verdict};
use crate::platform::{Fault, Runtime};
use crate::policy::{Log, LoggedDecisions, Policy};
use crate::request::Request;
use crate::rollout::Edition;

thread_local! {
    static QUOTA: RefCell<Quota> = RefCell::default();
}

/// Decides on a request: takes its head and returns the decision, both in the format of `wire`. If something has to be
/// awaited, the result names the task that decides.
#[wasm_bindgen]
pub fn decide(head: String, exchange: JsValue) -> String {
    let edition = policies::in_force(&exchange);
    // Now: the head has the header values that this one needs.
    let candidate = policies::candidate();
    let work = async move {
        let platform = EdgePlatform::new(exchange).within(policies::surroundings);
        #[cfg(feature = "faults")]
        super::faults::strike(&wire::read(&head), &platform).await;
        decide_by(edition.as_deref(), candidate, head, &platform).await
    };
    match begin(work) {
        Progress::Done(decision) => decision,
        Progress::Waits(task) => wire::wait(task),
    }
}

async fn decide_by(
    edition: Option<&Edition<EdgePlatform>>,
    candidate: Option<Rc<Edition<EdgePlatform>>>,
    head: String,
    platform: &EdgePlatform,
) -> String {
    let request = wire::read(&head);
    let Some(edition) = edition else { return misconfigured(request.url.host(), platform) };
    let gateway = match edition.gateway(platform).await {
        Ok(gateway) => gateway,
        Err(reason) => {
            log_line(&reason);
            return misconfigured(request.url.host(), platform);
        }
    };
    let purpose = if candidate.is_some() { Purpose::Compared } else { Purpose::Alone };
    let Taken { decision, verdict } = taken(gateway, &request, purpose, platform).await;
    // A task that never goes on would keep its memory.
    if let Some((candidate, verdict)) = candidate.zip(verdict)
        && platform.outlives_response()
    {
        platform.spawn(judge(candidate, verdict, gateway.policy().log.clone(), head, platform.of_trial()));
    }
    decision
}

/// What a decision is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It is carried out.
    Alone,
    /// It is carried out, and compared with what the candidate decides.
    Compared,
    /// It is only compared.
    Trial,
}

/// A decision, as far as its purpose needs it.
struct Taken {
    /// In the format of `wire`.
    decision: String,
    verdict: Option<Verdict>,
}

/// Decides, and tells operators of what is carried out. The only caller of [`Gateway::decide`], which is compiled for each.
async fn taken(
    gateway: &Gateway<EdgePlatform>,
    request: &Request<'_>,
    purpose: Purpose,
    platform: &EdgePlatform,
) -> Taken {
    let take = |decision: Decision<'_>, context: &AnswerContext<'_>, report: Option<&Report<'_>>| {
        let Policy { identity, log, .. } = gateway.policy();
        let verdict = (purpose != Purpose::Alone).then(|| Verdict::of(&decision, context, report, identity));
        if purpose == Purpose::Trial {
            return Taken { decision: String::new(), verdict };
        }
        let told = report.and_then(|report| told(report, log, platform));
        // What happens to an allowed request is told once the origin has answered: a request is told of once.
        let is_allowed = report.is_some_and(|report| report.reason.is_none());
        if !is_allowed && let Some(told) = told.as_deref().or(nothing_of(&decision, log)) {
            platform.tell_decision(told);
        }
        let decision = match decision {
            // A request that is forwarded by a grant would not be decided by the candidate.
            Decision::Allow(forward) if purpose == Purpose::Compared => Decision::Allow(forward.without_grant()),
            decision => decision,
        };
        let held = told.filter(|_| is_allowed);
        Taken { decision: wire::write(&decision, context, held.as_deref()), verdict }
    };
    gateway.decide(request, platform, take).await
}

/// What is told of a request that is forwarded although its refusal, which would be told, is one too many: nothing, and
/// nothing of what happens to it either.
fn nothing_of(decision: &Decision<'_>, log: &Log) -> Option<&'static str> {
    let is_forwarded = matches!(decision, Decision::Allow(_));
    (is_forwarded && log.decisions != LoggedDecisions::None).then_some("{}")
}

/// What is told of a decision, in JSON.
fn told(report: &Report<'_>, log: &Log, platform: &EdgePlatform) -> Option<String> {
    QUOTA.with_borrow_mut(|quota| log::told(report, log, quota, platform))
}

fn misconfigured(host: &str, platform: &EdgePlatform) -> String {
    refused(&Report::refused(None, Denial::Misconfigured.reason(), 500, Seen::default()), &Log::default(), platform);
    wire::write(&Decision::Deny(Denial::Misconfigured), &AnswerContext::at(host), None)
}

fn refused(report: &Report<'_>, log: &Log, platform: &EdgePlatform) {
    if let Some(told) = told(report, log, platform) {
        platform.tell_decision(&told);
    }
}

/// Decides on a request by the candidate, after its response, and tells what differs.
async fn judge(candidate: Rc<Edition<EdgePlatform>>, live: Verdict, log: Log, head: String, platform: EdgePlatform) {
    // The response comes first.
    platform.sleep(0).await;
    let Ok(gateway) = candidate.gateway(&platform).await else { return };
    let request = wire::read(&head);
    let Some(verdict) = taken(gateway, &request, Purpose::Trial, &platform).await.verdict else { return };
    let told = QUOTA.with_borrow_mut(|quota| live.told(verdict, &log, quota, platform.now()));
    if let Some(told) = told {
        platform.tell_difference(&told);
    }
}

/// Refreshes the policy and every issuer's keys; returns the number of the task that does.
#[wasm_bindgen]
pub fn refresh(exchange: JsValue) -> TaskId {
    let work = async move {
        policies::refresh(exchange).await;
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

/// The response to a request that was allowed but could not be forwarded. It is told, unless `is_told`: the decision was
/// told as a refusal that is not enforced.
#[wasm_bindgen]
pub fn refuse(failure: &str, head: &str, exchange: JsValue, is_told: bool) -> String {
    let denial = match failure {
        "unreachable" => Denial::OriginUnreachable,
        "timeout" => Denial::OriginTimeout,
        _ => Denial::Misconfigured,
    };
    let request = wire::read(head);
    if !is_told {
        // After a panic, this instance has not read the policy yet.
        let edition = policies::in_force(&exchange);
        let platform = EdgePlatform::new(exchange);
        let reason = denial.reason();
        let log = edition.as_deref().and_then(Edition::policy).map(|policy| policy.log.clone()).unwrap_or_default();
        let report = match edition.as_deref().and_then(Edition::checked_gateway) {
            Some(gateway) => gateway.report_failure(&request, reason),
            None => Report::refused(None, reason, reason.text().status, Seen::default()),
        };
        refused(&report, &log, &platform);
    }
    wire::write(&Decision::Deny(denial), &AnswerContext::at(request.url.host()), None)
}
