//! The platform of the tests. Time is virtual: it moves to the next deadline when nothing else can go on, so a test of
//! an hour takes no time and always goes the same way.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_executor::{LocalPool, LocalSpawner};
use futures_util::task::LocalSpawnExt;
use jsonwebtoken::EncodingKey;
use portcullis::decision::{AnswerContext, Decision};
use portcullis::edge::wire;
use portcullis::gateway::Gateway;
use portcullis::gateway::verified::VerifiedTokens;
use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::private_key::PrivateKey;
use portcullis::jose::public_key::PublicKey;
use portcullis::log::Report;
use portcullis::native::{NativeCrypto, NativeKey};
use portcullis::platform::{
    BodyFault, Crypto, Fault, Fetch, Fetched, Get, ListStep, PolicyStore, RequestBody, RevocationLists, Runtime,
    Secrets, Signing, Store, Stored,
};
use portcullis::request::Request;
use portcullis::route::url::Url;
use portcullis::time::UnixMillis;
use portcullis::trace::Observer;

use super::lists::Lists;
use super::{NOW, read};

/// What a URL answers, and after how long.
#[derive(Clone)]
pub struct Reply {
    pub after_ms: u64,
    pub result: Result<Fetched, Fault>,
}

/// What all requests of a test share.
pub struct Shared {
    now_ms: Cell<u64>,
    /// Who sleeps: a number, until when, whom to wake.
    sleepers: RefCell<Vec<(u64, u64, Waker)>>,
    sleeps: Cell<u64>,
    spawner: LocalSpawner,
    pub store: RefCell<HashMap<String, Stored>>,
    pub store_reply_ms: Cell<u64>,
    pub store_fails: Cell<bool>,
    pub web: RefCell<HashMap<String, Reply>>,
    /// The URLs that were fetched, with the entity tag that was sent.
    pub fetches: RefCell<Vec<(String, Option<String>)>>,
    /// When, in milliseconds since 1970.
    pub fetch_times: RefCell<Vec<u64>>,
    /// How many fetches wait for their answer, and how many did at most.
    pub open_fetches: Cell<(usize, usize)>,
    pub store_reads: Cell<usize>,
    /// The store of policies.
    pub policies: RefCell<HashMap<String, String>>,
    pub policies_reply_ms: Cell<u64>,
    pub policies_fail: Cell<bool>,
    pub policy_reads: Cell<usize>,
    pub lists: Lists,
    /// The body of every request.
    pub body: RefCell<Vec<u8>>,
    pub log: RefCell<Vec<String>>,
    /// Of tokens; the gate's own keys show themselves by other ones.
    pub verifications: Cell<usize>,
    pub secrets: RefCell<HashMap<String, String>>,
    /// Of assertions.
    pub signatures: Cell<usize>,
    pub signature_ms: Cell<u64>,
    pub signing_fails: Cell<bool>,
    pub has_room: Cell<bool>,
    /// Gives random numbers; nothing but 0 where there is none.
    pub randomness: RefCell<Option<Box<dyn FnMut() -> u32>>>,
    /// Whether every signature holds: to count what the gate costs, not what RustCrypto does.
    pub trusts: Cell<bool>,
}

/// What all share, and by how many milliseconds the isolate's clock is ahead of the time, or behind it.
#[derive(Clone)]
pub struct Platform(pub Rc<Shared>, Rc<Cell<i64>>);

/// An isolate: its memory, and its clock.
#[derive(Clone)]
pub struct Site {
    gateway: Rc<Gateway<Platform>>,
    ahead_ms: Rc<Cell<i64>>,
}

impl Site {
    /// Sets by how many seconds the clock is ahead of the time, or behind it.
    pub fn set_ahead(&self, seconds: i64) {
        self.ahead_ms.set(seconds * 1000);
    }
}

/// A world, and the isolate in it that requests come to; `restart` starts another that shares all the rest.
pub struct World {
    pool: LocalPool,
    pub shared: Rc<Shared>,
    site: Site,
    max_tokens: usize,
}

impl World {
    pub fn new(policy: &str) -> Self {
        Self::remembering(policy, usize::MAX)
    }

