//! A request that is forwarded by a grant is forwarded as the full decision on it would say, and that decision would have
//! asked nobody: over random histories of requests, key rotations, clock steps, outages and policies.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;

use portcullis::decision::Decision;
use portcullis::upstream::Forward;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof};
use proptest::sample::{Index, subsequence};
use proptest::test_runner::TestRunner;
use serde_json::json;
use support::assertion::{ED25519, ISS, set_secret};
use support::repeater::Repeater;
use support::token::key_set;
use support::{ISSUER, NOW, Token, World};

const OTHER: &str = "https://other.example.com";
const JWKS: &str = "https://keys.example.com/main";
const OTHER_JWKS: &str = "https://keys.example.com/other";

/// Policies that differ in what the same paths require, in what the origin receives, and in where it is.
fn policy(strict: bool) -> String {
    let (scope, leeway, forward_token, strip, audience) = if strict {
        ("write:data", 0, false, "/api/v1", "")
    } else {
        ("read:data", 30, true, "/api", r#","audience":"https://api""#)
    };
    format!(
        r#"{{"version":1,"origin":"https://o/base","issuers":{{
            "main":{{"issuer":"{ISSUER}","jwks_uri":"{JWKS}","jwks_ttl":300,"jwks_max_stale":2000,"leeway":{leeway},"max_age":3000}},
            "other":{{"issuer":"{OTHER}","jwks_uri":"{OTHER_JWKS}"}}}},
        "resources":{{"https://api.example.com":{{}}}},
        "identity":{{"payload_header":true,"forward_token":{forward_token},"secret":{{"binding":"SECRET"}},
            "assertion":{{"issuer":"{ISS}","keys":["KEY"],"algorithm":"EdDSA","ttl":60{audience}}}}},
        "routes":[
            {{"path":"/","audience":"*","organization":"*"}},
            {{"path":"/","methods":["POST"],"audience":"*","organization":"*","scopes":["write:data"]}},
            {{"path":"/scoped","audience":"https://api.example.com","scopes":["{scope}"],"cache":true,"timeout_ms":500}},
            {{"path":"/main","audience":"https://api.example.com","issuers":["main"],"origin":"service:API"}},
            {{"path":"/through/{{*rest}}","hosts":["h.example.com"],"audience":"*","organization":"*","origin":"passthrough"}},
            {{"path":"/api/v1/{{*rest}}","audience":"*","organization":"*","strip_prefix":"{strip}","origin":"http://o"}},
            {{"path":"/org/{{org}}","audience":["https://api.example.com","urn:logto:organization:{{org}}"],"organization":"{{org}}"}},
            {{"path":"/orgs/{{org}}","audience":["urn:logto:organization:{{org}}","urn:logto:organization:o2"]}},
            {{"path":"/label","hosts":["{{a}}.a.com","{{b}}.b.com"],"audience":"*","organization":"*","claims":{{"organization_id":"{{b}}"}}}},
            {{"path":"/tenants/{{t}}","audience":"*","organization":"*","claims":[{{"path":["tenants","{{t}}","roles"],"any":["reader","{{t}}"]}}]}},
            {{"path":"/members/{{t}}","audience":"*","organization":"*","claims":{{"tenants":{{"has":"{{t}}"}}}}}},
            {{"path":"/header","audience":"*","organization":"{{header.x-org}}"}},
            {{"path":"/query","audience":"*","organization":"{{query.org}}"}},
            {{"path":"/query/path","audience":"*","organization":"*","claims":[{{"path":["tenants","{{query.org}}"],"has":"roles"}}]}},
            {{"path":"/header/has","audience":"*","organization":"*","claims":{{"tenants":{{"has":"{{header.x-org}}"}}}}}},
            {{"path":"/optional","audience":"https://api.example.com","access":"optional"}},
            {{"path":"/tools","audience":"https://api.example.com","cors":{{"origins":["https://page.example.com"]}}}},
            {{"path":"/tools/open","audience":"https://api.example.com","access":"optional",
                "cors":{{"origins":["https://page.example.com"]}}}},
            {{"path":"/tools/all","audience":"https://api.example.com","cors":{{"origins":["*"]}}}},
            {{"path":"/public","access":"public"}},
            {{"path":"/public/{{*rest}}","access":"public","strip_prefix":"/public"}},
            {{"path":"/denied","access":"deny"}}]}}"#
    )
}

