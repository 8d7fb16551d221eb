//! A platform that accepts every signature, so that every refusal has another reason.

use std::future::Future;

use futures_executor::block_on;
use portcullis::decision::{AnswerContext, Decision};
use portcullis::gateway::Gateway;
use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::private_key::PrivateKey;
use portcullis::jose::public_key::PublicKey;
use portcullis::log::Report;
use portcullis::platform::{
    Crypto, Fault, Fetch, Fetched, Get, RequestBody, RevocationLists, Runtime, Secrets, Signing, Store, Stored,
};
use portcullis::policy::Policy;
use portcullis::request::Request;
use portcullis::time::UnixMillis;
use portcullis::trace::Observer;

use crate::support::NOW;

/// The platform. It has no store and no network, and its clock is always at [`NOW`].
#[derive(Clone, Copy)]
pub struct Trusting;

/// A gateway that runs on this platform.
pub struct Gate(Gateway<Trusting>);

impl Gate {
    pub fn new(policy: Policy) -> Self {
        let gateway = Gateway::new(policy);
        block_on(gateway.keyring().check_static_keys(&Trusting)).expect("this platform imports every key");
        Self(gateway)
    }

    pub fn decide(&self, request: &Request<'_>) -> Decision<'static> {
        block_on(self.0.decide(request, &Trusting, owned))
    }
}

fn owned(decision: Decision<'_>, _: &AnswerContext<'_>, _: Option<&Report<'_>>) -> Decision<'static> {
    decision.into_owned()
}

impl Crypto for Trusting {
    type Key = ();

    async fn import(&self, _: &PublicKey, _: Algorithm) -> Option<()> {
        Some(())
    }

    async fn verify(&self, (): &(), _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

impl Signing for Trusting {
    type SigningKey = ();

    async fn import_private(&self, _: &PrivateKey) -> Option<()> {
        Some(())
    }

    async fn sign(&self, (): &(), _: Algorithm, _: &[u8]) -> Option<Vec<u8>> {
        Some(vec![0; 64])
    }
}

impl Secrets for Trusting {
    fn secret(&self, _: &str) -> Option<String> {
        Some("secret".to_owned())
    }
}

impl Store for Trusting {
    async fn read(&self, _: &str) -> Result<Option<Stored>, Fault> {
        Ok(None)
    }

    async fn write(&self, _: &str, _: Stored) -> Result<(), Fault> {
        Ok(())
    }
}

impl RequestBody for Trusting {}

impl RevocationLists for Trusting {}

impl Fetch for Trusting {
    async fn get(&self, _: Get<'_>) -> Result<Fetched, Fault> {
        Err(Fault("no network".to_owned()))
    }
}

impl Observer for Trusting {}

impl Runtime for Trusting {
    fn now(&self) -> UnixMillis {
        UnixMillis(NOW * 1000)
    }

    fn random(&self) -> u32 {
        0
    }

    async fn sleep(&self, _: u32) {}

    fn has_room_to_wait(&self) -> bool {
        true
    }

    fn spawn(&self, _: impl Future<Output = ()> + 'static) {}

    fn log(&self, _: &str) {}
}
