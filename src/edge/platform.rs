//! Workers KV, `fetch`, timers and the log: what the core needs from the platform. `platform.js` does the work, so that
//! each costs one call; none of it is on the hot path.

use std::future::Future;
use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::calls::Call;
use super::instance;
use crate::platform::{
    BodyFault, Fault, Fetch, Fetched, Get, ListStep, PolicyStore, RequestBody, RevocationLists, Runtime, Secrets,
    Store, Stored, Surroundings, log_once,
};
use crate::rollout::MAX_POLICY_BYTES;
use crate::time::UnixMillis;
use crate::trace::Observer;

#[wasm_bindgen(module = "portcullis/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = readStore)]
    fn read_store(call: u32, exchange: &JsValue, key: &str);

    #[wasm_bindgen(js_name = writeStore)]
    fn write_store(call: u32, exchange: &JsValue, key: &str, text: &str, metadata: &str);

    #[wasm_bindgen(js_name = readPolicy)]
    fn read_policy(call: u32, exchange: &JsValue, key: &str, max_characters: usize);

    #[wasm_bindgen(js_name = writePolicy)]
    fn write_policy(call: u32, exchange: &JsValue, key: &str, text: &str);

    /// A variable or secret; undefined if it is absent or no string.
    fn variable(exchange: &JsValue, name: &str) -> JsValue;

    #[wasm_bindgen(js_name = hasList)]
    fn has_list(exchange: &JsValue, binding: &str, is_object: bool) -> bool;

    #[wasm_bindgen(js_name = useList)]
    fn use_list(call: u32, exchange: &JsValue, binding: &str, step: &str, text: &str);

    #[wasm_bindgen(js_name = readBody)]
    fn read_body(call: u32, exchange: &JsValue, max_bytes: usize);

    #[wasm_bindgen(js_name = getDocument)]
    fn get_document(call: u32, url: &str, headers: &str, timeout: u32, max_bytes: usize);

    #[wasm_bindgen(js_name = startTimer)]
    fn start_timer(call: u32, milliseconds: u32) -> f64;

    #[wasm_bindgen(js_name = stopTimer)]
    fn stop_timer(timer: f64);

    #[wasm_bindgen(js_name = waitUntil)]
    fn wait_until(exchange: &JsValue, task: u32);

    #[wasm_bindgen(js_name = canWaitUntil)]
    fn can_wait_until(exchange: &JsValue) -> bool;

    #[wasm_bindgen(js_name = log)]
    pub(super) fn log_line(line: &str);
}

#[wasm_bindgen(module = "portcullis/tell.js")]
extern "C" {
    /// Tells operators of the decision on a request.
    #[wasm_bindgen(js_name = tellDecision)]
    fn tell_decision(exchange: &JsValue, told: &str);

    /// Tells operators what another policy would decide.
    #[wasm_bindgen(js_name = tellDifference)]
    fn tell_difference(exchange: &JsValue, told: &str);
}

/// The platform for one request: what JavaScript has of it, in one object that does not outlive the request.
#[derive(Clone)]
pub(super) struct EdgePlatform {
    exchange: Rc<JsValue>,
    /// Whether it serves a policy that is only tried, whose complaints must not fill the log.
    is_trial: bool,
    /// What surrounds the gateway.
    surroundings: fn() -> Surroundings,
}

impl EdgePlatform {
    pub(super) fn new(exchange: JsValue) -> Self {
        Self { exchange: Rc::new(exchange), is_trial: false, surroundings: Surroundings::default }
    }

    /// The same for a gateway that may be asked for its status.
    pub(super) fn within(self, surroundings: fn() -> Surroundings) -> Self {
        Self { surroundings, ..self }
    }

    /// The same for a policy that is only tried.
    pub(super) fn of_trial(&self) -> Self {
        Self { is_trial: true, ..self.clone() }
    }

    /// Whether tasks go on behind the response. In a Worker that embeds the gate and gives it no context, they do not.
    pub(super) fn outlives_response(&self) -> bool {
        can_wait_until(&self.exchange)
    }

    /// Tells operators of the decision on this request.
    pub(super) fn tell_decision(&self, told: &str) {
        tell_decision(&self.exchange, told);
    }

    /// Tells operators what another policy would decide.
    pub(super) fn tell_difference(&self, told: &str) {
        tell_difference(&self.exchange, told);
    }
}

impl Secrets for EdgePlatform {
    fn secret(&self, name: &str) -> Option<String> {
        variable(&self.exchange, name).as_string()
    }
}

