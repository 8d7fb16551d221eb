//! The core's platform, implemented with the `worker` crate: Workers KV, fetch, timers, the log. WebCrypto comes from
//! `web_sys`, since the crate does not provide it.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures_util::TryStreamExt;
use js_sys::futures::JsFuture;
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::private_key::PrivateKey;
use portcullis::jose::public_key::{Material, PublicKey};
use portcullis::platform::{
    Crypto, Fault, Fetch, Fetched, Get, RequestBody, RevocationLists, Runtime, Secrets, Signing, Store, Stored, in_time,
};
use portcullis::time::UnixMillis;
use portcullis::trace::Observer;
use serde_json::Value;
use web_sys::{CryptoKey, SubtleCrypto, WorkerGlobalScope};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{
    AbortController, Context, Date, Delay, Env, Headers, KvStore, Request, RequestInit, RequestRedirect, Response,
    console_error,
};

/// For how many seconds an edge location may serve its own copy of an entry; the minimum that KV accepts.
const CACHE_TTL: u64 = 60;

/// The platform of one request: its bindings and its context.
#[derive(Clone)]
pub(crate) struct WorkerPlatform(Rc<(Env, Context)>);

impl WorkerPlatform {
    pub(crate) fn new(env: Env, context: Context) -> Self {
        Self(Rc::new((env, context)))
    }

    fn store(&self) -> Result<KvStore, Fault> {
        self.0.0.kv("JWKS").map_err(fault)
    }
}

/// A key, and the algorithm parameters that WebCrypto needs to use it.
pub(crate) struct Key {
    key: CryptoKey,
    algorithm: Object,
}

impl Crypto for WorkerPlatform {
    type Key = Key;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<Key> {
        let numbers = match &key.material {
            Material::Rsa { n, e } => vec![("n", n.as_str()), ("e", e)],
            Material::Ec { x, y, .. } => vec![("x", x.as_str()), ("y", y)],
            Material::Ed25519 { x } => vec![("x", x.as_str())],
        };
        import(algorithm, &numbers, "verify").await
    }

    async fn verify(&self, Key { key, algorithm }: &Key, _: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        let holds = subtle()
            .and_then(|subtle| subtle.verify_with_object_and_u8_array_and_u8_array(algorithm, key, signature, signed));
        settled(holds).await.is_some_and(|holds| holds.is_truthy())
    }
}

impl Signing for WorkerPlatform {
    type SigningKey = Key;

    async fn import_private(&self, PrivateKey { algorithm, x, y, d }: &PrivateKey) -> Option<Key> {
        let y = y.as_deref().map(|y| ("y", y));
        let numbers: Vec<_> = [("x", x.as_str()), ("d", d)].into_iter().chain(y).collect();
        import(*algorithm, &numbers, "sign").await
    }

    async fn sign(&self, Key { key, algorithm }: &Key, _: Algorithm, signed: &[u8]) -> Option<Vec<u8>> {
        let signature = subtle().and_then(|subtle| subtle.sign_with_object_and_u8_array(algorithm, key, signed));
        settled(signature).await.map(|signature| Uint8Array::new(&signature).to_vec())
    }
}

async fn import(algorithm: Algorithm, numbers: &[(&str, &str)], usage: &str) -> Option<Key> {
    let key_type = algorithm.key_type();
    let jwk = object(&[("kty", key_type.kty())]);
    let curve = key_type.crv().map(|curve| ("crv", curve));
    for (name, value) in numbers.iter().copied().chain(curve) {
        set(&jwk, name, &value.into());
    }
    let (algorithm, usages) = (parameters(algorithm), Array::of1(&usage.into()));
    let key = subtle().and_then(|subtle| subtle.import_key_with_object("jwk", &jwk, &algorithm, false, &usages));
    Some(Key { key: settled(key).await?.dyn_into().ok()?, algorithm })
}

/// The name and parameters of an algorithm in WebCrypto.
fn parameters(algorithm: Algorithm) -> Object {
    let pss = |hash, salt_length: u32| {
        let parameters = object(&[("name", "RSA-PSS"), ("hash", hash)]);
        set(&parameters, "saltLength", &salt_length.into());
        parameters
    };
    match algorithm {
        Algorithm::Rs256 => object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")]),
        Algorithm::Rs384 => object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-384")]),
        Algorithm::Rs512 => object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-512")]),
        Algorithm::Ps256 => pss("SHA-256", 32),
        Algorithm::Ps384 => pss("SHA-384", 48),
        Algorithm::Ps512 => pss("SHA-512", 64),
        Algorithm::Es256 => object(&[("name", "ECDSA"), ("hash", "SHA-256"), ("namedCurve", "P-256")]),
        Algorithm::Es384 => object(&[("name", "ECDSA"), ("hash", "SHA-384"), ("namedCurve", "P-384")]),
        Algorithm::Es512 => object(&[("name", "ECDSA"), ("hash", "SHA-512"), ("namedCurve", "P-521")]),
        Algorithm::EdDsa => object(&[("name", "Ed25519")]),
    }
}

