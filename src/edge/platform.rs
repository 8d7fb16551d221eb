//! Workers KV, `fetch`, timers and the log: what the core asks of the platform. `platform.js` does the work, so that
//! each costs one call; all of it is off the hot path.

use std::future::Future;
use std::rc::Rc;

use js_sys::{Date, Error, Promise};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::platform::{Fault, Fetch, Fetched, Get, Runtime, Store, Stored};

#[wasm_bindgen(module = "/src/edge/platform.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = readStore)]
    async fn read_store(env: &JsValue, key: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = writeStore)]
    async fn write_store(env: &JsValue, key: &str, text: &str, metadata: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = getDocument)]
    async fn get_document(url: &str, etag: Option<&str>, timeout: u32, max_bytes: usize) -> Result<JsValue, JsValue>;

    fn sleep(milliseconds: u32) -> Sleep;

    #[wasm_bindgen(js_name = waitUntil)]
    fn wait_until(context: &JsValue, promise: &Promise);

    #[wasm_bindgen(js_name = log)]
    pub(super) fn log_line(line: &str);

    type Sleep;

    #[wasm_bindgen(method, getter)]
    fn over(this: &Sleep) -> Promise;

    #[wasm_bindgen(method)]
    fn end(this: &Sleep);
}

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
}

impl Store for EdgePlatform {
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault> {
        let entry = read_store(&self.0.env, key).await.map_err(fault)?.as_string();
        Ok(entry.and_then(|entry| {
            let (metadata, text) = entry.split_once('\n')?;
            Some(Stored { text: text.to_owned(), metadata: metadata.to_owned() })
        }))
    }

    async fn write(&self, key: &str, stored: Stored) -> Result<(), Fault> {
        write_store(&self.0.env, key, &stored.text, &stored.metadata).await.map(drop).map_err(fault)
    }
}

impl Fetch for EdgePlatform {
    async fn get(&self, Get { url, etag, timeout_ms, max_bytes }: Get<'_>) -> Result<Fetched, Fault> {
        let said = |problem: String| Fault(format!("GET {url}: {problem}"));
        let answer = get_document(url, etag, timeout_ms, max_bytes).await.map_err(|error| said(fault(error).0))?;
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
    fn now_ms(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clocks are past 1970")]
        let milliseconds = Date::now() as u64;
        milliseconds
    }

    async fn sleep(&self, milliseconds: u32) {
        let nap = Nap(sleep(milliseconds));
        // A promise that nothing rejects.
        let _ = JsFuture::from(nap.0.over()).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let promise = future_to_promise(async move {
            task.await;
            Ok(JsValue::UNDEFINED)
        });
        wait_until(&self.0.context, &promise);
    }

    fn log(&self, line: &str) {
        log_line(line);
    }
}

/// A sleep whose timer goes with it.
struct Nap(Sleep);

impl Drop for Nap {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn fault(error: JsValue) -> Fault {
    Fault(error.dyn_into::<Error>().map_or_else(|_| "unknown error".to_owned(), |error| String::from(error.message())))
}
