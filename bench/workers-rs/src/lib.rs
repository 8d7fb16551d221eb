//! Portcullis' core behind `#[event(fetch)]` of the `worker` crate, with that crate's own types throughout, to measure
//! what a Worker costs that is written the usual way. It responds and forwards as the gate does; README.md lists what
//! it lacks.

mod platform;

use std::cell::OnceCell;
use std::num::NonZeroU32;
use std::rc::Rc;

use js_sys::{JSON, Reflect};
use portcullis::answer::{Answer, answer, done, preflight, serve};
use portcullis::cors::AnswerKind;
use portcullis::decision::{AnswerContext, Decision};
use portcullis::denial::Denial;
use portcullis::platform::in_time;
use portcullis::request::Request as Head;
use portcullis::rollout::Edition;
use portcullis::route::url::Url;
use portcullis::upstream::Forward;
use worker::{
    CacheMode, Context, Env, Fetch, Headers, Request, RequestInit, RequestRedirect, Response, Result, console_error,
    event,
};

use crate::platform::WorkerPlatform;

thread_local! {
    /// The policy, its keys and the verified tokens, which live as long as the isolate.
    static EDITION: OnceCell<Rc<Edition<WorkerPlatform>>> = const { OnceCell::new() };
}

/// A decision, in the types of `worker`.
enum Verdict {
    Forward {
        request: Request,
        service: Option<String>,
        timeout_ms: Option<NonZeroU32>,
        shared: Vec<(&'static str, String)>,
    },
    Answer(Answer),
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let url = request.inner().url();
    let edition = EDITION.with(|edition| Rc::clone(edition.get_or_init(|| Rc::new(Edition::read(policy(&env), None)))));
    let platform = WorkerPlatform::new(env.clone(), context);
    let (request, service, timeout_ms, shared) = match decide(&request, &url, &edition, &platform).await? {
        Verdict::Answer(answer) => return respond(answer),
        Verdict::Forward { request, service, timeout_ms, shared } => (request, service, timeout_ms, shared),
    };
    let refuse = |denial| respond(answer(&denial, &AnswerContext::at(Url::split(&url).host())));
    let response = send(request, service, &env);
    let response = match timeout_ms {
        Some(timeout) => in_time(response, timeout.get(), &platform).await,
        None => Some(response.await),
    };
    match response {
        Some(Ok(response)) => share(response, &shared),
        Some(Err(error)) => {
            console_error!("the origin cannot be reached: {error}");
            refuse(Denial::OriginUnreachable)
        }
        None => refuse(Denial::OriginTimeout),
    }
}

async fn decide(
    request: &Request,
    url: &str,
    edition: &Edition<WorkerPlatform>,
    platform: &WorkerPlatform,
) -> Result<Verdict> {
    let (method, headers) = (request.method(), request.headers().entries().collect::<Vec<_>>());
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let head = Head { method: method.as_ref(), url: Url::split(url), headers };
    #[cfg(feature = "faults")]
    strike(&head, platform).await;
    match edition.gateway(platform).await {
        Ok(gateway) => gateway.decide(&head, platform, |decision, about, _| verdict(request, decision, about)).await,
        Err(reason) => {
            console_error!("{reason}");
            Ok(Verdict::Answer(answer(&Denial::Misconfigured, &AnswerContext::at(head.url.host()))))
        }
    }
}

fn verdict(request: &Request, decision: Decision<'_>, about: &AnswerContext<'_>) -> Result<Verdict> {
    Ok(match decision {
        Decision::Allow(forward) => {
            let fields = about.sharing.iter().flat_map(|sharing| sharing.fields(AnswerKind::Content));
            Verdict::Forward {
                request: changed(request, &forward)?,
                service: forward.service.map(|service| service.into_owned()),
                timeout_ms: forward.timeout_ms,
                shared: fields.map(|(name, value)| (name, value.into_owned())).collect(),
            }
        }
        Decision::Deny(denial) => Verdict::Answer(answer(&denial, about)),
        Decision::Done(status) => Verdict::Answer(done(status)),
        Decision::Serve(document) => Verdict::Answer(serve(&document, about)),
        Decision::Preflight(granted) => Verdict::Answer(preflight(&granted, about)),
    })
}

/// The request with headers removed and set. Its body stays a stream.
fn changed(request: &Request, forward: &Forward<'_>) -> Result<Request> {
    let headers = request.headers().clone();
    for name in &forward.remove {
        headers.delete(name)?;
    }
    for (name, value) in &forward.set {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(request.method()).with_headers(headers).with_redirect(RequestRedirect::Manual);
    init.with_body(request.inner().body().map(Into::into));
    if !forward.cache && forward.service.is_none() {
        init.with_cache(CacheMode::NoStore);
    }
    Request::new_with_init(&forward.url, &init)
}

async fn send(request: Request, service: Option<String>, env: &Env) -> Result<Response> {
    match service {
        Some(service) => env.service(&service)?.fetch_request(request).await,
        None => Fetch::Request(request).send().await,
    }
}

/// Sets the CORS headers of the origin's response.
fn share(response: Response, fields: &[(&'static str, String)]) -> Result<Response> {
    if fields.is_empty() {
        return Ok(response);
    }
    let headers = response.headers().clone();
    for (name, value) in fields {
        if *name == "vary" { headers.append(name, value)? } else { headers.set(name, value)? }
    }
    Ok(response.with_headers(headers))
}

fn respond(Answer { status, headers: fields, body }: Answer) -> Result<Response> {
    let headers = Headers::new();
    for (name, value) in &fields {
        headers.append(name, value)?;
    }
    let builder = Response::builder().with_status(status).with_headers(headers);
    Ok(if body.is_empty() { builder.empty() } else { builder.fixed(body.into_bytes()) })
}

/// The variable `POLICY`: an object, or a string that holds its JSON.
fn policy(env: &Env) -> String {
    let variable = Reflect::get(env, &"POLICY".into()).unwrap_or_default();
    variable.as_string().or_else(|| JSON::stringify(&variable).ok()?.as_string()).unwrap_or_default()
}

/// Panics if the header `x-fault` asks for it, as the gate's src/edge/faults.rs does.
#[cfg(feature = "faults")]
#[expect(clippy::panic, reason = "that is what it is for")]
async fn strike(head: &Head<'_>, platform: &WorkerPlatform) {
    use portcullis::platform::Runtime;
    let Some(fault) = head.header("x-fault") else { return };
    if fault.ends_with(" later") {
        platform.sleep(20).await;
    }
    panic!("as {:?} asked", head.header("authorization"));
}
