//! Keys of a policy that is tried beside the one in force, over random histories: two worlds in which the same happens, in
//! one of which a candidate judges each request too. The policy in force decides and fetches the same in both, to the
//! millisecond, and the store has the same entries. The candidate never waits, never fetches keys of an issuer that both
//! have, and those of its own issuers at most once a cooldown.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::rc::Rc;

use futures_util::future::join_all;
use portcullis::decision::Decision;
use portcullis::gateway::Gateway;
use portcullis::platform::{Fetched, Runtime};
use portcullis::request::Request;
use portcullis::route::url::Url;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::{Value, json};
use support::issuer::{JWKS, METADATA};
use support::token::key_set;
use support::world::Platform;
use support::{ISSUER, NOW, Token, World, outcome, read};

const KEYS: [&str; 3] = ["ed", "ed2", "ed3"];
/// Stands for a key that never was.
const NO_KEY: usize = KEYS.len();
/// Both policies have the first one. Both name the second one, which has its keys elsewhere for the candidate. Only the
/// candidate has the third one.
const ISSUERS: [&str; 3] = [ISSUER, "https://second.example", "https://own.example"];
const SECOND_METADATA: &str = "https://second.example/.well-known/openid-configuration";
const SECOND_JWKS: &str = "https://second.example/jwks";
const ELSEWHERE: &str = "https://elsewhere.example/jwks";
const OWN_JWKS: &str = "https://own.example/jwks";
const OF_LIVE: [&str; 4] = [METADATA, JWKS, SECOND_METADATA, SECOND_JWKS];
/// Documents that only the candidate fetches, and its cooldowns there, in seconds.
const OF_CANDIDATE: [(&str, u64); 2] = [(ELSEWHERE, 45), (OWN_JWKS, 20)];

#[derive(Clone, Debug)]
enum Event {
    /// Requests: after how many milliseconds, of which issuer, with which key.
    Requests(Vec<(u32, usize, usize)>),
    Pass(u64),
    /// An issuer publishes these keys.
    Rotate(usize, [bool; 3]),
    /// An issuer answers after so many milliseconds.
    Slow(usize, u64),
    /// An issuer is down, or up again.
    Down(usize, bool),
    /// The isolate is gone; another starts.
    Restart,
    /// Another candidate.
    Candidate(usize),
    /// Another policy is in force.
    Live(usize),
    /// The clock is set so many seconds ahead, or behind.
    Jump(i64),
    Scheduled,
}

fn event() -> impl Strategy<Value = Event> {
    let of_request = (prop_oneof![Just(0), 0..9000_u32], prop_oneof![Just(0), 0..ISSUERS.len()], 0..=NO_KEY);
    let requests = proptest::collection::vec(of_request, 1..12);
    let issuer = 0..ISSUERS.len();
    let keys = any::<[bool; 3]>().prop_filter("a set has keys", |keys| keys.contains(&true));
    prop_oneof![
        10 => requests.prop_map(Event::Requests),
        4 => prop_oneof![0..40_u64, 300..900_u64, 0..7000_u64].prop_map(Event::Pass),
        2 => (issuer.clone(), keys).prop_map(|(issuer, keys)| Event::Rotate(issuer, keys)),
        3 => (issuer.clone(), prop_oneof![Just(5), 1500..4900_u64, 0..8000_u64]).prop_map(|(issuer, after)| Event::Slow(issuer, after)),
        1 => (issuer, any::<bool>()).prop_map(|(issuer, is_down)| Event::Down(issuer, is_down)),
        1 => Just(Event::Restart),
        2 => (0..3_usize).prop_map(Event::Candidate),
        1 => (0..2_usize).prop_map(Event::Live),
        1 => (-4000..4000_i64).prop_map(Event::Jump),
        1 => Just(Event::Scheduled),
    ]
}

fn policy(issuers: &Value) -> String {
    json!({"version": 1, "origin": "https://o", "issuers": issuers, "routes": [{"path": "/", "audience": "*"}]})
        .to_string()
}

fn live(number: usize) -> String {
    let ttl = [600, 300][number];
    policy(&json!({
        "first": {"issuer": ISSUERS[0], "jwks_ttl": ttl, "jwks_max_stale": 5000, "jwks_cooldown": 30},
        "second": {"issuer": ISSUERS[1], "jwks_ttl": 400, "jwks_cooldown": 60},
    }))
}

