//! What the core asks of the place that it runs in. The edge answers with Workers KV, `fetch` and WebCrypto; tests and
//! native tools answer with their own.
//!
//! No future that these return is ever shared between requests: in Workers, what one request waits for may be
//! cancelled with it, and who else waits for it waits for ever.

#![expect(async_fn_in_trait, reason = "an isolate has one thread, so no future needs to be Send")]

use std::fmt;
use std::future::Future;

use futures_util::future::{Either, select};
use futures_util::pin_mut;

use crate::jose::algorithm::Algorithm;
use crate::jose::private_key::PrivateKey;
use crate::jose::public_key::PublicKey;
use crate::time::UnixMillis;

/// Signature checks.
pub trait Crypto {
    /// A public key, ready for use with one algorithm.
    type Key: 'static;

    /// Imports a key for an algorithm; `None` if this platform refuses the key.
    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<Self::Key>;

    /// Whether `signature` is the algorithm's signature of `signed` under the key. Any failure is a no.
    async fn verify(&self, key: &Self::Key, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool;
}

/// Signatures of the gate's own.
pub trait Signing {
    /// A private key, ready for use with one algorithm.
    type SigningKey: 'static;

    /// Imports a key to sign with; `None` if this platform refuses the key.
    async fn import_private(&self, key: &PrivateKey) -> Option<Self::SigningKey>;

    /// The algorithm's signature of `signed`, as JWS has it (RFC 7518 §3.4: r and s, one behind the other); `None` if
    /// signing fails.
    async fn sign(&self, key: &Self::SigningKey, algorithm: Algorithm, signed: &[u8]) -> Option<Vec<u8>>;
}

/// What the operator gives the gate and nobody else may see.
pub trait Secrets {
    /// The secret of this name, if there is one. It stays the same as long as the isolate lives.
    fn secret(&self, name: &str) -> Option<String>;
}

/// A store that all instances of the gate share.
pub trait Store {
    /// What is at `key`, if there is something.
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault>;

    /// Puts something at `key`.
    async fn write(&self, key: &str, stored: Stored) -> Result<(), Fault>;
}

/// A store of policies, which operators write and all instances of the gate read.
pub trait PolicyStore {
    /// What is at `key`, if there is something.
    async fn read_policy(&self, key: &str) -> Result<Option<String>, Fault>;

    /// Puts a policy at `key`.
    async fn write_policy(&self, key: &str, text: &str) -> Result<(), Fault>;
}

/// Documents by HTTP.
pub trait Fetch {
    /// Gets a document. Redirects are not followed.
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault>;
}

/// Time, and work that outlives the response.
pub trait Runtime {
    /// The time.
    fn now(&self) -> UnixMillis;

    /// A random number. Called while a request or a scheduled task is under way only: Workers have none before.
    fn random(&self) -> u32;

    /// Waits.
    async fn sleep(&self, milliseconds: u32);

    /// Whether memory allows one more request to wait for what another one fetches.
    fn has_room_to_wait(&self) -> bool;

    /// Runs a task to its end, even when the response is sent or the client is gone.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// Tells the operator.
    fn log(&self, line: &str);
}

/// What the work gives, or nothing if it takes longer.
pub async fn in_time<T>(work: impl Future<Output = T>, milliseconds: u32, runtime: &impl Runtime) -> Option<T> {
    let timer = runtime.sleep(milliseconds);
    pin_mut!(work, timer);
    match select(work, timer).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}

/// All of it but for the policies, as one value that is cheap to clone.
pub trait Platform: Crypto + Signing + Secrets + Store + Fetch + Runtime + Clone + 'static {}

impl<P: Crypto + Signing + Secrets + Store + Fetch + Runtime + Clone + 'static> Platform for P {}

/// An entry of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The entry.
    pub text: String,
    /// Notes beside it, in JSON.
    pub metadata: String,
}

/// A request for a document.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// An absolute `http` or `https` URL.
    pub url: &'a str,
    /// The entity tag of the copy at hand, for `If-None-Match` (RFC 9110 §13.1.2).
    pub etag: Option<&'a str>,
    /// Until the last byte of the body.
    pub timeout_ms: u32,
    /// A longer body is an error, and is not read to its end.
    pub max_bytes: usize,
}

/// The answer to [`Get`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// 200 with this body.
    Document {
        /// The body, which was UTF-8.
        body: String,
        /// The `ETag` of the answer.
        etag: Option<String>,
        /// The `Cache-Control` of the answer.
        cache_control: Option<String>,
    },
    /// 304: the copy at hand is current.
    NotModified {
        /// The `Cache-Control` of the answer.
        cache_control: Option<String>,
    },
}

/// A failure of the platform, in words for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
