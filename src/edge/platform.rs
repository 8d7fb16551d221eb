//! Workers KV, `fetch`, timers and the log: what the core asks of the platform. All of it is off the hot path.

use std::future::Future;
use std::rc::Rc;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, pin_mut};
use js_sys::{Date, Function, Promise};
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::kv::KvStore;
use worker::worker_sys::Context as JsContext;
use worker::{AbortController, AbortSignal, Context, Headers, RequestInit, RequestRedirect, console_error};

use crate::platform::{Fault, Fetch, Fetched, Get, Runtime, Store, Stored};

/// The KV namespace of the key sets.
const NAMESPACE: &str = "JWKS";

/// Seconds for which an edge location may answer from its own copy of an entry; the least that KV takes.
const KV_CACHE_TTL: u64 = 60;

/// The platform as one request has it. Neither binding outlives the request.
#[derive(Clone)]
pub(super) struct EdgePlatform(Rc<Bindings>);

struct Bindings {
    env: JsValue,
    context: JsValue,
}

impl EdgePlatform {
    pub(super) fn new(env: JsValue, context: JsValue) -> Self {
        Self(Rc::new(Bindings { env, context }))
    }

    fn kv(&self) -> Result<KvStore, Fault> {
        KvStore::from_this(&self.0.env, NAMESPACE)
            .map_err(|_| Fault(format!("no KV namespace is bound as {NAMESPACE}")))
    }
}

impl Store for EdgePlatform {
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault> {
        let read = self.kv()?.get(key).cache_ttl(KV_CACHE_TTL).text_with_metadata::<Value>();
        let (text, metadata) = read.await.map_err(|error| Fault(error.to_string()))?;
        Ok(text.map(|text| Stored { text, metadata: metadata.map(|metadata| metadata.to_string()) }))
    }

    async fn write(&self, key: &str, stored: Stored) -> Result<(), Fault> {
        let mut write = self.kv()?.put(key, stored.text).map_err(|error| Fault(error.to_string()))?;
        if let Some(metadata) = stored.metadata {
            let metadata: Value = serde_json::from_str(&metadata).map_err(|error| Fault(error.to_string()))?;
            write = write.metadata(metadata).map_err(|error| Fault(error.to_string()))?;
        }
        write.execute().await.map_err(|error| Fault(error.to_string()))
    }
}

impl Fetch for EdgePlatform {
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault> {
        let controller = AbortController::default();
        let signal = controller.signal();
        let answer = get(request, &signal);
        let timer = self.sleep(request.timeout_ms);
        pin_mut!(answer, timer);
        let answer = match select(answer, timer).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Fault(format!("no whole answer within {} ms", request.timeout_ms))),
        };
        // Whatever is still on its way is not wanted any more.
        controller.abort();
        answer.map_err(|fault| Fault(format!("GET {}: {fault}", request.url)))
    }
}

async fn get(request: Get<'_>, signal: &AbortSignal) -> Result<Fetched, Fault> {
    let fault = |error: worker::Error| Fault(error.to_string());
    let headers = Headers::new();
    headers.set("accept", "application/json").map_err(fault)?;
    if let Some(etag) = request.etag {
        headers.set("if-none-match", etag).map_err(fault)?;
    }
    let mut init = RequestInit::new();
    init.with_headers(headers).with_redirect(RequestRedirect::Manual);
    let outbound = worker::Request::new_with_init(request.url, &init).map_err(fault)?;
    let mut response = worker::Fetch::Request(outbound).send_with_signal(signal).await.map_err(fault)?;
    let header = |name| response.headers().get(name).map_err(fault);
    let (etag, cache_control) = (header("etag")?, header("cache-control")?);
    match response.status_code() {
        200 => {}
        304 => return Ok(Fetched::NotModified { cache_control }),
        status => return Err(Fault(format!("status {status}"))),
    }
    let mut body = Vec::new();
    let mut chunks = response.stream().map_err(fault)?;
    while let Some(chunk) = chunks.next().await {
        body.extend(chunk.map_err(fault)?);
        if body.len() > request.max_bytes {
            return Err(Fault(format!("the body is over {} bytes", request.max_bytes)));
        }
    }
    let body = String::from_utf8(body).map_err(|_| Fault("the body is not UTF-8".to_owned()))?;
    Ok(Fetched::Document { body, etag, cache_control })
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: u32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// A timer that ends with the sleep that it is for.
struct Timer {
    id: JsValue,
    resolve: Function,
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
        // A promise that never settles would keep what waits for it in memory.
        let _ = self.resolve.call0(&JsValue::UNDEFINED);
    }
}

impl Runtime for EdgePlatform {
    fn now(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "floats saturate; clocks are past 1970"
        )]
        let seconds = (Date::now() / 1000.0) as u64;
        seconds
    }

    async fn sleep(&self, milliseconds: u32) {
        // Not `worker::Delay`: it wakes who polled it first, and a decision is polled before it becomes a task.
        let mut timer = None;
        let promise = Promise::new(&mut |resolve, _| {
            timer = Some(Timer { id: set_timeout(&resolve, milliseconds), resolve });
        });
        // A promise that nothing rejects.
        let _ = JsFuture::from(promise).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        Context::new(self.0.context.clone().unchecked_into::<JsContext>()).wait_until(task);
    }

    fn log(&self, line: &str) {
        console_error!("{line}");
    }
}
