//! The conversion against OpenAPI's own words: for each request, what the policy lets through is no more than what the
//! document's operations let through.

use std::fmt::Write;

use portcullis::policy::{Access as Enforced, Policy};
use portcullis::route::path::RequestPath;
use portcullis::route::table::RouteMatch;
use proptest::prelude::*;

use super::samples::{policy_json, yaml};
use super::{DefaultAccess, Import, Options, import};

/// Paths of documents; the last part of each segment is a parameter, a text or both.
const SEGMENTS: [&str; 8] = ["a", "b", "{x}", "{y}", "{x}.b", "a{y}", "%61", "{x}{y}"];

/// All methods that no other operation of the path has.
const ANY: &str = "x-amazon-apigateway-any-method";

/// Whether a token with these scopes gets in, or no token.
type LetsIn = fn(Option<&str>) -> bool;

/// `security` of an operation, and the tokens that it lets in: by their scopes, none for no token.
const SECURITY: [(&str, LetsIn); 8] = [
    ("[]", |_| true),
    ("[{}]", |_| true),
    ("[{t: [r]}]", |token| token.is_some_and(|scopes| scopes.contains('r'))),
    ("[{t: [r, w]}]", |token| token.is_some_and(|scopes| scopes.contains('r') && scopes.contains('w'))),
    ("[{t: [r]}, {t: [w]}]", |token| token.is_some_and(|scopes| scopes.contains('r') || scopes.contains('w'))),
    ("[{}, {t: [w]}]", |_| true),
    ("[{key: []}, {t: [w]}]", |token| token.is_some_and(|scopes| scopes.contains('w'))),
    ("[{key: [], t: []}]", |_| false),
];

/// An operation: indices of its segments, whether a slash ends its path, its method, the index of its security.
type Operation = (Vec<usize>, bool, &'static str, usize);

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let path = prop::collection::vec(0..SEGMENTS.len(), 1..4);
    let operation = (path, any::<bool>(), prop::sample::select(vec!["get", "post", ANY]), 0..SECURITY.len());
    prop::collection::vec(operation, 1..6)
}

fn template((segments, slash, ..): &Operation) -> String {
    let path: String =
        segments.iter().filter_map(|index| SEGMENTS.get(*index)).map(|text| format!("/{text}")).collect();
    if *slash { format!("{path}/") } else { path }
}

/// The document with these operations; of two with one path and method, the first.
fn document(operations: &[Operation]) -> (String, Vec<Operation>) {
    let mut paths: Vec<(String, Vec<Operation>)> = Vec::new();
    for operation in operations {
        let path = template(operation);
        match paths.iter_mut().find(|(known, _)| *known == path) {
            Some((_, known)) if known.iter().any(|other| other.2 == operation.2) => {}
            Some((_, known)) => known.push(operation.clone()),
            None => paths.push((path, vec![operation.clone()])),
        }
    }
    let mut text = String::from("openapi: 3.1.0\nservers: [{url: https://o.example.com}]\n");
    text.push_str(
        "components: {securitySchemes: {t: {type: http, scheme: bearer}, key: {type: apiKey, in: header}}}\npaths:\n",
    );
    for (path, operations) in &paths {
        writeln!(text, "  '{path}':").unwrap();
        for (_, _, method, security) in operations {
            writeln!(text, "    {method}: {{security: {}}}", SECURITY[*security].0).unwrap();
        }
    }
    (text, paths.into_iter().flat_map(|(_, operations)| operations).collect())
}

/// Whether a template's segment takes this text: parameters take at least one character (RFC 6570 §3.2.2).
fn takes(template: &str, text: &str) -> bool {
    match template {
        "%61" => text == "a",
        "{x}" | "{y}" => !text.is_empty(),
        "{x}.b" => text.len() > 2 && text.ends_with(".b"),
        "a{y}" => text.len() > 1 && text.starts_with('a'),
        "{x}{y}" => text.len() > 1,
        literal => literal == text,
    }
}

/// The operations that a request could be for.
fn are_for<'o>(operations: &'o [Operation], request: &[String], method: &str) -> Vec<&'o Operation> {
    let has_path = |operation: &&Operation| {
        let segments = operation.0.iter();
        segments.len() == request.len() && segments.zip(request).all(|(index, text)| takes(SEGMENTS[*index], text))
    };
    let is_named = |operation: &Operation| operation.2.eq_ignore_ascii_case(method);
    let is_left = |operation: &Operation| {
        let path = template(operation);
        operation.2 == ANY && !operations.iter().any(|other| template(other) == path && is_named(other))
    };
    operations.iter().filter(has_path).filter(|operation| is_named(operation) || is_left(operation)).collect()
}

