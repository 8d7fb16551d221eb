//! The platform for trials: a fixed clock, no store, documents over HTTP, and a record of every step.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::private_key::PrivateKey;
use portcullis::jose::public_key::PublicKey;
use portcullis::platform::{
    Crypto, Fault, Fetch, Fetched, Get, ListStep, RequestBody, RevocationLists, Runtime, Secrets, Signing, Store,
    Stored,
};
use portcullis::time::{UnixMillis, UnixSeconds};
use portcullis::trace::{Observer, Step};

use super::record::StepRecord;
use super::secrets::StandIns;
use crate::host::Signatures;
use crate::web;

/// A key of an issuer, or one that accepts every signature.
pub(crate) enum TrialKey {
    Issuers(<Signatures as Crypto>::Key),
    /// Every signature is valid under it.
    Trusted,
}

/// The platform for one request.
#[derive(Clone)]
pub(crate) struct LocalPlatform(Rc<LocalState>);

struct LocalState {
    now: UnixSeconds,
    trusts: bool,
    secrets: StandIns,
    /// The list of revocations, if one was given.
    revocations: Option<Rc<str>>,
    record: RefCell<StepRecord>,
    tasks: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
}

impl LocalPlatform {
    /// A platform whose time is `now`. If it `trusts`, every signature is valid.
    pub(super) fn new(
        now: UnixSeconds,
        trusts: bool,
        secrets: StandIns,
        revocations: Option<Rc<str>>,
        record: StepRecord,
    ) -> Self {
        let (record, tasks) = (RefCell::new(record), RefCell::default());
        Self(Rc::new(LocalState { now, trusts, secrets, revocations, record, tasks }))
    }

    /// Takes the record of the steps so far.
    pub(super) fn take_record(&self) -> StepRecord {
        self.0.record.take()
    }

    /// Runs a future to completion, together with the tasks that it spawns.
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            let mut tasks = self.0.tasks.take();
            tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
            self.0.tasks.borrow_mut().extend(tasks);
        }
    }
}

impl Crypto for LocalPlatform {
    type Key = TrialKey;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<TrialKey> {
        if self.0.trusts {
            return Some(TrialKey::Trusted);
        }
        Signatures.import(key, algorithm).await.map(TrialKey::Issuers)
    }

    async fn verify(&self, key: &TrialKey, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        match key {
            TrialKey::Issuers(key) => Signatures.verify(key, algorithm, signature, signed).await,
            TrialKey::Trusted => true,
        }
    }
}

impl Secrets for LocalPlatform {
    fn secret(&self, name: &str) -> Option<String> {
        self.log(&format!("the secret {name} is not available here: a placeholder is used"));
        Some(self.0.secrets.secret(name))
    }
}

impl Signing for LocalPlatform {
    type SigningKey = <Signatures as Signing>::SigningKey;

    async fn import_private(&self, key: &PrivateKey) -> Option<Self::SigningKey> {
        Signatures.import_private(key).await
    }

    async fn sign(&self, key: &Self::SigningKey, algorithm: Algorithm, signed: &[u8]) -> Option<Vec<u8>> {
        Signatures.sign(key, algorithm, signed).await
    }
}

impl Store for LocalPlatform {
    async fn read(&self, _key: &str) -> Result<Option<Stored>, Fault> {
        Ok(None)
    }

    async fn write(&self, _key: &str, _stored: Stored) -> Result<(), Fault> {
        Ok(())
    }
}

impl RevocationLists for LocalPlatform {
    fn has_list(&self, _binding: &str, _is_object: bool) -> bool {
        true
    }

    async fn use_list(&self, _binding: &str, step: ListStep<'_>) -> Result<Option<String>, Fault> {
        let list = self.0.revocations.as_deref().map(str::to_owned);
        Ok(list.or_else(|| matches!(step, ListStep::Ask(_)).then(|| "whole none end".to_owned())))
    }
}

impl RequestBody for LocalPlatform {}

impl Fetch for LocalPlatform {
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault> {
        let fetched = web::get(request);
        self.0.record.borrow_mut().fetched(request.url, &fetched);
        fetched
    }
}

impl Observer for LocalPlatform {
    fn observe(&self, step: Step<'_>) {
        self.0.record.borrow_mut().note(step);
    }
}

impl Runtime for LocalPlatform {
    fn now(&self) -> UnixMillis {
        self.0.now.millis()
    }

    fn random(&self) -> u32 {
        0 // one process asks nobody twice, so there is nothing to spread
    }

    /// Yields once, so that all tasks make progress, and then blocks: everything else on this platform blocks, too.
    async fn sleep(&self, milliseconds: u32) {
        let mut is_first = true;
        poll_fn(|_| {
            if std::mem::take(&mut is_first) {
                return Poll::Pending;
            }
            std::thread::sleep(Duration::from_millis(milliseconds.into()));
            Poll::Ready(())
        })
        .await;
    }

    fn has_room_to_wait(&self) -> bool {
        true
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.tasks.borrow_mut().push(Box::pin(task));
    }

    fn log(&self, line: &str) {
        self.0.record.borrow_mut().logged(line);
    }
}