    /// One whose isolates keep no more than so many verified tokens.
    pub fn remembering(policy: &str, max_tokens: usize) -> Self {
        let pool = LocalPool::new();
        let shared = Rc::new(Shared {
            now_ms: Cell::new(NOW * 1000),
            sleepers: RefCell::default(),
            sleeps: Cell::new(0),
            spawner: pool.spawner(),
            store: RefCell::default(),
            store_reply_ms: Cell::new(0),
            store_fails: Cell::new(false),
            web: RefCell::default(),
            fetches: RefCell::default(),
            fetch_times: RefCell::default(),
            open_fetches: Cell::default(),
            store_reads: Cell::new(0),
            policies: RefCell::default(),
            policies_reply_ms: Cell::new(0),
            policies_fail: Cell::new(false),
            policy_reads: Cell::new(0),
            lists: Lists { page: Cell::new(1000), ..Lists::default() },
            body: RefCell::default(),
            log: RefCell::default(),
            verifications: Cell::new(0),
            secrets: RefCell::default(),
            signatures: Cell::new(0),
            signature_ms: Cell::new(0),
            signing_fails: Cell::new(false),
            has_room: Cell::new(true),
            randomness: RefCell::default(),
            trusts: Cell::new(false),
        });
        let site = Site { gateway: Rc::new(Gateway::new(read(policy))), ahead_ms: Rc::default() };
        let mut world = Self { pool, shared, site, max_tokens };
        world.restart(policy);
        world
    }

    /// A fresh isolate: memory is lost, all else stays.
    pub fn restart(&mut self, policy: &str) {
        let tokens = VerifiedTokens::bounded(self.max_tokens, usize::MAX);
        let gateway = Rc::new(Gateway::with(read(policy), tokens));
        self.site.gateway = Rc::clone(&gateway);
        let platform = self.platform();
        self.run(async move { gateway.keyring().check_static_keys(&platform).await }).unwrap();
    }

    /// A fresh isolate beside the others, with a clock of its own that is right. It is the one that requests come to now.
    pub fn start_beside(&mut self, policy: &str) {
        self.site.ahead_ms = Rc::default();
        self.restart(policy);
    }

    /// The isolate that requests come to.
    pub fn site(&self) -> Site {
        self.site.clone()
    }

    /// Lets requests come to another isolate.
    pub fn go_to(&mut self, site: &Site) {
        self.site = site.clone();
    }

    /// Sets the clock of the isolate that requests come to. See [`Site::set_ahead`].
    pub fn set_ahead(&self, seconds: i64) {
        self.site.set_ahead(seconds);
    }

    /// Another policy in the same isolate.
    pub fn succeed(&mut self, policy: &str) {
        let gateway = Rc::new(self.site.gateway.succeeded_by(read(policy)));
        let platform = self.platform();
        self.site.gateway = Rc::clone(&gateway);
        self.run(async move { gateway.keyring().check_static_keys(&platform).await }).unwrap();
    }

    pub fn platform(&self) -> Platform {
        Platform(Rc::clone(&self.shared), Rc::clone(&self.site.ahead_ms))
    }

    /// The time, whatever the clocks say, in seconds since 1970.
    pub fn time(&self) -> u64 {
        self.time_ms() / 1000
    }

    pub fn time_ms(&self) -> u64 {
        self.shared.now_ms.get()
    }

    pub fn answer_at(&self, url: &str, after_ms: u64, result: Result<Fetched, Fault>) {
        self.shared.web.borrow_mut().insert(url.to_owned(), Reply { after_ms, result });
    }

    pub fn document_at(&self, url: &str, body: &str, etag: Option<&str>) {
        self.cached_document_at(url, body, etag, None);
    }

    pub fn cached_document_at(&self, url: &str, body: &str, etag: Option<&str>, cache_control: Option<&str>) {
        let (etag, cache_control) = (etag.map(str::to_owned), cache_control.map(str::to_owned));
        self.answer_at(url, 5, Ok(Fetched::Document { body: body.to_owned(), etag, cache_control }));
    }

    pub fn fails_at(&self, url: &str, after_ms: u64) {
        self.answer_at(url, after_ms, Err(Fault("down".to_owned())));
    }

    pub fn fetches(&self) -> usize {
        self.shared.fetches.borrow().len()
    }

    /// The gateway of the isolate that requests come to.
    pub fn gateway(&self) -> &Gateway<Platform> {
        &self.site.gateway
    }

    /// How many bytes the gateway says that it keeps of verified tokens.
    pub fn kept_bytes(&self) -> usize {
        self.site.gateway.verified_size().1
    }

    /// Sets the time, which may go back.
    pub fn set_clock(&self, now: u64) {
        self.shared.now_ms.set(now * 1000);
    }

    pub fn pass(&mut self, seconds: u64) {
        let platform = self.platform();
        self.run(async move { platform.sleep(u32::try_from(seconds * 1000).unwrap()).await });
        self.settle();
    }

    /// Runs what was left to be done after responses.
    pub fn settle(&mut self) {
        loop {
            self.pool.run_until_stalled();
            if !self.shared.wake_next() {
                return;
            }
        }
    }