/// What a route could say of an operation's path.
fn spot(operation: &Operation) -> Vec<&'static str> {
    let segment = |index: &usize| match SEGMENTS[*index] {
        "%61" => "a",
        text if text.contains('{') => "{}",
        text => text,
    };
    operation.0.iter().map(segment).collect()
}

/// Whether the policy lets a request with these scopes through, or with no token.
fn lets_in(policy: &Policy, path: &str, method: &str, token: Option<&str>) -> bool {
    let path = RequestPath::parse(path).unwrap();
    let RouteMatch::Route(index, _) = policy.table.find("gate", &path, method) else { return false };
    let requirement = match (&policy.routes[index].access, token) {
        (Enforced::Public, _) | (Enforced::Optional(_), None) => return true,
        (Enforced::Deny, _) | (Enforced::Token(_), None) => return false,
        (Enforced::Token(requirement) | Enforced::Optional(requirement), Some(_)) => requirement,
    };
    let has = |scope: &String| token.is_some_and(|scopes| scopes.contains(scope.as_str()));
    let scopes = &requirement.scopes;
    scopes.all.iter().all(has) && (scopes.any.is_empty() || scopes.any.iter().any(has))
}

fn imported(text: &str) -> (Import, Options) {
    let options = Options {
        audience: vec!["https://api.example.com".to_owned()],
        issuer: Some("https://issuer.example.com".to_owned()),
        default_access: Some(DefaultAccess::Deny),
        ..Options::default()
    };
    (import(&yaml(text), &options).unwrap(), options)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_policy_never_opens_more_than_the_document(operations in operations()) {
        let (text, operations) = document(&operations);
        let (import, options) = imported(&text);
        prop_assert!(import.missing.is_empty());
        let policy = Policy::parse(&policy_json(&import, &options)).unwrap();
        let segments = ["a", "b", "c", "a.b", "ab", "ac"].map(str::to_owned);
        let mut requests: Vec<Vec<String>> = segments.iter().map(|one| vec![one.clone()]).collect();
        requests.extend(segments.iter().flat_map(|one| segments.iter().map(move |two| vec![one.clone(), two.clone()])));
        for request in &requests {
            for method in ["GET", "POST", "PUT"] {
                let path = format!("/{}", request.join("/"));
                let own = are_for(&operations, request, method);
                for token in [None, Some(""), Some("r"), Some("w"), Some("rw")] {
                    let may = |operation: &&Operation| SECURITY[operation.3].1(token);
                    if lets_in(&policy, &path, method, token) {
                        prop_assert!(own.iter().any(may), "{text}\n{method} {path} {token:?}");
                        // Where routes could not tell the operations apart, each of them must agree.
                        let is_one = own.windows(2).all(|pair| spot(pair[0]) == spot(pair[1]));
                        prop_assert!(!is_one || own.iter().all(may), "{text}\n{method} {path} {token:?}");
                        // No route for a whole segment takes what is for a parameter within it.
                        let is_whole = request.len() == 1 && own.iter().all(|operation| spot(operation) == ["{}"]);
                        prop_assert!(!is_whole || own.iter().all(may), "{text}\n{method} {path} {token:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_policy_can_say_it_says(operations in operations()) {
        // One operation, of a path without parameters within a segment: no other one stands in its way.
        let (segments, slash, method, security) = operations.first().unwrap().clone();
        let segments: Vec<usize> = segments.into_iter().filter(|index| [0, 1, 2, 6].contains(index)).take(1).collect();
        prop_assume!(!segments.is_empty());
        let (text, operations) = document(&[(segments, slash, method, security)]);
        let (import, options) = imported(&text);
        let policy = Policy::parse(&policy_json(&import, &options)).unwrap();
        let (request, own) = ("a".to_owned(), "b".to_owned());
        for segment in [request, own] {
            let request = std::slice::from_ref(&segment);
            let method = if method == ANY { "PUT".to_owned() } else { method.to_ascii_uppercase() };
            for token in [None, Some("r"), Some("w"), Some("rw")] {
                let own = are_for(&operations, request, &method);
                let expected = own.iter().any(|operation| SECURITY[operation.3].1(token));
                // `optional` refuses a token that does not do, where the document takes it for none.
                let is_optional = SECURITY[security].0 == "[{}, {t: [w]}]" && token == Some("r");
                prop_assert_eq!(lets_in(&policy, &format!("/{segment}"), &method, token), expected && !is_optional, "{}", text);
            }
        }
    }
}