/// Values of `Authorization`: good, not yet, not for long, for other things, and none at all.
fn authorizations() -> Vec<Option<String>> {
    let token = || Token::default().signed_with("ed", "EdDSA");
    let tokens = [
        token().claim("tenants", json!({"o1": {"roles": ["reader"]}, "o2": {"roles": ["o2", "o1"]}, "o3": {}})),
        token().claim("organization_id", json!("o1")),
        token().claim("aud", json!(["urn:logto:organization:o1", "urn:logto:organization:o2"])),
        token().claim("exp", json!(NOW + 400)),
        token().claim("nbf", json!(NOW + 300)),
        token().claim("iat", json!(NOW - 2500)),
        token().claim("aud", json!("https://elsewhere")),
        token().claim("scope", json!("write:data")),
        token().claim("iss", json!(OTHER)).signed_with("ed3", "EdDSA"),
        token().signed_with("ed2", "EdDSA"),
    ];
    let mut values: Vec<_> = tokens.iter().map(|token| Some(format!("Bearer {}", token.sign()))).collect();
    values.extend([
        None,
        Some(format!("bearer  {}", tokens[0].sign())),
        Some(format!("Bearer {}x", tokens[0].sign())),
        Some("Basic Zm9v".to_owned()),
    ]);
    values
}

const METHODS: [&str; 4] = ["GET", "POST", "OPTIONS", "TRACE"];

const HOSTS: [&str; 4] = ["h.example.com", "h.example.com:81", "u@h.example.com", "o1.a.com"];

/// Hosts of `/label`: the first label is a capture, under different names.
const LABELS: [&str; 4] = ["o1.b.com", "o1.a.com", "O1.B.com.:81", "o2.b.com"];

const PATHS: [&str; 48] = [
    "/",
    "",
    "/?a=1",
    "?a=1",
    "/scoped",
    "/sc%6Fped/?b#c",
    "/SCOPED",
    "/main?x=/y?z",
    "/through/a/b",
    "/through",
    "/api/v1/x/",
    "/api/v1",
    "/api/v1/",
    "/api/v1?q",
    "/api/%761/x?y=/api",
    "/api/v1/../x",
    "/org/o1",
    "/org/%6F1?q=%00",
    "/orgs/o2/",
    "/orgs/o2/",
    "/label",
    "/label",
    "/label?x",
    "/label/",
    "/tenants/o1",
    "/tenants/%6F1",
    "/tenants/o2",
    "/tenants/o3",
    "/members/o1",
    "/members/o4",
    "/header",
    "/header/has",
    "/header/has?x",
    "/query?org=o1",
    "/query/path?org=o1",
    "/query/path?org=o4",
    "/optional",
    "/tools",
    "/tools",
    "/tools/?x",
    "/tools/open",
    "/tools/open",
    "/tools/all",
    "/public",
    "/public/a?b\tc",
    "/public/a?b",
    "/denied",
    "/.well-known/portcullis/jwks.json",
];

const HEADERS: [(&str, &str); 19] = [
    ("accept", "*/*"),
    ("close", "1"),
    ("connection", "keep-alive"),
    ("connection", "close"),
    ("connection", "close, x-org"),
    ("host", "h.example.com"),
    ("origin", ""),
    ("origin", "null"),
    ("origin", "https://evil.example.com"),
    ("origin", "https://page.example.com"),
    ("te", "trailers"),
    ("transfer_encoding", "chunked"),
    ("upgrade", "websocket"),
    ("x_auth_subject", "admin"),
    ("x-auth-subject", "admin"),
    ("x-forwarded-host", "elsewhere"),
    ("x-forwarded.prefix", "/elsewhere"),
    ("x-http-method-override", "DELETE"),
    ("x-org", "o1"),
];

const PAGE: (&str, &str) = ("origin", "https://page.example.com");

#[derive(Clone, Debug)]
struct Call {
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, &'static str)>,
    authorization: Index,
}

#[derive(Clone, Debug)]
enum Event {
    Request(Call),
    /// A request like a few others that come again and again, with a chance of other headers.
    Again(Index, Option<Vec<(&'static str, &'static str)>>),
    /// Seconds pass.
    Pass(u64),
    /// The clock is set, back too.
    Clock(u64),
    /// The first issuer publishes these of its keys.
    Rotate(bool, bool),
    /// The first issuer is down, or up again.
    Outage(bool),
    /// Another isolate.
    Restart(bool),
    /// Another policy, while a request is under way.
    Succeed(bool, Call),
    /// The cron.
    Scheduled,
}