    /// Runs a future to its end; time passes where everything sleeps.
    pub fn run<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> T {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        let task = async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        };
        self.pool.spawner().spawn_local(task).unwrap();
        loop {
            self.pool.run_until_stalled();
            if let Some(value) = result.borrow_mut().take() {
                return value;
            }
            assert!(self.shared.wake_next(), "nothing can go on: a request hangs");
        }
    }

    pub fn refresh_all(&mut self) {
        let (gateway, platform) = (Rc::clone(&self.site.gateway), self.platform());
        self.run(async move { gateway.keyring().refresh_all(&platform).await });
    }

    /// A request with a bearer token.
    pub fn get(&mut self, path: &str, token: &str) -> Decision<'static> {
        self.request("GET", &format!("https://api.example.com{path}"), &[("authorization", &format!("Bearer {token}"))])
    }

    pub fn request(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> Decision<'static> {
        let decision = self.start(method, url, headers);
        self.run(decision)
    }

    /// A request, and the answer as JavaScript gets it.
    pub fn written(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> String {
        let decision =
            self.start_with(method, url, headers, |decision, context, _| wire::write(&decision, context, None));
        self.run(decision)
    }

    /// A request that has not been run yet, to run several side by side.
    pub fn start(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> impl Future<Output = Decision<'static>> + use<> {
        self.start_with(method, url, headers, owned)
    }

    fn start_with<T: 'static, F>(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        take: F,
    ) -> impl Future<Output = T> + use<T, F>
    where
        F: FnOnce(Decision<'_>, &AnswerContext<'_>, Option<&Report<'_>>) -> T + 'static,
    {
        let (gateway, platform) = (Rc::clone(&self.site.gateway), self.platform());
        let (method, url) = (method.to_owned(), url.to_owned());
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        async move {
            // As the edge does: what is not asked for stays outside.
            let asked: Vec<&str> = gateway.needed_headers().collect();
            let sent = |name: &str, value| if asked.contains(&name) { value } else { "" };
            let headers = headers.iter().map(|(name, value)| (name.as_str(), sent(name, value.as_str()))).collect();
            let request = Request { method: &method, url: Url::split(&url), headers };
            gateway.decide(&request, &platform, take).await
        }
    }
}