impl Store for EdgePlatform {
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault> {
        let entry = Call::make(|call| read_store(call, &self.exchange, key)).await?.as_string();
        Ok(entry.and_then(|entry| {
            let (metadata, text) = entry.split_once('\n')?;
            Some(Stored { text: text.to_owned(), metadata: metadata.to_owned() })
        }))
    }

    async fn write(&self, key: &str, stored: Stored) -> Result<(), Fault> {
        let Stored { text, metadata } = stored;
        Call::make(|call| write_store(call, &self.exchange, key, &text, &metadata)).await.map(drop)
    }
}

impl PolicyStore for EdgePlatform {
    async fn read_policy(&self, key: &str) -> Result<Option<String>, Fault> {
        // The UTF-8 bytes of a text are at least as many as its characters in JavaScript.
        let text = Call::make(|call| read_policy(call, &self.exchange, key, MAX_POLICY_BYTES + 1)).await?.as_string();
        #[cfg(feature = "faults")]
        super::faults::strike_at(text.as_deref());
        Ok(text)
    }

    async fn write_policy(&self, key: &str, text: &str) -> Result<(), Fault> {
        Call::make(|call| write_policy(call, &self.exchange, key, text)).await.map(drop)
    }
}

impl RevocationLists for EdgePlatform {
    fn has_list(&self, binding: &str, is_object: bool) -> bool {
        has_list(&self.exchange, binding, is_object)
    }

    async fn use_list(&self, binding: &str, step: ListStep<'_>) -> Result<Option<String>, Fault> {
        let (word, text) = match step {
            ListStep::Ask(question) => ("ask", question),
            ListStep::Read => ("read", ""),
            ListStep::Write(list) => ("write", list),
        };
        Ok(Call::make(|call| use_list(call, &self.exchange, binding, word, text)).await?.as_string())
    }
}

impl RequestBody for EdgePlatform {
    async fn body(&self, max_bytes: usize) -> Result<Vec<u8>, BodyFault> {
        let body = Call::make(|call| read_body(call, &self.exchange, max_bytes)).await;
        let body = body.map_err(|_| BodyFault::Broken)?;
        match body.as_string().as_deref() {
            Some("large") => Err(BodyFault::TooLarge),
            Some(_) => Err(BodyFault::Busy),
            None => Ok(Uint8Array::from(body).to_vec()),
        }
    }
}

impl Fetch for EdgePlatform {
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault> {
        let Get { url, timeout_ms, max_bytes, .. } = request;
        let headers = request.headers().flat_map(|(name, value)| [name, value]).collect::<Vec<_>>().join("\n");
        let said = |problem: String| Fault(format!("GET {url}: {problem}"));
        let answer = Call::make(|call| get_document(call, url, &headers, timeout_ms, max_bytes)).await;
        let answer = answer.map_err(|fault| said(fault.0))?;
        let answer = answer.as_string().unwrap_or_default();
        let mut lines = answer.splitn(4, '\n');
        let status = lines.next().unwrap_or_default();
        let mut header = || lines.next().filter(|value| !value.is_empty()).map(str::to_owned);
        let (etag, cache_control) = (header(), header());
        match status {
            "200" => Ok(Fetched::Document { body: lines.next().unwrap_or_default().to_owned(), etag, cache_control }),
            "304" => Ok(Fetched::NotModified { cache_control }),
            _ => Err(said(format!("status {status}"))),
        }
    }
}

impl Runtime for EdgePlatform {
    fn now(&self) -> UnixMillis {
        instance::now()
    }

    fn random(&self) -> u32 {
        // Without randomness there is no jitter, and nothing else changes.
        getrandom::u32().unwrap_or_default()
    }

    async fn sleep(&self, milliseconds: u32) {
        let mut timer = Timer(f64::NAN);
        let over = Call::make(|call| timer.0 = start_timer(call, milliseconds));
        // This cannot fail: a timer fires, or is stopped when this future is dropped.
        let _ = over.await;
    }

    fn has_room_to_wait(&self) -> bool {
        instance::has_room()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        wait_until(&self.exchange, instance::spawn(task));
    }

    fn surroundings(&self) -> Surroundings {
        (self.surroundings)()
    }

    fn log(&self, line: &str) {
        if self.is_trial {
            log_once(&format!("candidate: {line}"), log_line);
        } else {
            log_line(line);
        }
    }
}

impl Observer for EdgePlatform {}

/// A timer that is stopped when nothing waits for it anymore.
struct Timer(f64);

impl Drop for Timer {
    fn drop(&mut self) {
        stop_timer(self.0);
    }
}
