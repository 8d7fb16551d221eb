//! Decides requests by two policies each, offline: what the core says natively, without a candidate's keys, log or schedule.
//! Pairs of policies with their requests come as JSON on standard input; the decisions go to standard output.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a test that panics has failed")]

#[path = "../../support/mod.rs"]
mod support;

use std::rc::Rc;

use portcullis::answer::answer;
use portcullis::decision::{AnswerContext, Decision};
use portcullis::gateway::Gateway;
use portcullis::log::Report;
use portcullis::request::Request;
use portcullis::route::url::Url;
use serde_json::{Value, json};
use support::world::Platform;
use support::{World, read};

fn main() {
    let input: Value = serde_json::from_reader(std::io::stdin()).unwrap();
    let now = input["now"].as_u64().unwrap();
    let pairs = input["pairs"].as_array().unwrap().iter().map(|pair| {
        let side = |name: &str| decide_all(pair[name].as_str().unwrap(), &pair["requests"], &input["secrets"], now);
        side("live")
            .into_iter()
            .zip(side("candidate"))
            .map(|(live, candidate)| json!([live, candidate]))
            .collect::<Vec<_>>()
    });
    println!("{}", json!(pairs.collect::<Vec<_>>()));
}

fn decide_all(policy: &str, requests: &Value, secrets: &Value, now: u64) -> Vec<Value> {
    let mut world = World::new(policy);
    world.set_clock(now);
    for (name, secret) in secrets.as_object().unwrap() {
        world.shared.secrets.borrow_mut().insert(name.clone(), secret.as_str().unwrap().to_owned());
    }
    let gateway = Rc::new(Gateway::new(read(policy)));
    let (loading, platform) = (Rc::clone(&gateway), world.platform());
    world.run(async move { loading.keyring().check_static_keys(&platform).await }).unwrap();
    let each = |request: &Value| world.run(decide(Rc::clone(&gateway), world.platform(), request.clone()));
    requests.as_array().unwrap().iter().map(each).collect()
}

async fn decide(gateway: Rc<Gateway<Platform>>, platform: Platform, request: Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (method, url) = (text(&request["method"]), text(&request["url"]));
    let headers: Vec<(String, String)> =
        request["headers"].as_array().unwrap().iter().map(|line| (text(&line[0]), text(&line[1]))).collect();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = Request { method: &method, url: Url::split(&url), headers };
    gateway.decide(&request, &platform, |decision, context, report| described(&decision, context, report)).await
}

fn described(decision: &Decision<'_>, context: &AnswerContext<'_>, report: Option<&Report<'_>>) -> Value {
    let route = report.and_then(Report::route_name);
    let refusal = report.and_then(|report| Some((report.reason?.text(), report.status)));
    let word = refusal.map(|(text, _)| text.word);
    match decision {
        Decision::Allow(forward) => {
            let set: serde_json::Map<String, Value> =
                forward.set.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
            let (code, status) = refusal.map_or((None, 200), |(text, status)| (Some(text.code), status));
            json!({"kind": "allow", "route": route, "set": set, "code": code, "status": status, "reason": word})
        }
        Decision::Deny(denial) => {
            let answer = answer(denial, context);
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            let is_own = report.is_none();
            json!({"kind": "deny", "route": route, "code": body["code"], "status": answer.status, "reason": word, "own": is_own})
        }
        Decision::Serve(_) => json!({"kind": "serve", "status": 200, "own": true}),
        Decision::Done(status) => json!({"kind": "serve", "status": status, "own": true}),
        Decision::Preflight(_) => json!({"kind": "serve", "status": 204, "own": true}),
    }
}