/// Candidates treat the shared issuer otherwise than the policy in force, which must not show.
fn candidate(number: usize) -> String {
    let (timeout, ttl, max_stale, cooldown) =
        [(100, 1, 1, 0), (60_000, 86_400, 604_800, 900), (1000, 50, 5000, 1)][number];
    let [(_, moved_cooldown), (_, own_cooldown)] = OF_CANDIDATE;
    policy(&json!({
        "shared": {"issuer": ISSUERS[0], "jwks_ttl": ttl, "jwks_max_stale": max_stale, "jwks_cooldown": cooldown,
            "timeout_ms": timeout},
        "moved": {"issuer": ISSUERS[1], "jwks_uri": ELSEWHERE, "jwks_ttl": 10, "jwks_cooldown": moved_cooldown},
        "own": {"issuer": ISSUERS[2], "jwks_uri": OWN_JWKS, "jwks_ttl": 5, "jwks_cooldown": own_cooldown},
    }))
}

/// A world, and the candidate in it, if it has one.
struct Half {
    world: World,
    candidate: Option<(usize, Rc<Gateway<Platform>>)>,
}

impl Half {
    fn new(has_candidate: bool) -> Self {
        let mut half = Self { world: World::new(&live(0)), candidate: None };
        if has_candidate {
            half.try_policy(0, None);
        }
        half
    }

    fn try_policy(&mut self, number: usize, former: Option<Rc<Gateway<Platform>>>) {
        let former = former.as_ref().map(|former| former.keyring().as_ref());
        let gateway = self.world.gateway().tried_with(read(&candidate(number)), former);
        self.candidate = Some((number, Rc::new(gateway)));
    }

    fn requests(&mut self, tokens: &[Vec<String>], requests: &[(u32, usize, usize)]) -> Vec<String> {
        let each = |(delay, issuer, key): &(u32, usize, usize)| {
            let token = format!("Bearer {}", tokens[*issuer][*key]);
            let decision = self.world.start("GET", "https://api.example.com/", &[("authorization", &token)]);
            let (platform, delay) = (self.world.platform(), *delay);
            let candidate = self.candidate.as_ref().map(|(_, gateway)| Rc::clone(gateway));
            async move {
                platform.sleep(delay).await;
                let live = outcome(&decision.await);
                if let Some(gateway) = candidate {
                    judge(&gateway, &token, &platform).await;
                }
                live
            }
        };
        let all: Vec<_> = requests.iter().map(each).collect();
        self.world.run(join_all(all))
    }

    fn apply(&mut self, event: &Event, tokens: &[Vec<String>]) -> Vec<String> {
        let mut answers = Vec::new();
        match event {
            Event::Requests(requests) => answers = self.requests(tokens, requests),
            Event::Pass(seconds) => self.world.pass(*seconds),
            Event::Restart => {
                self.world.restart(&live(0));
                if let Some((number, _)) = self.candidate.take() {
                    self.try_policy(number, None);
                }
            }
            Event::Candidate(number) => {
                if let Some((_, former)) = self.candidate.take() {
                    self.try_policy(*number, Some(former));
                }
            }
            Event::Live(number) => {
                self.world.succeed(&live(*number));
                if let Some((number, former)) = self.candidate.take() {
                    self.try_policy(number, Some(former));
                }
            }
            Event::Jump(seconds) => self.world.set_ahead(*seconds),
            Event::Scheduled => self.world.refresh_all(),
            Event::Rotate(..) | Event::Slow(..) | Event::Down(..) => {}
        }
        self.world.settle();
        answers
    }

    fn fetches_of(&self, urls: &[&str]) -> Vec<(String, Option<String>, u64)> {
        let (fetches, times) = (self.world.shared.fetches.borrow(), self.world.shared.fetch_times.borrow());
        let each = fetches.iter().zip(times.iter()).map(|((url, etag), at)| (url.clone(), etag.clone(), *at));
        each.filter(|(url, ..)| urls.contains(&url.as_str())).collect()
    }

    fn sleep_until(&mut self, time_ms: u64) {
        let left = u32::try_from(time_ms - self.world.time_ms()).unwrap();
        let platform = self.world.platform();
        self.world.run(async move { platform.sleep(left).await });
    }
}

async fn judge(gateway: &Gateway<Platform>, token: &str, platform: &Platform) {
    let headers = vec![("authorization", token)];
    let request = Request { method: "GET", url: Url::split("https://api.example.com/"), headers };
    let before = platform.now();
    let (answer, has_grant) = gateway
        .decide(&request, platform, |decision, _, _| {
            let has_grant = matches!(&decision, Decision::Allow(forward) if forward.grant.is_some());
            (outcome(&decision), has_grant)
        })
        .await;
    assert_eq!(platform.now(), before, "a candidate waits for nothing");
    assert!(["allow", "401 auth.invalid_token", "503 gate.keys_unavailable"].contains(&answer.as_str()), "{answer}");
    assert!(!has_grant, "it decides on each request");
}

