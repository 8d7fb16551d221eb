//! What the types write is a policy, with every key.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::policy;
use super::cors::{CorsSpec, RouteCorsSpec};
use super::identity::{AssertionsSpec, IdentitySpec, SharedSecretSpec};
use super::issuer::IssuerSpec;
use super::log::{DecisionsSpec, LogSpec, SubjectSpec};
use super::own::OwnPathSpec;
use super::policy::{LimitsSpec, PathCaseSpec, PathsSpec, PolicySpec, ResourceSpec};
use super::revocation::{LogoutSpec, LogtoSpec, OnFailureSpec, RevocationSpec};
use super::route::{
    AccessSpec, AudienceSpec, ClaimRuleSpec, ClaimSpec, ClaimValueSpec, ClaimValuesSpec, ClaimsSpec, RouteSpec,
    ScopesSpec, SlashesSpec,
};

#[test]
fn what_the_types_write_is_a_policy_with_every_key() {
    let text = |text: &str| Some(text.to_owned());
    let issuer = |issuer: &str| IssuerSpec { issuer: issuer.to_owned(), ..IssuerSpec::default() };
    let mut full = issuer("https://a.com");
    full.jwks_uri = text("https://a.com/jwks");
    full.algorithms = vec!["ES256".to_owned()];
    full.bound_tokens = text("ignore");
    (full.leeway, full.max_age, full.jwks_ttl, full.timeout_ms) = (Some(1), Some(2), Some(3), Some(4));
    (full.jwks_max_stale, full.jwks_cooldown) = (Some(5), Some(6));
    full.types = vec!["jwt".to_owned()];
    full.scope_claim = text("scp");
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let tenants = vec!["x".to_owned(), "y".to_owned()];
    let literal = IssuerSpec { jwks: Some(json!({"keys": [key]})), tenants, ..issuer("b/{tenant}") };
    let value = |text: &str| ClaimValueSpec::Text(text.to_owned());
    let route = RouteSpec {
        path: "/a/{org}".to_owned(),
        methods: vec!["GET".to_owned()],
        hosts: vec!["a.com".to_owned()],
        name: text("a"),
        access: Some(AccessSpec::Optional),
        issuers: vec!["a".to_owned()],
        token_header: text("token"),
        audience: Some(AudienceSpec::More(vec!["https://api.com".to_owned()])),
        scopes: Some(ScopesSpec::Rule { all: vec!["a".to_owned()], any: vec!["b".to_owned()] }),
        organization: text("{org}"),
        claims: Some(ClaimsSpec::Named(
            [
                ("a".to_owned(), ClaimSpec::Is(ClaimValueSpec::Bool(true))),
                ("b".to_owned(), ClaimSpec::Any { any: vec![value("x"), ClaimValueSpec::Number(1.into())] }),
                ("c".to_owned(), ClaimSpec::Contains { contains: ClaimValuesSpec::One(value("x")) }),
                ("d".to_owned(), ClaimSpec::Has { has: "{org}".to_owned() }),
            ]
            .into(),
        )),
        origin: text("https://o.com"),
        strip_prefix: text("/a"),
        encoded_slashes: Some(SlashesSpec::Keep),
        cache: Some(true),
        timeout_ms: Some(1),
        enforce: Some(false),
        cors: Some(RouteCorsSpec::Off(false)),
    };
    let rule = ClaimRuleSpec { path: vec!["a".to_owned(), "{org}".to_owned()], ..ClaimRuleSpec::default() };
    let listed = RouteSpec {
        path: "/b/{org}".to_owned(),
        claims: Some(ClaimsSpec::Listed(vec![
            ClaimRuleSpec { is: Some(value("{org}")), ..rule.clone() },
            ClaimRuleSpec { any: vec![value("x")], ..rule.clone() },
            ClaimRuleSpec { contains: Some(ClaimValuesSpec::All(vec![value("x")])), ..rule.clone() },
            ClaimRuleSpec { has: text("x"), ..rule },
        ])),
        ..route.clone()
    };
    let cors = CorsSpec {
        origins: vec!["https://*.app.com".to_owned()],
        headers: Some(vec!["authorization".to_owned()]),
        methods: vec!["GET".to_owned()],
        expose: vec!["etag".to_owned()],
        credentials: Some(true),
        max_age: Some(0),
    };
    let resource = ResourceSpec { name: text("API"), documentation: text("https://docs.com") };
    let assertion = AssertionsSpec {
        issuer: "https://gate.com".to_owned(),
        keys: vec!["KEY".to_owned(), "OLD".to_owned()],
        audience: text("api"),
        algorithm: text("EdDSA"),
        ttl: Some(10),
    };
    let full_policy = PolicySpec {
        version: 1,
        origin: text("service:API"),
        issuers: [("a".to_owned(), full), ("b".to_owned(), literal)].into(),
        identity: Some(IdentitySpec {
            prefix: text("x-"),
            forward_token: Some(false),
            payload_header: Some(true),
            claims: [("x-email".to_owned(), "email".to_owned())].into(),
            assertion: Some(assertion),
            secret: Some(SharedSecretSpec { header: text("x-from"), binding: "SECRET".to_owned() }),
        }),
        limits: Some(LimitsSpec { max_token_bytes: Some(256) }),
        paths: Some(PathsSpec { case: Some(PathCaseSpec::Exact) }),
        log: Some(LogSpec {
            decisions: Some(DecisionsSpec::All),
            subject: Some(SubjectSpec::Hash),
            subject_key: text("SUBJECTS"),
            analytics: text("DECISIONS"),
            traces: Some(true),
        }),
        status: Some(OwnPathSpec {
            audience: AudienceSpec::One("https://api.com".to_owned()),
            scopes: ScopesSpec::All(vec!["status".to_owned()]),
            issuers: vec!["a".to_owned()],
        }),
        revocation: Some(RevocationSpec {
            store: "kv:REVOCATIONS".to_owned(),
            poll: Some(300),
            max_age: Some(300),
            on_failure: Some(OnFailureSpec::Deny),
            keep: Some(1),
            api: Some(OwnPathSpec {
                audience: AudienceSpec::One("https://api.com".to_owned()),
                scopes: ScopesSpec::All(vec!["revoke".to_owned()]),
                issuers: vec!["a".to_owned()],
            }),
            logto: Some(LogtoSpec { secret: "LOGTO".to_owned(), issuer: "a".to_owned() }),
            logout: Some(LogoutSpec { audiences: vec!["app".to_owned()], issuers: vec!["a".to_owned()] }),
        }),
        cors: Some(cors),
        resources: [("https://api.com".to_owned(), resource)].into(),
        routes: vec![route, listed],
    };
    let written = serde_json::to_value(&full_policy).unwrap();
    assert_eq!(portcullis::policy::Policy::parse(&written.to_string()).map(drop), Ok(()));
    let schema = policy().to_value();
    assert!(jsonschema::is_valid(&schema, &written));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    // cli/tests/schema.rs compares these with what the gate's reader knows.
    let listed = |name: &str| keys(schema.pointer(&format!("/definitions/{name}/properties")).unwrap());
    assert_eq!(keys(&written["routes"][0]), listed("Route"));
    let issuers = &written["issuers"];
    assert_eq!(&keys(&issuers["a"]) | &keys(&issuers["b"]), listed("Issuer"));
    assert_eq!(keys(&written["identity"]), listed("Identity"));
    assert_eq!(keys(&written["identity"]["assertion"]), listed("Assertions"));
    assert_eq!(keys(&written["identity"]["secret"]), listed("SharedSecret"));
    assert_eq!(keys(&written["cors"]), listed("Cors"));
    assert_eq!(keys(&written["paths"]), listed("Paths"));
    assert_eq!(keys(&written["log"]), listed("Log"));
    assert_eq!(keys(&written["status"]), listed("OwnPath"));
    assert_eq!(keys(&written["revocation"]), listed("Revocation"));
    assert_eq!(keys(&written["revocation"]["logto"]), listed("LogtoWebhooks"));
    assert_eq!(keys(&written["revocation"]["logout"]), listed("LogoutTokens"));
    assert_eq!(keys(&written), keys(schema.pointer("/properties").unwrap()));
}