fn call() -> impl Strategy<Value = Call> {
    let one_of = |names: &'static [&'static str], most: usize| {
        prop_oneof![4 => 0..most, 1 => 0..names.len()].prop_map(|index| names[index])
    };
    let headers = prop_oneof![3 => subsequence(vec![HEADERS[0], HEADERS[2], PAGE], 0..=3), 1 => headers()];
    let url = (one_of(&HOSTS, 1), one_of(&LABELS, 2), 0..PATHS.len()).prop_map(|(host, label, path)| {
        let path = PATHS[path];
        format!("https://{}{path}", if path.starts_with("/label") { label } else { host })
    });
    (one_of(&METHODS, 1), url, headers, any::<Index>()).prop_map(|(method, url, headers, authorization)| Call {
        method,
        url,
        headers,
        authorization,
    })
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    subsequence(HEADERS.to_vec(), 0..4)
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => call().prop_map(Event::Request),
        100 => (any::<Index>(), proptest::option::weighted(0.1, headers()))
            .prop_map(|(which, headers)| Event::Again(which, headers)),
        2 => prop_oneof![0..40_u64, 0..700_u64, 0..4000_u64].prop_map(Event::Pass),
        1 => (NOW - 1000..NOW + 5000).prop_map(Event::Clock),
        1 => any::<(bool, bool)>().prop_map(|(one, two)| Event::Rotate(one, two)),
        1 => any::<bool>().prop_map(Event::Outage),
        1 => any::<bool>().prop_map(Event::Restart),
        1 => (any::<bool>(), call()).prop_map(|(strict, call)| Event::Succeed(strict, call)),
        1 => any::<()>().prop_map(|()| Event::Scheduled),
    ]
}

fn publish(world: &World, keys: &[&str]) {
    world.document_at(JWKS, &key_set(keys), None);
    world.document_at(OTHER_JWKS, &key_set(&["ed3"]), None);
}

struct Model {
    world: World,
    repeater: Repeater,
    authorizations: Vec<Option<String>>,
}

impl Model {
    fn new() -> Self {
        let world = World::new(&policy(false));
        set_secret(&world, "KEY", ED25519);
        set_secret(&world, "SECRET", "0123456789abcdef0123456789abcdef");
        publish(&world, &["ed", "ed2"]);
        Self { world, repeater: Repeater::default(), authorizations: authorizations() }
    }

    /// The name of the route, if the request was forwarded by a grant.
    fn step(&mut self, event: &Event, usual: &[Call]) -> Option<String> {
        match event {
            Event::Request(call) => return self.request(call),
            Event::Again(which, headers) => {
                let call = which.get(usual).clone();
                return self.request(&Call { headers: headers.clone().unwrap_or(call.headers.clone()), ..call });
            }
            Event::Pass(seconds) => self.world.pass(*seconds),
            Event::Clock(now) => self.world.set_clock(*now),
            Event::Rotate(one, two) => {
                let keys = [("ed", *one), ("ed2", *two)].into_iter().filter(|(_, is)| *is).map(|(key, _)| key);
                let keys: Vec<_> = keys.collect();
                publish(&self.world, if keys.is_empty() { &["p256"] } else { &keys });
            }
            Event::Outage(true) => self.world.fails_at(JWKS, 100),
            Event::Outage(false) => publish(&self.world, &["ed", "ed2"]),
            Event::Restart(strict) => self.world.restart(&policy(*strict)),
            Event::Succeed(strict, call) => {
                let headers = all_headers(call, &self.authorizations);
                let late = self.world.start(call.method, &call.url, &borrowed(&headers));
                self.world.succeed(&policy(*strict));
                let late = self.world.run(late);
                self.repeater.remember(&self.world, &borrowed(&headers), &late);
            }
            Event::Scheduled => self.world.refresh_all(),
        }
        self.world.settle();
        None
    }

    fn request(&mut self, call: &Call) -> Option<String> {
        let headers = all_headers(call, &self.authorizations);
        self.ask(call.method, &call.url, &borrowed(&headers))
    }