fn owned(decision: Decision<'_>, _: &AnswerContext<'_>, _: Option<&Report<'_>>) -> Decision<'static> {
    decision.into_owned()
}

impl Shared {
    /// Moves the clock to the next deadline; false if no one sleeps.
    fn wake_next(&self) -> bool {
        let Some(next) = self.sleepers.borrow().iter().map(|(_, at, _)| *at).min() else {
            return false;
        };
        self.now_ms.set(next.max(self.now_ms.get()));
        let due = |(_, at, _): &(u64, u64, Waker)| *at <= next;
        let woken: Vec<_> =
            self.sleepers.borrow().iter().filter(|sleeper| due(sleeper)).map(|(_, _, waker)| waker.clone()).collect();
        self.sleepers.borrow_mut().retain(|sleeper| !due(sleeper));
        woken.into_iter().for_each(Waker::wake);
        true
    }

    async fn wait_ms(&self, milliseconds: u64) {
        let deadline = self.now_ms.get() + milliseconds;
        self.sleeps.set(self.sleeps.get() + 1);
        let sleeper = Sleeper { id: self.sleeps.get(), shared: self };
        poll_fn(|context| {
            if milliseconds == 0 || self.now_ms.get() >= deadline {
                return Poll::Ready(());
            }
            sleeper.leave();
            self.sleepers.borrow_mut().push((sleeper.id, deadline, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// One who sleeps, until it is dropped: a timer that nobody waits for does not move the clock.
struct Sleeper<'s> {
    id: u64,
    shared: &'s Shared,
}

impl Sleeper<'_> {
    fn leave(&self) {
        self.shared.sleepers.borrow_mut().retain(|(id, _, _)| *id != self.id);
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Crypto for Platform {
    type Key = NativeKey;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<NativeKey> {
        NativeCrypto.import(key, algorithm).await
    }

    async fn verify(&self, key: &NativeKey, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        self.0.verifications.set(self.0.verifications.get() + usize::from(signed.contains(&b'.')));
        self.0.trusts.get() || NativeCrypto.verify(key, algorithm, signature, signed).await
    }
}

impl Signing for Platform {
    type SigningKey = EncodingKey;

    async fn import_private(&self, key: &PrivateKey) -> Option<EncodingKey> {
        NativeCrypto.import_private(key).await
    }

    async fn sign(&self, key: &EncodingKey, algorithm: Algorithm, signed: &[u8]) -> Option<Vec<u8>> {
        self.0.signatures.set(self.0.signatures.get() + usize::from(signed.contains(&b'.')));
        self.0.wait_ms(self.0.signature_ms.get()).await;
        if self.0.signing_fails.get() {
            return None;
        }
        NativeCrypto.sign(key, algorithm, signed).await
    }
}

impl Secrets for Platform {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.secrets.borrow().get(name).cloned()
    }
}

impl Store for Platform {
    async fn read(&self, key: &str) -> Result<Option<Stored>, Fault> {
        self.0.store_reads.set(self.0.store_reads.get() + 1);
        self.0.wait_ms(self.0.store_reply_ms.get()).await;
        if self.0.store_fails.get() {
            return Err(Fault("the store is down".to_owned()));
        }
        Ok(self.0.store.borrow().get(key).cloned())
    }

    async fn write(&self, key: &str, stored: Stored) -> Result<(), Fault> {
        self.0.wait_ms(self.0.store_reply_ms.get()).await;
        if self.0.store_fails.get() {
            return Err(Fault("the store is down".to_owned()));
        }
        self.0.store.borrow_mut().insert(key.to_owned(), stored);
        Ok(())
    }
}

impl PolicyStore for Platform {
    async fn read_policy(&self, key: &str) -> Result<Option<String>, Fault> {
        self.0.policy_reads.set(self.0.policy_reads.get() + 1);
        // What comes late is as old as the question.
        let found = self.0.policies.borrow().get(key).cloned();
        self.0.wait_ms(self.0.policies_reply_ms.get()).await;
        if self.0.policies_fail.get() { Err(Fault("the store of policies is down".to_owned())) } else { Ok(found) }
    }

    async fn write_policy(&self, key: &str, text: &str) -> Result<(), Fault> {
        self.0.wait_ms(self.0.policies_reply_ms.get()).await;
        if self.0.policies_fail.get() {
            return Err(Fault("the store of policies is down".to_owned()));
        }
        self.0.policies.borrow_mut().insert(key.to_owned(), text.to_owned());
        Ok(())
    }
}

impl RevocationLists for Platform {
    fn has_list(&self, _: &str, _: bool) -> bool {
        !self.0.lists.is_unbound.get()
    }

    async fn use_list(&self, _: &str, step: ListStep<'_>) -> Result<Option<String>, Fault> {
        let lists = &self.0.lists;
        // What is told is as old as the question.
        let answer = match step {
            ListStep::Ask(question) => {
                lists.questions.borrow_mut().push(question.to_owned());
                (!lists.fails.get())
                    .then(|| lists.object.borrow_mut().answer(question, lists.page.get(), self.0.now_ms.get() / 1000))
            }
            ListStep::Read => lists.kv.borrow().clone(),
            ListStep::Write(list) => lists.kv.borrow_mut().replace(list.to_owned()),
        };
        self.0.wait_ms(lists.reply_ms.get()).await;
        if lists.fails.get() {
            return Err(Fault("the store is down".to_owned()));
        }
        Ok(lists.garbage.borrow().clone().or(answer))
    }
}

impl RequestBody for Platform {
    async fn body(&self, max_bytes: usize) -> Result<Vec<u8>, BodyFault> {
        let body = self.0.body.borrow().clone();
        if body.len() > max_bytes { Err(BodyFault::TooLarge) } else { Ok(body) }
    }
}

impl Fetch for Platform {
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault> {
        self.0.fetches.borrow_mut().push((request.url.to_owned(), request.etag.map(str::to_owned)));
        self.0.fetch_times.borrow_mut().push(self.0.now_ms.get());
        let reply = self.0.web.borrow().get(request.url).cloned();
        let Some(Reply { after_ms, result }) = reply else {
            return Err(Fault("no such document".to_owned()));
        };
        let (open, most) = self.0.open_fetches.get();
        self.0.open_fetches.set((open + 1, most.max(open + 1)));
        self.0.wait_ms(after_ms.min(request.timeout_ms.into())).await;
        let (open, most) = self.0.open_fetches.get();
        self.0.open_fetches.set((open - 1, most));
        if after_ms > request.timeout_ms.into() { Err(Fault("timeout".to_owned())) } else { result }
    }
}

impl Observer for Platform {}

impl Runtime for Platform {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.now_ms.get().saturating_add_signed(self.1.get()))
    }

    fn random(&self) -> u32 {
        self.0.randomness.borrow_mut().as_mut().map_or(0, |draws| draws())
    }

    async fn sleep(&self, milliseconds: u32) {
        self.0.wait_ms(milliseconds.into()).await;
    }

    fn has_room_to_wait(&self) -> bool {
        self.0.has_room.get()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.spawner.spawn_local(task).unwrap();
    }

    fn log(&self, line: &str) {
        self.0.log.borrow_mut().push(line.to_owned());
    }
}