struct Model {
    with: Half,
    without: Half,
    tokens: Vec<Vec<String>>,
    published: [[bool; 3]; 3],
    answers_after: [u64; 3],
    is_down: [bool; 3],
    /// How many fetches there were when the isolate started, or its clock was set.
    before_start: usize,
}

impl Model {
    fn new() -> Self {
        let sign = |iss: &str, key: usize| {
            let token =
                Token::default().claim("iss", json!(iss)).claim("exp", json!(NOW * 2)).claim("iat", Value::Null);
            let token = token.signed_with(KEYS[key % NO_KEY], "EdDSA");
            if key == NO_KEY { token.header("kid", json!("random")).sign() } else { token.sign() }
        };
        let model = Self {
            with: Half::new(true),
            without: Half::new(false),
            tokens: ISSUERS.iter().map(|iss| (0..=NO_KEY).map(|key| sign(iss, key)).collect()).collect(),
            published: [[true, false, false]; 3],
            answers_after: [5; 3],
            is_down: [false; 3],
            before_start: 0,
        };
        model.publish();
        model
    }

    fn publish(&self) {
        let metadata = |issuer: usize, jwks: &str| json!({"issuer": ISSUERS[issuer], "jwks_uri": jwks}).to_string();
        let set = |issuer: usize| {
            let keys = KEYS.into_iter().zip(self.published[issuer]).filter(|(_, is)| *is);
            key_set(&keys.map(|(key, _)| key).collect::<Vec<_>>())
        };
        for (issuer, url, body) in [
            (0, METADATA, metadata(0, JWKS)),
            (0, JWKS, set(0)),
            (1, SECOND_METADATA, metadata(1, SECOND_JWKS)),
            (1, SECOND_JWKS, set(1)),
            // Other keys than those of the policy in force.
            (2, ELSEWHERE, set(2)),
            (2, OWN_JWKS, set(2)),
        ] {
            for world in [&self.with.world, &self.without.world] {
                if self.is_down[issuer] {
                    world.fails_at(url, self.answers_after[issuer]);
                } else {
                    let document = Fetched::Document { body: body.clone(), etag: None, cache_control: None };
                    world.answer_at(url, self.answers_after[issuer], Ok(document));
                }
            }
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Rotate(issuer, keys) => self.published[*issuer] = *keys,
            Event::Slow(issuer, after) => self.answers_after[*issuer] = *after,
            Event::Down(issuer, is_down) => self.is_down[*issuer] = *is_down,
            _ => {}
        }
        self.publish();
        if matches!(event, Event::Restart | Event::Jump(_)) {
            self.before_start = self.with.world.fetches();
        }
        let answers = self.with.apply(event, &self.tokens);
        assert_eq!(answers, self.without.apply(event, &self.tokens), "the policy in force decides alike");
        assert_eq!(self.with.fetches_of(&OF_LIVE), self.without.fetches_of(&OF_LIVE), "and fetches alike");
        let stored = |half: &Half| half.world.shared.store.borrow().clone();
        assert_eq!(stored(&self.with), stored(&self.without), "the store is the policy's in force");
        self.check_candidate();
        // What is left of the candidate's flights takes time, which the other world has to spend as well.
        let time = self.with.world.time_ms().max(self.without.world.time_ms());
        self.with.sleep_until(time);
        self.without.sleep_until(time);
    }

    fn check_candidate(&self) {
        let fetches = self.with.world.shared.fetches.borrow();
        let times = self.with.world.shared.fetch_times.borrow();
        for (own, cooldown) in OF_CANDIDATE {
            let since_start = fetches.iter().zip(times.iter()).skip(self.before_start);
            let own: Vec<u64> = since_start.filter(|((url, _), _)| url == own).map(|(_, at)| *at).collect();
            for pair in own.windows(2) {
                assert!(pair[1] - pair[0] >= cooldown * 1000, "{} ms between two fetches", pair[1] - pair[0]);
            }
        }
        assert_eq!(self.without.fetches_of(&OF_CANDIDATE.map(|(url, _)| url)), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_candidate_beside_it_changes_nothing(events in proptest::collection::vec(event(), 1..50)) {
        let mut model = Model::new();
        for event in &events {
            model.step(event);
        }
    }
}
