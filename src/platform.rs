//! What the core needs from the platform that it runs on. The edge provides it with Workers KV, `fetch` and WebCrypto;
//! tests and native tools have implementations of their own.
//!
//! No future of these traits is ever shared between requests: in Workers, a future may be cancelled with the request
//! that created it, and another request that awaits it would wait forever.

#![expect(async_fn_in_trait, reason = "an isolate has one thread, so no future needs to be Send")]

use std::cell::RefCell;
use std::fmt;
use std::future::Future;

use futures_util::future::{Either, select};
use futures_util::pin_mut;

use crate::jose::algorithm::Algorithm;
use crate::jose::private_key::PrivateKey;
use crate::jose::public_key::PublicKey;
use crate::time::UnixMillis;

/// Verification of signatures.
pub trait Crypto {
    /// A public key, ready for use with one algorithm.
    type Key: 'static;

    /// Imports a key for an algorithm; `None` if this platform refuses the key.
    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<Self::Key>;

    /// Whether `signature` is a valid signature of `signed` under the key. False on any failure.
    async fn verify(&self, key: &Self::Key, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool;
}

/// Signing with the gate's own keys.
pub trait Signing {
    /// A private key, ready for use with one algorithm.
    type SigningKey: 'static;

    /// Imports a key for signing; `None` if this platform refuses the key.
    async fn import_private(&self, key: &PrivateKey) -> Option<Self::SigningKey>;

    /// The signature of `signed`, in the format of JWS (RFC 7518 §3.4: r and s concatenated); `None` if signing fails.
    async fn sign(&self, key: &Self::SigningKey, algorithm: Algorithm, signed: &[u8]) -> Option<Vec<u8>>;
}

/// What the operator gives to the gate only.
pub trait Secrets {
    /// The secret with this name, if present. It never changes within an isolate.
    fn secret(&self, name: &str) -> Option<String>;
}

/// A store of key sets that all instances of the gate share.
pub trait Store {
    /// The entry at `key`, if present.
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault>;

    /// Writes an entry at `key`.
    async fn write(&self, key: &str, stored: Stored) -> Result<(), Fault>;
}

/// A store of policies, which operators write and all instances of the gate read.
pub trait PolicyStore {
    /// The policy text at `key`, if present.
    async fn read_policy(&self, key: &str) -> Result<Option<String>, Fault>;

    /// Writes a policy text at `key`.
    async fn write_policy(&self, key: &str, text: &str) -> Result<(), Fault>;
}

/// The store of the list of revocations, behind a binding of the Worker. A platform has none unless it says so.
pub trait RevocationLists {
    /// Whether a Durable Object (`is_object`) or a KV namespace is bound by this name.
    fn has_list(&self, _binding: &str, _is_object: bool) -> bool {
        false
    }

    /// Takes a step with it. The result is an answer, or the list in KV, if there is one.
    async fn use_list(&self, _binding: &str, _step: ListStep<'_>) -> Result<Option<String>, Fault> {
        Err(Fault("there is no store".to_owned()))
    }
}

/// What is done with the list of revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListStep<'t> {
    /// The Durable Object is asked a question: see `revocation/store.rs`.
    Ask(&'t str),
    /// The list in KV is read.
    Read,
    /// The list in KV is replaced.
    Write(&'t str),
}

/// The body of the request.
pub trait RequestBody {
    /// The body, once.
    async fn body(&self, _max_bytes: usize) -> Result<Vec<u8>, BodyFault> {
        Ok(Vec::new())
    }
}

/// Why a body is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than asked for.
    TooLarge,
    /// It broke off, or took too long.
    Broken,
    /// Too much of other bodies is in memory.
    Busy,
}

/// The media types that the gate asks for: issuers send key sets as one or the other (RFC 7517 §8.5.2).
const ACCEPT: &str = "application/json, application/jwk-set+json";

/// Maximum number of lines that an isolate writes once.
const MAX_ONCE: usize = 100;

/// How the gate names itself (RFC 9110 §10.1.5). Some issuers refuse requests that do not say who sends them.
const USER_AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

/// Documents over HTTP.
pub trait Fetch {
    /// Fetches a document. Redirects are not followed.
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault>;
}

/// What surrounds a gateway, for its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The digest of the policy text.
    pub digest: Option<String>,
    /// Where the policy came from.
    pub source: Option<&'static str>,
    /// The digest of the candidate policy, if there is one.
    pub candidate: Option<String>,
    /// How many requests wait for something.
    pub waiting: usize,
}