impl Secrets for WorkerPlatform {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.0.secret(name).ok().map(|secret| secret.to_string())
    }
}

impl Store for WorkerPlatform {
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault> {
        let entry = self.store()?.get(key).cache_ttl(CACHE_TTL).text_with_metadata::<Value>().await;
        let (text, metadata) = entry.map_err(fault)?;
        Ok(text.map(|text| Stored { text, metadata: metadata.unwrap_or_default().to_string() }))
    }

    async fn write(&self, key: &str, Stored { text, metadata }: Stored) -> Result<(), Fault> {
        let metadata: Value = serde_json::from_str(&metadata).map_err(fault)?;
        let put = self.store()?.put(key, text).and_then(|put| put.metadata(metadata)).map_err(fault)?;
        put.execute().await.map_err(fault)
    }
}

impl RequestBody for WorkerPlatform {}

impl RevocationLists for WorkerPlatform {}

impl Fetch for WorkerPlatform {
    async fn get(&self, Get { url, etag, timeout_ms, max_bytes }: Get<'_>) -> Result<Fetched, Fault> {
        let controller = AbortController::default();
        let signal = controller.signal();
        let fetched = in_time(
            async {
                let mut response = worker::Fetch::Request(request_for(url, etag)?).send_with_signal(&signal).await?;
                read(&mut response, max_bytes).await
            },
            timeout_ms,
            self,
        )
        .await;
        controller.abort();
        let fetched = fetched.unwrap_or_else(|| Err(format!("no complete response within {timeout_ms} ms").into()));
        fetched.map_err(|error| Fault(format!("GET {url}: {error}")))
    }
}

fn request_for(url: &str, etag: Option<&str>) -> worker::Result<Request> {
    let headers = Headers::new();
    headers.set("accept", "application/json")?;
    if let Some(etag) = etag {
        headers.set("if-none-match", etag)?;
    }
    Request::new_with_init(url, RequestInit::new().with_headers(headers).with_redirect(RequestRedirect::Manual))
}

async fn read(response: &mut Response, max_bytes: usize) -> worker::Result<Fetched> {
    let (etag, cache_control) = (response.headers().get("etag")?, response.headers().get("cache-control")?);
    match response.status_code() {
        200 => {
            let mut bytes = Vec::new();
            let mut stream = response.stream()?;
            while let Some(chunk) = stream.try_next().await? {
                bytes.extend(chunk);
                if bytes.len() > max_bytes {
                    return Err(format!("the body is over {max_bytes} bytes").into());
                }
            }
            let body = String::from_utf8(bytes).map_err(|_| "the body is not UTF-8")?;
            Ok(Fetched::Document { body, etag, cache_control })
        }
        304 => Ok(Fetched::NotModified { cache_control }),
        status => Err(format!("status {status}").into()),
    }
}

impl Observer for WorkerPlatform {}

impl Runtime for WorkerPlatform {
    fn now(&self) -> UnixMillis {
        UnixMillis(Date::now().as_millis())
    }

    fn random(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "under 2^32")]
        let random = (js_sys::Math::random() * f64::from(u32::MAX)) as u32;
        random
    }

    async fn sleep(&self, milliseconds: u32) {
        Delay::from(Duration::from_millis(milliseconds.into())).await;
    }

    /// Always: `worker` does not count the requests that wait.
    fn has_room_to_wait(&self) -> bool {
        true
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.1.wait_until(task);
    }

    fn log(&self, line: &str) {
        console_error!("{line}");
    }
}

fn subtle() -> Result<SubtleCrypto, JsValue> {
    js_sys::global().unchecked_into::<WorkerGlobalScope>().crypto().map(|crypto| crypto.subtle())
}

/// The value of a promise, if it was created and resolves.
async fn settled(promise: Result<Promise, JsValue>) -> Option<JsValue> {
    JsFuture::from(promise.ok()?).await.ok()
}

fn object(members: &[(&str, &str)]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        set(&object, name, &(*value).into());
    }
    object
}

fn set(object: &Object, name: &str, value: &JsValue) {
    // Setting a property of a new plain object cannot fail.
    let _ = Reflect::set(object, &name.into(), value);
}

fn fault(error: impl ToString) -> Fault {
    Fault(error.to_string())
}
