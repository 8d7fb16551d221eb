//! Keys under random histories of isolates whose clocks differ by hours and jump back and forth, while the issuer rotates
//! its keys and is down now and then. A small model says what must hold after each step, in true time.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::{Value, json};
use support::issuer::{INVALID, JWKS, METADATA, UNAVAILABLE, keys_are_at};
use support::token::key_set;
use support::world::Site;
use support::{ISSUER, NOW, Token, World, outcome};

const KEYS: [&str; 3] = ["ed", "ed2", "ed3"];
const SITES: usize = 3;
const HOUR: i64 = 3600;
const TTL: u64 = 600;
const COOLDOWN: u64 = 30;

/// By how much the clocks of isolates may differ before their dates are in doubt.
const SKEW: u64 = 60;

/// What fetches take, and whole seconds.
const SLACK: u64 = 5;

/// After this long without a trigger no cooldown holds, whoever began it.
const CALM: u64 = COOLDOWN + SKEW + SLACK;

#[derive(Clone, Debug)]
enum Event {
    /// A request at this isolate with a token of this key.
    Request(usize, usize),
    /// One with a token of a key that never was.
    RandomKid(usize),
    /// Seconds pass.
    Pass(u64),
    /// The issuer publishes these keys.
    Rotate([bool; 3]),
    /// The issuer is down, or up again.
    Outage(bool),
    /// The isolate is gone; another starts, on the same machine.
    Restart(usize),
    /// The store has lost everything.
    LoseStore,
    /// The cron, at this isolate.
    Scheduled(usize),
    /// The clock of this isolate is set so many seconds ahead, or behind.
    Jump(usize, i64),
}

fn event() -> impl Strategy<Value = Event> {
    let site = || 0..SITES;
    prop_oneof![
        12 => (site(), 0..KEYS.len()).prop_map(|(site, key)| Event::Request(site, key)),
        2 => site().prop_map(Event::RandomKid),
        5 => prop_oneof![0..40_u64, 80..200_u64, 0..900_u64, 0..5000_u64].prop_map(Event::Pass),
        3 => any::<[bool; 3]>().prop_filter("a set has keys", |keys| keys.contains(&true)).prop_map(Event::Rotate),
        1 => any::<bool>().prop_map(Event::Outage),
        1 => site().prop_map(Event::Restart),
        1 => Just(Event::LoseStore),
        1 => site().prop_map(Event::Scheduled),
        4 => (site(), prop_oneof![Just(0), -60..=60_i64, -HOUR..=HOUR]).prop_map(|(site, ahead)| Event::Jump(site, ahead)),
    ]
}

/// A set that was fetched: its keys, when, and how far ahead the clock of who fetched it was.
struct Fetched {
    keys: [bool; 3],
    at: u64,
    ahead: i64,
}

/// Whether a question began no cooldown that still holds, by a clock that is so much ahead of the clock of who asked.
fn holds_nobody_up(at: u64, ahead: i64, now: u64) -> bool {
    let age = i64::try_from(now - at).unwrap() + ahead;
    !(-i64::try_from(SKEW + SLACK).unwrap()..=i64::try_from(COOLDOWN + SLACK).unwrap()).contains(&age)
}

/// What is known of an isolate.
struct Isolate {
    site: Site,
    ahead: i64,
    /// When its clock was set last, and when a request found it so.
    jumped_at: Option<u64>,
    has_seen_jump_at: Option<u64>,
    /// It has a key set.
    has_set: bool,
    /// It decides by none that was fetched before this one.
    floor: usize,
    /// The last request that could have had the set refreshed.
    asked_at: Option<u64>,
}

struct Model {
    world: World,
    isolates: Vec<Isolate>,
    tokens: Vec<String>,
    random: String,
    published: [bool; 3],
    is_down: bool,
    healthy_since: u64,
    /// All good sets that were fetched, in their order.
    fetched: Vec<Fetched>,
    /// The one in the store.
    stored: Option<usize>,
    /// When the issuer was asked, and how far ahead the clock of who asked was.
    questions: Vec<(u64, i64)>,
    most_fetches: u64,
}