/// Time, and work that outlives the response.
pub trait Runtime {
    /// The current time in milliseconds since 1970, by the clock of the isolate.
    fn now(&self) -> UnixMillis;

    /// A random number. Only called during a request or a scheduled task: outside of these, Workers have none.
    fn random(&self) -> u32;

    /// Waits for this many milliseconds.
    async fn sleep(&self, milliseconds: u32);

    /// Whether there is memory for one more request to wait for another request's flight.
    fn has_room_to_wait(&self) -> bool;

    /// Runs a task to its end, even if the response is sent or the client is gone.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// What surrounds the gateway.
    fn surroundings(&self) -> Surroundings {
        Surroundings::default()
    }

    /// Writes a line to the operator's log.
    fn log(&self, line: &str);

    /// Writes a line that would be repeated with each request: once in an isolate.
    fn log_once(&self, line: &str) {
        log_once(line, |line| self.log(line));
    }
}

/// Passes a line to `log` if it was not passed before in this isolate, and not too many other lines were.
pub fn log_once(line: &str, log: impl FnOnce(&str)) {
    thread_local! {
        static WRITTEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }
    let is_new = WRITTEN.with_borrow_mut(|written| {
        let is_new = !written.iter().any(|known| known == line) && written.len() < MAX_ONCE;
        if is_new {
            written.push(line.to_owned());
        }
        is_new
    });
    if is_new {
        log(line);
    }
}

/// The result of `work`; `None` if it takes more than this many milliseconds.
pub async fn in_time<T>(work: impl Future<Output = T>, milliseconds: u32, runtime: &impl Runtime) -> Option<T> {
    let timer = runtime.sleep(milliseconds);
    pin_mut!(work, timer);
    match select(work, timer).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}

/// All of these except [`PolicyStore`], as one value that is cheap to clone.
pub trait Platform:
    Crypto + Signing + Secrets + Store + Fetch + Runtime + RevocationLists + RequestBody + Clone + 'static
{
}

impl<P> Platform for P where
    P: Crypto + Signing + Secrets + Store + Fetch + Runtime + RevocationLists + RequestBody + Clone + 'static
{
}

/// A store entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The value of the entry, in JSON.
    pub text: String,
    /// Its metadata, in JSON.
    pub metadata: String,
}

/// A request for a document.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// An absolute `http` or `https` URL.
    pub url: &'a str,
    /// The entity tag of the cached copy, for `If-None-Match` (RFC 9110 §13.1.2).
    pub etag: Option<&'a str>,
    /// Timeout in milliseconds until the last byte of the body.
    pub timeout_ms: u32,
    /// Maximum size of the body in bytes. A longer one is an error, and is not read to its end.
    pub max_bytes: usize,
}

impl Get<'_> {
    /// The headers of the request: names in lower case, and values.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let tag = self.etag.map(|etag| ("if-none-match", etag));
        [("accept", ACCEPT), ("user-agent", USER_AGENT)].into_iter().chain(tag)
    }
}

/// The response to [`Get`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// 200 with this body.
    Document {
        /// The body, which was UTF-8.
        body: String,
        /// The `ETag` of the response.
        etag: Option<String>,
        /// The `Cache-Control` of the response.
        cache_control: Option<String>,
    },
    /// 304: the cached copy is current.
    NotModified {
        /// The `Cache-Control` of the response.
        cache_control: Option<String>,
    },
}

/// A failure of the platform, as a message for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
