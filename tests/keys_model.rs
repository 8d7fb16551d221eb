//! Keys under random histories: requests, time, rotations, outages, bad answers, lost memory and a lost store, in any
//! order. A small model says what must hold after each step.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::collections::HashMap;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::json;
use support::issuer::{JWKS, METADATA, keys_are_at};
use support::token::key_set;
use support::{ISSUER, NOW, Token, World, outcome};

const KEYS: [&str; 3] = ["ed", "ed2", "ed3"];
const TTL: u64 = 600;
const MAX_STALE: u64 = 5000;
const COOLDOWN: u64 = 30;

#[derive(Clone, Debug)]
enum Event {
    /// A request with a token of this key.
    Request(usize),
    /// A request with a token of a key that never was.
    RandomKid,
    /// Seconds pass.
    Pass(u64),
    /// The issuer publishes these keys.
    Rotate([bool; 3]),
    /// The issuer is down, or up again.
    Outage(bool),
    /// The issuer answers something that is no key set.
    BadAnswer,
    /// The isolate is gone; another starts.
    Restart,
    /// The store has lost everything.
    LoseStore,
    /// The cron.
    Scheduled,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..KEYS.len()).prop_map(Event::Request),
        3 => Just(Event::RandomKid),
        3 => prop_oneof![0..40_u64, 0..900_u64, 0..7000_u64].prop_map(Event::Pass),
        2 => any::<[bool; 3]>().prop_filter("a set has keys", |keys| keys.contains(&true)).prop_map(Event::Rotate),
        1 => any::<bool>().prop_map(Event::Outage),
        1 => Just(Event::BadAnswer),
        1 => Just(Event::Restart),
        1 => Just(Event::LoseStore),
        1 => Just(Event::Scheduled),
    ]
}

/// What the issuer does, and what anyone can know of its keys.
struct Model {
    world: World,
    tokens: HashMap<&'static str, String>,
    published: [bool; 3],
    is_down: bool,
    is_bad: bool,
    /// The last good set that was fetched, and when.
    seen: Option<([bool; 3], u64)>,
    /// The same, as far as the isolate has it.
    memory: Option<([bool; 3], u64)>,
    /// The same, as far as the store has it.
    stored: Option<([bool; 3], u64)>,
    /// When an isolate started or the cron ran: what allows further fetches.
    starts: usize,
    elapsed: u64,
}

fn policy() -> String {
    format!(
        r#"{{"version":1,"origin":"https://o","issuers":{{"logto":{{"issuer":"{ISSUER}",
            "jwks_ttl":{TTL},"jwks_max_stale":{MAX_STALE},"jwks_cooldown":{COOLDOWN}}}}},
            "routes":[{{"path":"/","audience":"*"}}]}}"#
    )
}

impl Model {
    fn new() -> Self {
        let sign = |key: &'static str| {
            let token = Token::default().claim("exp", json!(NOW * 2)).signed_with(key, "EdDSA");
            (key, token.sign())
        };
        let mut model = Self {
            world: World::new(&policy()),
            tokens: KEYS.into_iter().map(sign).collect(),
            published: [true, false, false],
            is_down: false,
            is_bad: false,
            seen: None,
            memory: None,
            stored: None,
            starts: 1,
            elapsed: 0,
        };
        model.publish();
        model
    }

    fn publish(&mut self) {
        let keys: Vec<_> = KEYS.into_iter().zip(self.published).filter(|(_, is)| *is).map(|(key, _)| key).collect();
        keys_are_at(&self.world, JWKS);
        self.world.document_at(JWKS, &key_set(&keys), None);
        if self.is_bad {
            self.world.document_at(JWKS, "<html>", None);
        }
        if self.is_down {
            self.world.fails_at(METADATA, 100);
        }
    }

    fn now(&self) -> u64 {
        use portcullis::platform::Runtime;
        self.world.platform().now().0
    }

    /// Runs a step and takes note of the good sets that were fetched in it.
    fn step(&mut self, event: &Event) {
        let (fetched, before) = (self.key_fetches(), self.now());
        match event {
            Event::Request(key) => self.request(KEYS[*key], *key),
            Event::RandomKid => {
                let token = Token::default().claim("exp", json!(NOW * 2)).signed_with("ed", "EdDSA");
                let answer = outcome(&self.world.get("/", &token.header("kid", json!("random")).sign()));
                assert_ne!(answer, "allow");
            }
            Event::Pass(seconds) => self.world.pass(*seconds),
            Event::Rotate(keys) => self.published = *keys,
            Event::Outage(is_down) => self.is_down = *is_down,
            Event::BadAnswer => self.is_bad = !self.is_bad,
            Event::Restart => {
                self.world.restart(&policy());
                self.starts += 1;
                self.memory = None;
            }
            Event::LoseStore => {
                self.world.shared.store.borrow_mut().clear();
                self.stored = None;
            }
            Event::Scheduled => {
                self.world.refresh_all();
                self.starts += 1;
            }
        }
        self.world.settle();
        self.note_fetches(fetched);
        self.elapsed += self.now() - before;
        self.publish();
    }

    fn note_fetches(&mut self, before: usize) {
        if self.key_fetches() > before && !self.is_down && !self.is_bad {
            self.seen = Some((self.published, self.now()));
            (self.memory, self.stored) = (self.seen, self.seen);
        }
    }

    fn key_fetches(&self) -> usize {
        self.world.shared.fetches.borrow().iter().filter(|(url, _)| url == JWKS).count()
    }

    fn request(&mut self, name: &'static str, key: usize) {
        let fetched = self.key_fetches();
        let now = self.now();
        let held = self.memory.or(self.stored);
        let answer = outcome(&self.world.get("/", &self.tokens[name].clone()));
        self.memory = held;
        self.note_fetches(fetched);
        let is_allowed = answer == "allow";
        if is_allowed {
            let (keys, _) = self.seen.expect("no token is good before a set was seen");
            let was_held = held.is_some_and(|(keys, _)| keys[key]);
            assert!(keys[key] || was_held, "a key that was withdrawn, and its withdrawal seen");
        }
        if let Some((keys, at)) = held
            && keys[key]
            && now - at + 60 < MAX_STALE
        {
            assert!(is_allowed, "a known key within jwks_max_stale was refused: {answer}");
        }
        let is_fresh_kid =
            !held.is_some_and(|(keys, _)| keys[key]) && self.published[key] && !self.is_down && !self.is_bad;
        if is_fresh_kid && self.key_fetches() > fetched {
            assert!(is_allowed, "a fetch brought the key, and the token was refused all the same: {answer}");
        }
        assert!(
            ["allow", "401 auth.invalid_token", "503 gate.keys_unavailable"].contains(&answer.as_str()),
            "{answer}"
        );
        if answer.starts_with("503") {
            assert!(held.is_none_or(|(_, at)| now - at + 60 >= MAX_STALE), "there is a set: {answer}");
        }
    }

    /// One fetch per cooldown and one per ttl, and for each start one that fails and one that is its retry.
    fn most_fetches(&self) -> usize {
        let per = |seconds: u64| usize::try_from(self.elapsed / seconds + 1).unwrap();
        per(COOLDOWN) + per(TTL) + 2 * self.starts
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_over_any_history(events in proptest::collection::vec(event(), 1..60)) {
        let mut model = Model::new();
        for event in &events {
            model.step(event);
            let fetches = model.world.shared.fetches.borrow().iter().filter(|(url, _)| url == METADATA).count();
            assert!(fetches <= model.most_fetches(), "{fetches} fetches in {} s", model.elapsed);
        }
    }
}