fn policy() -> String {
    format!(
        r#"{{"version":1,"origin":"https://o","issuers":{{"logto":{{"issuer":"{ISSUER}",
            "jwks_ttl":{TTL},"jwks_max_stale":10000000,"jwks_cooldown":{COOLDOWN}}}}},
            "routes":[{{"path":"/","audience":"*"}}]}}"#
    )
}

impl Model {
    fn new() -> Self {
        let token = |key| {
            let token = Token::default().claim("iat", Value::Null).claim("exp", json!(NOW * 2));
            token.signed_with(key, "EdDSA")
        };
        let mut world = World::new(&policy());
        let isolate = |site| Isolate {
            site,
            ahead: 0,
            jumped_at: None,
            has_seen_jump_at: None,
            has_set: false,
            floor: 0,
            asked_at: None,
        };
        let isolates = (0..SITES).map(|_| {
            world.start_beside(&policy());
            isolate(world.site())
        });
        let isolates = isolates.collect();
        let model = Self {
            world,
            isolates,
            tokens: KEYS.map(|key| token(key).sign()).into(),
            random: token("ed").header("kid", json!("random")).sign(),
            published: [true, false, false],
            is_down: false,
            healthy_since: 0,
            fetched: Vec::new(),
            stored: None,
            questions: Vec::new(),
            most_fetches: 0,
        };
        model.publish();
        model
    }

    fn publish(&self) {
        let keys: Vec<_> = KEYS.into_iter().zip(self.published).filter(|(_, is)| *is).map(|(key, _)| key).collect();
        keys_are_at(&self.world, JWKS);
        self.world.document_at(JWKS, &key_set(&keys), None);
        if self.is_down {
            self.world.fails_at(METADATA, 100);
        }
    }

    fn step(&mut self, event: &Event) {
        match *event {
            Event::Request(site, key) => self.request(site, Some(key)),
            Event::RandomKid(site) => self.request(site, None),
            Event::Pass(seconds) => {
                self.world.pass(seconds);
                self.most_fetches += SITES as u64 * (seconds / COOLDOWN + seconds / TTL + 2);
            }
            Event::Rotate(keys) => self.published = keys,
            Event::Outage(is_down) => {
                if self.is_down && !is_down {
                    self.healthy_since = self.world.time();
                }
                self.is_down = is_down;
            }
            Event::Restart(site) => {
                self.world.go_to(&self.isolates[site].site);
                self.world.restart(&policy());
                let floor = self.stored.unwrap_or(self.fetched.len());
                let isolate = &mut self.isolates[site];
                (isolate.site, isolate.floor) = (self.world.site(), floor);
                (isolate.has_set, isolate.asked_at) = (false, None);
                self.most_fetches += 2;
            }
            Event::LoseStore => {
                self.world.shared.store.borrow_mut().clear();
                self.stored = None;
                self.most_fetches += 1;
            }
            Event::Scheduled(site) => {
                let before = self.key_fetches();
                self.world.go_to(&self.isolates[site].site);
                self.world.refresh_all();
                self.note_fetches(site, before);
                self.most_fetches += 1;
            }
            Event::Jump(site, ahead) => {
                let isolate = &mut self.isolates[site];
                isolate.site.set_ahead(ahead);
                (isolate.ahead, isolate.jumped_at) = (ahead, Some(self.world.time()));
                isolate.has_seen_jump_at = None;
                self.most_fetches += 2;
            }
        }
        self.publish();
        assert!(self.fetches(METADATA) as u64 <= self.most_fetches + 2 * SITES as u64, "{}", self.fetches(METADATA));
    }

    fn fetches(&self, url: &str) -> usize {
        self.world.shared.fetches.borrow().iter().filter(|(fetched, _)| fetched == url).count()
    }

    fn key_fetches(&self) -> usize {
        self.fetches(JWKS)
    }

