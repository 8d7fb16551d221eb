//! What a route can require of claims.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::cell::Cell;

use proptest::prelude::{ProptestConfig, Strategy, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use support::{Token, World, outcome, policy};

/// Whether a route with these rules allows a token with these claims. The request is for `/7/acme?q=x&n=-3&none=`.
fn allows(rules: &str, claims: &str) -> bool {
    allowed(&serde_json::from_str(rules).unwrap(), serde_json::from_str(claims).unwrap())
}

fn allowed(rules: &Value, claims: Map<String, Value>) -> bool {
    let routes = json!([{"path": "/{id}/{org}", "audience": "*", "organization": "*", "claims": rules}]).to_string();
    let mut token = Token::default();
    token.claims.extend(claims);
    match outcome(&World::new(&policy(&routes)).get("/7/acme?q=x&n=-3&none=", &token.sign())).as_str() {
        "allow" => true,
        "403 auth.claim_mismatch" => false,
        other => panic!("{other}"),
    }
}

fn assert_allowed(cases: &[(&str, &str)], expected: bool) {
    for (rules, claims) in cases {
        assert_eq!(allows(rules, claims), expected, "{rules} {claims}");
    }
}

#[test]
fn a_value_is_equal_and_of_the_same_type() {
    assert_allowed(
        &[
            (r#"{"a": "x"}"#, r#"{"a": "x"}"#),
            (r#"{"a": "u-{id}"}"#, r#"{"a": "u-7"}"#),
            (r#"{"a": 1}"#, r#"{"a": 1.0}"#),
            (r#"{"a": true}"#, r#"{"a": true}"#),
            (r#"[{"path": ["a"], "is": "x"}]"#, r#"{"a": "x"}"#),
            (r#"[{"path": ["a"], "is": 1.5}, {"path": ["b"], "is": false}]"#, r#"{"a": 1.5, "b": false}"#),
        ],
        true,
    );
    assert_allowed(
        &[
            (r#"{"a": "x"}"#, "{}"),
            (r#"{"a": "x"}"#, r#"{"a": ["x"]}"#),
            (r#"{"a": "1"}"#, r#"{"a": 1}"#),
            (r#"{"a": 1}"#, r#"{"a": "1"}"#),
            (r#"{"a": true}"#, r#"{"a": 1}"#),
            (r#"{"a": false}"#, r#"{"a": null}"#),
            (r#"{"a": "null"}"#, r#"{"a": null}"#),
            (r#"{"a": "x"}"#, r#"{"a": {"x": "x"}}"#),
            (r#"{"a": 9007199254740991}"#, r#"{"a": 9007199254740992}"#),
            (r#"{"a": -9007199254740991}"#, r#"{"a": -9007199254740992.0}"#),
            (r#"{"a": "x", "b": "y"}"#, r#"{"a": "x"}"#),
            (r#"[{"path": ["a"], "is": "x"}, {"path": ["a"], "is": "y"}]"#, r#"{"a": "x"}"#),
            (r#"{"a": "{query.q}"}"#, r#"{"a": "{query.q}"}"#),
        ],
        false,
    );
}

/// The whole name first, then the objects that its dots separate; in a list each name as it is.
#[test]
fn a_path_leads_to_one_claim() {
    assert_allowed(
        &[
            (r#"{"a.b.c": "x"}"#, r#"{"a": {"b": {"c": "x"}}}"#),
            (r#"{"a.b.c": "x"}"#, r#"{"a": {"b.c": "x"}}"#),
            (r#"{"a.b": "x"}"#, r#"{"a.b": "x", "a": {"b": "y"}}"#),
            (r#"[{"path": ["a", "b", "c"], "is": "x"}]"#, r#"{"a": {"b": {"c": "x"}}, "a.b.c": "y"}"#),
            (r#"[{"path": ["a.b", "c/d"], "is": "x"}]"#, r#"{"a.b": {"c/d": "x"}, "a": {"b": {"c/d": "y"}}}"#),
            (r#"[{"path": ["tenants", "{org}", "{id}"], "is": "x"}]"#, r#"{"tenants": {"acme": {"7": "x"}}}"#),
            (r#"[{"path": ["{query.q}-{id}"], "is": "y"}]"#, r#"{"x-7": "y"}"#),
        ],
        true,
    );
    assert_allowed(
        &[
            (r#"{"a.b": "x"}"#, r#"{"a.b": "y", "a": {"b": "x"}}"#),
            (r#"{"a.b": "x"}"#, r#"{"a": "x"}"#),
            (r#"{"a.b": "x"}"#, r#"{"a": ["x"]}"#),
            (r#"{"a.0": "x"}"#, r#"{"a": ["x"]}"#),
            (r#"[{"path": ["a.b"], "is": "x"}]"#, r#"{"a": {"b": "x"}}"#),
            (r#"[{"path": ["a", "b"], "is": "x"}]"#, r#"{"a.b": "x"}"#),
            (r#"[{"path": ["a", "0"], "is": "x"}]"#, r#"{"a": ["x"]}"#),
            (r#"[{"path": ["a", "b"], "is": "x"}]"#, r#"{"a": "x"}"#),
            (r#"[{"path": ["tenants", "{org}"], "is": "x"}]"#, r#"{"tenants": {"globex": "x", "{org}": "x"}}"#),
            (r#"[{"path": ["{query.org}"], "is": "x"}]"#, r#"{"": "x", "acme": "x", "{query.org}": "x"}"#),
            (r#"[{"path": ["{query.none}", "a"], "is": "x"}]"#, r#"{"": {"a": "x"}, "a": "x"}"#),
            (r#"[{"path": ["a", "{header.x-org}"], "is": "x"}]"#, r#"{"a": {"": "x"}}"#),
            (r#"[{"path": ["{header.x-org}", "a"], "has": "b"}]"#, r#"{"": {"a": {"b": 1}}}"#),
        ],
        false,
    );
}

#[test]
fn a_template_equals_an_integer_by_its_digits() {
    assert_allowed(
        &[
            (r#"{"a": "{id}"}"#, r#"{"a": 7}"#),
            (r#"{"a": "{id}"}"#, r#"{"a": 7.0}"#),
            (r#"{"a": "{query.n}"}"#, r#"{"a": -3}"#),
            (r#"{"a": "1{id}"}"#, r#"{"a": 17}"#),
            (r#"{"a": "900719925474099{id}"}"#, r#"{"a": 9007199254740997}"#),
            (r#"{"a": "1844674407370955160{id}"}"#, r#"{"a": 18446744073709551607}"#),
            (r#"{"a": "-900719925474099{id}"}"#, r#"{"a": -9007199254740997}"#),
            (r#"{"a": {"any": ["x", "{id}"]}}"#, r#"{"a": 7}"#),
            (r#"{"a": {"any": ["x", "{id}"]}}"#, r#"{"a": [6, 7]}"#),
            (r#"{"a": {"contains": "{id}"}}"#, r#"{"a": [6, 7]}"#),
            (r#"[{"path": ["a"], "is": "{id}"}]"#, r#"{"a": 7}"#),
            (r#"{"a": "{id}e2"}"#, r#"{"a": "7e2"}"#),
        ],
        true,
    );
    assert_allowed(
        &[
            (r#"{"a": "7"}"#, r#"{"a": 7}"#),
            (r#"{"a": {"any": ["7"]}}"#, r#"{"a": 7}"#),
            (r#"{"a": "{id}"}"#, r#"{"a": 8}"#),
            (r#"{"a": "{id}"}"#, r#"{"a": -7}"#),
            (r#"{"a": "{id}"}"#, r#"{"a": 7.5}"#),
            (r#"{"a": "{id}.5"}"#, r#"{"a": 7.5}"#),
            (r#"{"a": "{id}.0"}"#, r#"{"a": 7.0}"#),
            (r#"{"a": "0{id}"}"#, r#"{"a": 7}"#),
            (r#"{"a": "+{id}"}"#, r#"{"a": 7}"#),
            (r#"{"a": " {id}"}"#, r#"{"a": 7}"#),
            (r#"{"a": "{id}e2"}"#, r#"{"a": 7e2}"#),
            (r#"{"a": "{id}e2"}"#, r#"{"a": 700}"#),
            (r#"{"a": "900719925474099{id}"}"#, r#"{"a": 9007199254740997.0}"#),
            (r#"{"a": "{id}"}"#, r#"{"a": true}"#),
            (r#"{"a": "{id}"}"#, r#"{"a": [7]}"#),
            (r#"{"a": "{query.none}"}"#, r#"{"a": 0}"#),
            (r#"{"a": {"any": ["{query.m}"]}}"#, r#"{"a": [0, ""]}"#),
        ],
        false,
    );
}

#[test]
fn any_is_the_claim_or_one_of_its_elements() {
    assert_allowed(
        &[
            (r#"{"a": {"any": ["x", 2, "{org}"]}}"#, r#"{"a": "acme"}"#),
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": 2}"#),
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": ["y", "x"]}"#),
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": [null, 2.0]}"#),
            (r#"{"a": {"any": [false]}}"#, r#"{"a": [false]}"#),
            (r#"{"a": {"any": ["{header.x-org}", "x"]}}"#, r#"{"a": "x"}"#),
        ],
        true,
    );
    assert_allowed(
        &[
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": []}"#),
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": "x y"}"#),
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": ["2", "y x"]}"#),
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": [["x"]]}"#),
            (r#"{"a": {"any": ["x", 2]}}"#, r#"{"a": {"x": 2}}"#),
            (r#"{"a": {"any": ["{header.x-org}"]}}"#, r#"{"a": ["", null]}"#),
        ],
        false,
    );
}

#[test]
fn contains_is_all_of_its_values() {
    assert_allowed(
        &[
            (r#"{"https://x/roles": {"contains": "admin"}}"#, r#"{"https://x/roles": ["user", "admin"]}"#),
            (r#"{"a": {"contains": "x"}}"#, r#"{"a": "w x y"}"#),
            (r#"{"a": {"contains": 2}}"#, r#"{"a": ["2", 2]}"#),
            (r#"{"a": {"contains": ["x", "{org}"]}}"#, r#"{"a": ["acme", "y", "x"]}"#),
            (r#"{"a": {"contains": ["x", "y"]}}"#, r#"{"a": "y  x"}"#),
            (r#"{"a": {"contains": ["x", "x"]}}"#, r#"{"a": ["x"]}"#),
        ],
        true,
    );
    assert_allowed(
        &[
            (r#"{"a": {"contains": "x"}}"#, r#"{"a": "xy"}"#),
            (r#"{"a": {"contains": "x"}}"#, r#"{"a": "x\ty"}"#),
            (r#"{"a": {"contains": "x"}}"#, r#"{"a": {"x": 1}}"#),
            (r#"{"a": {"contains": "x"}}"#, r#"{"a": [["x"]]}"#),
            (r#"{"a": {"contains": "x y"}}"#, r#"{"a": "x y"}"#),
            (r#"{"a": {"contains": 1}}"#, r#"{"a": "1"}"#),
            (r#"{"a": {"contains": 1}}"#, r#"{"a": 1}"#),
            (r#"{"a": {"contains": ["x", "y"]}}"#, r#"{"a": ["x", "x y"]}"#),
            (r#"{"a": {"contains": ["x", "y"]}}"#, r#"{"a": "x"}"#),
            (r#"{"a": {"contains": ["x", "{query.none}"]}}"#, r#"{"a": "x "}"#),
            (r#"{"a": {"contains": ["x", "{query.none}"]}}"#, r#"{"a": ["x", "", null]}"#),
            (r#"{"a": {"contains": "{query.n}"}}"#, r#"{"a": "3"}"#),
        ],
        false,
    );
}

#[test]
fn has_is_a_member_of_an_object() {
    assert_allowed(
        &[
            (r#"{"a": {"has": "x"}}"#, r#"{"a": {"y": 1, "x": {}}}"#),
            (r#"{"a": {"has": "x"}}"#, r#"{"a": {"x": null}}"#),
            (r#"{"a": {"has": "x.y"}}"#, r#"{"a": {"x.y": false}}"#),
            (r#"{"a.b": {"has": "{org}"}}"#, r#"{"a": {"b": {"acme": "acme.example.com"}}}"#),
            (r#"[{"path": ["a", "{id}"], "has": "{org}"}]"#, r#"{"a": {"7": {"acme": 1}}}"#),
        ],
        true,
    );
    assert_allowed(
        &[
            (r#"{"a": {"has": "x"}}"#, r#"{"a": {}}"#),
            (r#"{"a": {"has": "x"}}"#, r#"{"a": ["x"]}"#),
            (r#"{"a": {"has": "x"}}"#, r#"{"a": "x"}"#),
            (r#"{"a": {"has": "x"}}"#, r#"{"a": null}"#),
            (r#"{"a": {"has": "x"}}"#, r#"{"x": {"x": 1}}"#),
            (r#"{"a": {"has": "0"}}"#, r#"{"a": ["x"]}"#),
            (r#"{"a": {"has": "x.y"}}"#, r#"{"a": {"x": {"y": 1}}}"#),
            (r#"{"a": {"has": "{org}"}}"#, r#"{"a": {"ACME": 1, "{org}": 1}}"#),
            (r#"{"a": {"has": "{query.none}"}}"#, r#"{"a": {"": 1, "none": 1, "{query.none}": 1}}"#),
        ],
        false,
    );
}

/// Whether routes with these rules allow a token with these claims, and for which of these requests.
fn opens(routes: &Value, claims: &Value, paths: &[&str]) -> Vec<bool> {
    let mut token = Token::default();
    token.claims.extend(claims.as_object().unwrap().clone());
    let (mut world, token) = (World::new(&policy(&routes.to_string())), token.sign());
    let open = |path: &&str| match outcome(&world.get(path, &token)).as_str() {
        "allow" => true,
        "403 auth.claim_mismatch" => false,
        other => panic!("{path}: {other}"),
    };
    paths.iter().map(open).collect()
}

/// https://hasura.io/docs/latest/auth/authentication/jwt/
#[test]
fn hasura_keeps_roles_under_a_name_with_dots() {
    let name = "https://hasura.io/jwt/claims";
    let routes = json!([
        {"path": "/admin", "audience": "*",
         "claims": [{"path": [name, "x-hasura-allowed-roles"], "contains": "admin"}]},
        {"path": "/users/{id}", "audience": "*", "claims": [
            {"path": [name, "x-hasura-default-role"], "any": ["user", "editor"]},
            {"path": [name, "x-hasura-user-id"], "is": "{id}"}]},
        {"path": "/any", "audience": "*", "claims": {name: {"has": "x-hasura-org-id"}}},
    ]);
    let paths = ["/admin", "/users/17", "/users/18", "/any"];
    let own = |roles: Value, id: Value| {
        json!({"admin": true, name: {
            "x-hasura-allowed-roles": roles, "x-hasura-default-role": "user", "x-hasura-user-id": id,
            "x-hasura-org-id": "123", "x-hasura-custom": "custom-value"}})
    };
    assert_eq!(opens(&routes, &own(json!(["user", "admin"]), json!("17")), &paths), [true, true, false, true]);
    assert_eq!(opens(&routes, &own(json!(["user"]), json!(18)), &paths), [false, false, true, true]);
    assert_eq!(opens(&routes, &own(json!([["admin"]]), json!(["17"])), &paths), [false, false, false, true]);
    let text = json!({name: r#"{"x-hasura-allowed-roles":["admin"],"x-hasura-user-id":"17","x-hasura-org-id":"1"}"#});
    assert_eq!(opens(&routes, &text, &paths), [false; 4], "claims_format stringified_json");
    let parts =
        json!({"https://hasura": {"io/jwt/claims": {"x-hasura-allowed-roles": ["admin"], "x-hasura-org-id": "1"}}});
    assert_eq!(opens(&routes, &parts, &paths), [false, false, false, true], "a map's path is nested, too");
}

/// https://zitadel.com/docs/apis/openidoauth/claims#reserved-claims: a role is a member that holds the organizations
/// which granted it.
#[test]
fn zitadel_keeps_roles_as_members() {
    let name = "urn:zitadel:iam:org:project:roles";
    let of_project = "urn:zitadel:iam:org:project:{project}:roles";
    let routes = json!([
        {"path": "/admin", "audience": "*", "claims": {name: {"has": "admin"}}},
        {"path": "/orgs/{org}", "audience": "*", "claims": [{"path": [name, "admin"], "has": "{org}"}]},
        {"path": "/projects/{project}", "audience": "*", "claims": [{"path": [of_project], "has": "reader"}]},
    ]);
    let paths = ["/admin", "/orgs/170086824411201793", "/orgs/170086774599581953", "/projects/170086363054473473"];
    let token = json!({
        "urn:zitadel:iam:user:resourceowner:id": "170086774599581953",
        name: {"admin": {"170086824411201793": "portal.example.com"}, "reader": {"170086774599581953": "example.com"}},
        "urn:zitadel:iam:org:project:170086363054473473:roles": {"reader": {"170086774599581953": "example.com"}},
    });
    assert_eq!(opens(&routes, &token, &paths), [true, true, false, true]);
    for roles in [json!(["admin"]), json!("admin"), json!({"reader": {}}), json!({"Admin": {}}), json!([{"admin": {}}])]
    {
        assert_eq!(opens(&routes, &json!({name: roles}), &paths), [false; 4], "{roles}");
    }
    let bare = json!({name: {"admin": "170086824411201793"}});
    assert_eq!(opens(&routes, &bare, &paths), [true, false, false, false]);
}

/// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#schema-for-service-account-private-claims
#[test]
fn kubernetes_names_a_service_account_under_a_name_with_a_dot() {
    let routes = json!([
        {"path": "/ns/{ns}/{*rest}", "audience": "*", "claims": [{"path": ["kubernetes.io", "namespace"], "is": "{ns}"}]},
        {"path": "/jobs", "audience": "*", "claims": [
            {"path": ["kubernetes.io", "serviceaccount", "name"], "any": ["importer", "exporter"]},
            {"path": ["kubernetes.io"], "has": "pod"}]},
        {"path": "/map", "audience": "*", "claims": {"kubernetes.io.namespace": "payments"}},
        {"path": "/map/sub", "audience": "*", "claims": {"sub": "system:serviceaccount:payments:importer"}},
    ]);
    let paths = ["/ns/payments/x", "/ns/shop", "/jobs", "/map", "/map/sub"];
    let account = |more: Value| {
        let mut own = json!({"namespace": "payments", "node": {"name": "node-1", "uid": "9f2c"},
            "serviceaccount": {"name": "importer", "uid": "14ee3fa4"}, "warnafter": 1_800_000_000});
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"sub": "system:serviceaccount:payments:importer", "jti": "aed34954", "kubernetes.io": own})
    };
    let pod = json!({"pod": {"name": "importer-68d9c46d6-h6k9c", "uid": "5e0bd49b"}});
    assert_eq!(opens(&routes, &account(pod), &paths), [true, false, true, false, true]);
    assert_eq!(opens(&routes, &account(json!({})), &paths), [true, false, false, false, true], "bound to no pod");
    let other = json!({"namespace": "shop", "serviceaccount": "importer", "pod": {}});
    assert_eq!(opens(&routes, &account(other), &paths), [false, true, false, false, true]);
    let nested = json!({"kubernetes": {"io": {"namespace": "payments"}}, "kubernetes.io": null});
    assert_eq!(opens(&routes, &nested, &paths), [false, false, false, true, false], "a map's path is nested");
}

/// https://www.keycloak.org/docs/latest/server_admin/: roles of a client whose id has a dot, or is in the path.
#[test]
fn keycloak_keeps_roles_under_the_id_of_a_client() {
    let routes = json!([
        {"path": "/dotted", "audience": "*",
         "claims": [{"path": ["resource_access", "shop.example.com", "roles"], "contains": ["reader", "writer"]}]},
        {"path": "/apps/{app}", "audience": "*",
         "claims": [{"path": ["resource_access", "{app}", "roles"], "any": ["admin", "owner"]}]},
        {"path": "/map", "audience": "*", "claims": {"resource_access.shop-api.roles": {"contains": "reader"}}},
    ]);
    let paths = ["/dotted", "/apps/shop.example.com", "/apps/shop-api", "/apps/account", "/map"];
    let token = json!({"typ": "Bearer", "azp": "shop-web", "resource_access": {
        "shop.example.com": {"roles": ["writer", "reader"]}, "shop-api": {"roles": ["owner", "reader"]},
        "account": {"roles": ["manage-account"]}}});
    assert_eq!(opens(&routes, &token, &paths), [true, false, true, false, true]);
    let one = json!({"resource_access": {"shop.example.com": {"roles": ["writer"]}, "shop-api": {"roles": []}}});
    assert_eq!(opens(&routes, &one, &paths), [false; 5]);
    let text =
        json!({"resource_access": {"shop.example.com": {"roles": "reader writer"}, "shop-api": {"roles": "admin"}}});
    assert_eq!(opens(&routes, &text, &paths), [true, false, true, false, false]);
    let light = json!({"typ": "Bearer", "azp": "shop-web"});
    assert_eq!(opens(&routes, &light, &paths), [false; 5], "a lightweight token has no roles");
}

const TEMPLATES: [&str; 8] = ["x", "7", "acme", "{id}", "{org}", "{query.q}", "{query.n}", "{query.none}"];

const NAMES: [&str; 6] = ["a", "b", "a.b", "7", "acme", "x"];

/// A value that a rule expects.
fn expected() -> impl Strategy<Value = Value> {
    let literals = select(vec![json!(7), json!(1.5), json!(true), json!(-3)]);
    prop_oneof![3 => select(&TEMPLATES[..]).prop_map(|text| json!(text)), 1 => literals]
}

/// A test, by its name.
fn test() -> impl Strategy<Value = (&'static str, Value)> {
    let list = || proptest::collection::vec(expected(), 1..3).prop_map(Value::from);
    prop_oneof![
        expected().prop_map(|value| ("is", value)),
        list().prop_map(|values| ("any", values)),
        prop_oneof![expected(), list()].prop_map(|values| ("contains", values)),
        select(&TEMPLATES[..]).prop_map(|name| ("has", json!(name))),
    ]
}

/// The `claims` of a route with one rule: a map, or a list.
fn rule() -> impl Strategy<Value = Value> {
    let map = (proptest::collection::vec(select(&NAMES[..]), 1..3), test()).prop_map(|(path, (name, value))| {
        let test = if name == "is" { value } else { json!({name: value}) };
        json!({path.join("."): test})
    });
    let names = prop_oneof![select(&NAMES[..]), select(&TEMPLATES[..])];
    let list = (proptest::collection::vec(names, 1..3), test())
        .prop_map(|(path, (name, value))| json!([{"path": path, name: value}]));
    prop_oneof![map, list]
}

/// A value of a claim.
fn claim() -> impl Strategy<Value = Value> {
    let texts = select(vec!["x", "7", "acme", "", "x acme", "7 x", "-3"]).prop_map(|text| json!(text));
    let others = select(vec![json!(7), json!(7.0), json!(-3), json!(1.5), json!(true), Value::Null]);
    prop_oneof![texts, others].prop_recursive(3, 12, 3, |inner| {
        let members = proptest::collection::vec((select(&NAMES[..]), inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(Value::from),
            members.prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// A value that passes the rule's test, if every template has a value.
fn fitting(rules: &Value) -> Option<Value> {
    let test = rules.as_array().map_or_else(|| rules.as_object().unwrap().values().next().unwrap(), |list| &list[0]);
    let own = |value: &Value| if value.is_string() { model::text(value).map(Value::from) } else { Some(value.clone()) };
    let list = |values: &Value| values.as_array().map_or_else(|| vec![values.clone()], Clone::clone);
    match ["is", "any", "contains", "has"].map(|name| test.get(name)) {
        [_, Some(values), _, _] => own(&values[0]),
        [_, _, Some(values), _] => list(values).iter().map(own).collect::<Option<Vec<_>>>().map(Value::from),
        [_, _, _, Some(name)] => Some(json!({model::text(name)?: null})),
        [is, ..] => own(is.unwrap_or(test)),
    }
}

/// Puts a value where the rule looks.
fn plant(rules: &Value, value: Value, claims: &mut Map<String, Value>) {
    let path: Option<Vec<String>> = match rules {
        Value::Object(map) => map.keys().next().map(|path| path.split('.').map(str::to_owned).collect()),
        list => list[0]["path"].as_array().unwrap().iter().map(model::text).collect(),
    };
    let Some((first, below)) = path.as_deref().and_then(<[String]>::split_first) else { return };
    let value = below.iter().rev().fold(value, |value, name| json!({name: value}));
    claims.insert(first.clone(), value);
}

/// A second, simple implementation of what the rules say.
mod model {
    use serde_json::{Map, Value};

    pub(super) fn allows(rules: &Value, claims: &Map<String, Value>) -> bool {
        match rules {
            Value::Object(map) => {
                map.iter().all(|(path, test)| at(path, claims).is_some_and(|claim| passes(claim, test)))
            }
            Value::Array(list) => list.iter().all(|test| {
                let path: Option<Vec<String>> = test["path"].as_array().unwrap().iter().map(text).collect();
                path.is_some_and(|path| under(&path, claims).is_some_and(|claim| passes(claim, test)))
            }),
            _ => false,
        }
    }

    fn at<'c>(path: &str, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        claims.get(path).or_else(|| {
            let (name, rest) = path.split_once('.')?;
            at(rest, claims.get(name)?.as_object()?)
        })
    }

    fn under<'c>(path: &[String], claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let claim = claims.get(&path[0])?;
        if path.len() == 1 { Some(claim) } else { under(&path[1..], claim.as_object()?) }
    }

    fn passes(claim: &Value, test: &Value) -> bool {
        let elements = claim.as_array().cloned().unwrap_or_default();
        match test {
            Value::Object(test) => {
                let is = test.get("is").is_none_or(|expected| equals(claim, expected));
                let any = test.get("any").is_none_or(|values| {
                    let values = values.as_array().unwrap();
                    values.iter().any(|value| equals(claim, value) || elements.iter().any(|one| equals(one, value)))
                });
                let contains = test.get("contains").is_none_or(|values| {
                    let values = values.as_array().cloned().unwrap_or_else(|| vec![values.clone()]);
                    let words: Vec<&str> = claim.as_str().map(|text| text.split(' ').collect()).unwrap_or_default();
                    values.iter().all(|value| {
                        elements.iter().any(|one| equals(one, value))
                            || text(value).is_some_and(|text| words.contains(&text.as_str()))
                    })
                });
                let has = test.get("has").is_none_or(|name| {
                    text(name).is_some_and(|name| claim.as_object().is_some_and(|claim| claim.contains_key(&name)))
                });
                is && any && contains && has
            }
            expected => equals(claim, expected),
        }
    }

    /// The text of a template for the request; nothing for other values.
    pub(super) fn text(template: &Value) -> Option<String> {
        match template.as_str()? {
            "{id}" => Some("7".to_owned()),
            "{org}" => Some("acme".to_owned()),
            "{query.q}" => Some("x".to_owned()),
            "{query.n}" => Some("-3".to_owned()),
            "{query.none}" => None,
            plain => Some(plain.to_owned()),
        }
    }

    fn equals(actual: &Value, expected: &Value) -> bool {
        match (actual, expected) {
            (Value::String(actual), Value::String(_)) => text(expected).as_ref() == Some(actual),
            (Value::Number(actual), Value::String(template)) => {
                let number = text(expected).and_then(|text| text.parse::<i32>().ok());
                template.starts_with('{') && number.is_some_and(|number| actual.as_f64() == Some(number.into()))
            }
            (Value::Number(actual), Value::Number(expected)) => actual.as_f64() == expected.as_f64(),
            _ => actual == expected,
        }
    }
}

#[test]
fn rules_decide_as_their_model() {
    let met = Cell::new(0);
    let members = proptest::collection::vec((select(&NAMES[..]), claim()), 1..5);
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(rule(), members, proptest::option::weighted(0.6, claim())), |(rules, members, planted)| {
            let mut claims: Map<String, Value> =
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            if let Some(value) = planted.or_else(|| fitting(&rules)) {
                plant(&rules, value, &mut claims);
            }
            let expected = model::allows(&rules, &claims);
            assert_eq!(allowed(&rules, claims.clone()), expected, "{rules} {claims:?}");
            met.set(met.get() + usize::from(expected));
            Ok(())
        })
        .unwrap();
    assert!((50..350).contains(&met.get()), "{} tokens met their rule", met.get());
}