    fn ask(&mut self, method: &str, url: &str, headers: &[(&str, &str)]) -> Option<String> {
        let repeated = self.repeater.repeat(&self.world, method, url, headers);
        let before = asked(&self.world);
        let decision = self.world.request(method, url, headers);
        self.world.settle();
        self.repeater.remember(&self.world, headers, &decision);
        let (repeated, call) = (repeated?, format!("{method} {url} {headers:?}"));
        let Decision::Allow(forward) = decision else { panic!("{call} was forwarded by a grant, not {decision:?}") };
        assert_eq!(repeated, Forward { grant: None, ..forward }, "{call}");
        assert_eq!(before, asked(&self.world), "{call}: the full decision has more to do");
        Some(repeated.route.into_owned())
    }
}

fn all_headers(call: &Call, authorizations: &[Option<String>]) -> Vec<(String, String)> {
    let mut headers: BTreeMap<_, _> =
        call.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // A few tokens come again and again.
    let index = call.authorization.index(2 * authorizations.len());
    let authorization = authorizations.get(index).unwrap_or(&authorizations[index % 3]);
    headers.extend(authorization.clone().map(|value| ("authorization".to_owned(), value)));
    headers.into_iter().collect()
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// What the gate asked of others so far.
fn asked(World { shared, .. }: &World) -> [usize; 4] {
    [shared.fetches.borrow().len(), shared.store_reads.get(), shared.verifications.get(), shared.signatures.get()]
}

#[test]
fn a_grant_ends_with_its_assertion_even_if_the_clock_is_set_back_to_it() {
    for other in ["/main", "/api/v1/x"] {
        let mut model = Model::new();
        let authorization =
            format!("Bearer {}", Token::default().signed_with("ed", "EdDSA").claim("iat", json!(NOW - 900)).sign());
        let get = |model: &mut Model, path: &str| {
            model.ask("GET", &format!("https://h.example.com{path}"), &[("authorization", authorization.as_str())])
        };
        get(&mut model, "/");
        get(&mut model, "/");
        assert!(get(&mut model, "/").is_some());
        model.world.set_clock(NOW + 300);
        get(&mut model, other);
        model.world.set_clock(NOW + 1);
        get(&mut model, "/");
    }
}

#[test]
fn a_grant_ends_if_the_clock_is_set_back_behind_a_refresh_of_its_key_set() {
    let mut model = Model::new();
    let bearer = |subject: &str| {
        format!("Bearer {}", Token::default().signed_with("ed", "EdDSA").claim("sub", json!(subject)).sign())
    };
    let (one, other) = (bearer("one"), bearer("other"));
    let get = |model: &mut Model, authorization: &str| {
        model.ask("GET", "https://h.example.com/optional", &[("authorization", authorization)])
    };
    get(&mut model, &one);
    get(&mut model, &one);
    assert!(get(&mut model, &one).is_some());
    model.world.pass(300);
    get(&mut model, &other);
    model.world.set_clock(NOW + 1);
    // It panics if the full decision would refresh the set.
    assert!(get(&mut model, &one).is_none());
}

#[test]
fn a_grant_repeats_the_decision() {
    let repeated: RefCell<BTreeMap<String, usize>> = RefCell::default();
    let config =
        ProptestConfig { cases: 450, max_shrink_iters: 3000, failure_persistence: None, ..ProptestConfig::default() };
    let histories = (proptest::collection::vec(call(), 6), proptest::collection::vec(event(), 1..300));
    TestRunner::new(config)
        .run(&histories, |(usual, events)| {
            let mut model = Model::new();
            for route in events.iter().filter_map(|event| model.step(event, &usual)) {
                *repeated.borrow_mut().entry(route).or_default() += 1;
            }
            Ok(())
        })
        .unwrap();
    let repeated = repeated.into_inner();
    let routes = [
        "/",
        "/scoped",
        "/main",
        "/api/v1/{*rest}",
        "/org/{org}",
        "/orgs/{org}",
        "/label",
        "/tenants/{t}",
        "/members/{t}",
        "/optional",
        "/tools",
        "/tools/open",
        "/tools/all",
        "/public",
        "/public/{*rest}",
    ];
    for route in routes {
        assert!(repeated.get(route).is_some_and(|count| *count > 2), "{route}: {repeated:?}");
    }
    for route in ["/header", "/query", "/header/has", "/query/path"] {
        assert_eq!(repeated.get(route), None, "the whole request decides");
    }
}