    /// Takes note of the good sets that were fetched at this isolate.
    fn note_fetches(&mut self, site: usize, before: usize) {
        self.world.settle();
        if self.key_fetches() > before && !self.is_down {
            let isolate = &mut self.isolates[site];
            self.fetched.push(Fetched { keys: self.published, at: self.world.time(), ahead: isolate.ahead });
            (isolate.has_set, isolate.floor) = (true, self.fetched.len() - 1);
            self.stored = Some(isolate.floor);
        }
    }

    fn request(&mut self, site: usize, key: Option<usize>) {
        let (now, before, tries) = (self.world.time(), self.key_fetches(), self.fetches(METADATA));
        self.world.go_to(&self.isolates[site].site);
        let token = key.map_or(&self.random, |key| &self.tokens[key]).clone();
        let answer = outcome(&self.world.get("/", &token));
        let has_waited = self.key_fetches() > before;
        self.check(site, key, &answer, has_waited, now);
        self.note_fetches(site, before);

        if self.fetches(METADATA) > tries {
            self.questions.push((self.world.time(), self.isolates[site].ahead));
        }
        let now = self.world.time();
        let isolate = &mut self.isolates[site];
        isolate.has_seen_jump_at = isolate.has_seen_jump_at.or(isolate.jumped_at.map(|_| now));
        isolate.has_set |= answer != UNAVAILABLE;
        if !self.is_down && now >= self.healthy_since + 2 * CALM {
            isolate.asked_at = Some(now);
        }
    }

    fn check(&self, site: usize, key: Option<usize>, answer: &str, has_waited: bool, now: u64) {
        let isolate = &self.isolates[site];
        // Nothing keeps the isolate from asking the issuer, which answers.
        let may_ask = !self.is_down
            && now >= self.healthy_since + 2 * CALM
            && (isolate.jumped_at.is_none() || isolate.has_seen_jump_at.is_some_and(|at| now > at + CALM))
            && self.questions.iter().all(|(at, ahead)| holds_nobody_up(*at, isolate.ahead - ahead, now));
        assert!(["allow", INVALID, UNAVAILABLE].contains(&answer), "{answer}");
        assert!(answer != UNAVAILABLE || !isolate.has_set && !may_ask, "there is a set to be had");
        let Some(key) = key else {
            return assert_ne!(answer, "allow");
        };
        let is_allowed = answer == "allow";
        let is_brought = has_waited && !self.is_down && self.published[key];
        assert!(is_allowed || !is_brought, "a fetch brought the key, and the token was refused");

        let at_hand = || self.fetched.iter().skip(isolate.floor);
        let always_had = isolate.has_set && at_hand().all(|set| set.keys[key]);
        assert!(is_allowed || !always_had, "a known key was refused, whatever the clock and the issuer do");

        let is_new = may_ask && self.published[key];
        assert!(is_allowed || !is_new, "a new key was refused although nothing kept the isolate from asking");

        if is_allowed && !is_brought {
            assert!(at_hand().any(|set| set.keys[key]), "withdrawn, and the isolate had seen the withdrawal");
            assert!(
                at_hand().any(|set| set.keys[key] && set.at + SLACK >= self.oldest(isolate, set)),
                "withdrawn for longer than jwks_ttl"
            );
        }
    }

    /// When a set must have been fetched by which an isolate may still decide. Its last request saw to it that it is no
    /// older than the ttl by its clock, if that was not set since; by a clock that is behind, sets look younger.
    fn oldest(&self, isolate: &Isolate, set: &Fetched) -> u64 {
        let Some(asked_at) = isolate.asked_at else { return 0 };
        let since = asked_at.saturating_sub(TTL + SKEW + SLACK);
        if isolate.jumped_at.is_some_and(|at| at >= since) {
            return 0;
        }
        since.saturating_sub(u64::try_from(set.ahead - isolate.ahead).unwrap_or(0))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_by_whatever_clocks(events in proptest::collection::vec(event(), 1..80)) {
        let mut model = Model::new();
        for event in &events {
            model.step(event);
        }
    }
}
