//! Compares the conversion with a model of OpenAPI: for every request, the policy allows no more than the document's
//! operations do.

use std::fmt::Write;

use portcullis::policy::{Access as Enforced, Policy};
use portcullis::route::path::RequestPath;
use portcullis::route::table::RouteMatch;
use proptest::prelude::*;

use super::samples::{policy_json, yaml};
use super::{DefaultAccess, Import, ImportOptions, import};

/// Segments of a document's paths: literals, parameters, or both.
const SEGMENTS: [&str; 9] = ["a", "b", "{x}", "{y}", "{x}.b", "a{y}", "%61", "{x}{y}", "{p+}"];

/// The index of `{p+}`, which matches one segment or more at the end of a path, as in Amazon API Gateway.
const REST: usize = 8;

/// All methods that no other operation of the path has.
const ANY: &str = "x-amazon-apigateway-any-method";

/// Not an OpenAPI operation, although a reader may take it for one: what it means is unknown.
const HIDDEN: &str = "HEAD";

/// A server: its host, any if empty, and the segments of its base path.
type Base = (&'static str, &'static [&'static str]);

/// Lists of servers, and all servers that they may stand for.
const SERVERS: [(&str, &[Base]); 5] = [
    ("[{url: https://a.x.com}]", &[("a.x.com", &[])]),
    ("[{url: https://a.x.com}, {url: https://b.x.com/b}]", &[("a.x.com", &[]), ("b.x.com", &["b"])]),
    (
        "[{url: 'https://a.x.com/{v}', variables: {v: {default: a, enum: [a, b]}}}]",
        &[("a.x.com", &["a"]), ("a.x.com", &["b"])],
    ),
    ("[{url: 'https://{h}.x.com', variables: {h: {default: a}}}]", &[("", &[])]),
    ("[{url: https://a.x.com/a}, {url: ../b}]", &[("a.x.com", &["a"])]),
];

/// Whether a caller is allowed: with a token of these scopes, or without a token.
type LetsIn = fn(Option<&str>) -> bool;

/// `security` of an operation, and the callers that it allows.
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

/// An operation. `servers` are the indices of its own servers and of its path's; `None` is an empty list.
#[derive(Clone, Debug)]
struct ModelOperation {
    segments: Vec<usize>,
    has_slash: bool,
    method: &'static str,
    security: usize,
    servers: [Option<usize>; 2],
}

fn operations() -> impl Strategy<Value = Vec<ModelOperation>> {
    // Short paths of few different segments, so that many overlap.
    let segment = prop_oneof![2 => prop::sample::select(vec![0, 2]), 1 => 0..SEGMENTS.len()];
    let path = (prop::collection::vec(segment, 0..3), prop::option::weighted(0.3, Just(REST)));
    let path = path.prop_map(|(segments, rest)| segments.into_iter().chain(rest).collect());
    let method = prop::sample::select(vec!["get", "get", "head", "post", "trace", ANY, HIDDEN]);
    let servers = || prop::option::weighted(0.4, 0..SERVERS.len());
    let operation = (path, any::<bool>(), method, 0..SECURITY.len(), servers(), servers());
    let operation = operation.prop_map(|(segments, has_slash, method, security, own, of_path)| ModelOperation {
        segments,
        has_slash,
        method,
        security,
        servers: [own, of_path],
    });
    prop::collection::vec(operation, 1..6)
}

/// The same with a path and a method that a policy can express.
fn exact(mut operation: ModelOperation) -> ModelOperation {
    let rest = operation.segments.last() == Some(&REST);
    operation.segments.retain(|index| [0, 1, 2, 6].contains(index));
    operation.segments.extend(rest.then_some(REST));
    if [HIDDEN, "trace"].contains(&operation.method) {
        operation.method = "delete";
    }
    operation
}

fn template(operation: &ModelOperation) -> String {
    let segments = operation.segments.iter().map(|index| format!("/{}", SEGMENTS[*index]));
    let path: String = segments.collect();
    if operation.has_slash || path.is_empty() { format!("{path}/") } else { path }
}

/// The document with these operations. Of operations with the same path and method only the first is used, and of a
/// path's servers those of its first operation.
fn document(operations: &[ModelOperation], servers: usize) -> (String, Vec<ModelOperation>) {
    let mut paths: Vec<(String, Vec<ModelOperation>)> = Vec::new();
    for operation in operations {
        let path = template(operation);
        match paths.iter_mut().find(|(known, _)| *known == path) {
            Some((_, known)) if known.iter().any(|other| other.method == operation.method) => {}
            Some((_, known)) => {
                let servers = [operation.servers[0], known[0].servers[1]];
                known.push(ModelOperation { servers, ..operation.clone() });
            }
            None => paths.push((path, vec![operation.clone()])),
        }
    }
    let list = |index: Option<usize>| index.map_or("[]", |index| SERVERS[index].0);
    let mut text = format!("openapi: 3.1.0\nservers: {}\n", SERVERS[servers].0);
    text.push_str(
        "components: {securitySchemes: {t: {type: http, scheme: bearer}, key: {type: apiKey, in: header}}}\npaths:\n",
    );
    for (path, operations) in &paths {
        writeln!(text, "  '{path}':\n    servers: {}", list(operations[0].servers[1])).unwrap();
        for ModelOperation { method, security, servers, .. } in operations {
            writeln!(text, "    {method}: {{security: {}, servers: {}}}", SECURITY[*security].0, list(servers[0]))
                .unwrap();
        }
    }
    (text, paths.into_iter().flat_map(|(_, operations)| operations).collect())
}

/// Whether a segment of a template matches a text. Parameters match at least one character (RFC 6570 §3.2.2).
fn takes(template: &str, text: &str) -> bool {
    match template {
        "%61" => text == "a",
        "{x}" | "{y}" | "{p+}" => !text.is_empty(),
        "{x}.b" => text.len() > 2 && text.ends_with(".b"),
        "a{y}" => text.len() > 1 && text.starts_with('a'),
        "{x}{y}" => text.len() > 1,
        literal => literal == text,
    }
}

/// Whether a template matches a path.
fn takes_path(template: &[&str], path: &[&str]) -> bool {
    match (template, path) {
        (["{p+}"], path) => !path.is_empty(),
        ([own, template @ ..], [text, path @ ..]) => takes(own, text) && takes_path(template, path),
        (template, path) => template.is_empty() && path.is_empty(),
    }
}

/// The host and path of a request.
type Target = (&'static str, Vec<&'static str>);

/// An operation at one of its servers.
struct PlacedOperation<'o> {
    operation: &'o ModelOperation,
    host: &'static str,
    path: Vec<&'static str>,
}

impl<'o> PlacedOperation<'o> {
    fn all(operations: &'o [ModelOperation], servers: usize) -> Vec<Self> {
        let place = |operation: &'o ModelOperation| {
            let [own, of_path] = operation.servers;
            let places = SERVERS[own.or(of_path).unwrap_or(servers)].1;
            let own = operation.segments.iter().map(|index| SEGMENTS[*index]).collect::<Vec<_>>();
            places.iter().map(move |(host, base)| Self { operation, host, path: [base, &own[..]].concat() })
        };
        operations.iter().flat_map(place).collect()
    }

    /// Whether it matches a request. A gate that does not check the host stands for every server.
    fn has(&self, (host, path): &Target, hosts: bool) -> bool {
        (!hosts || self.host.is_empty() || self.host == *host) && takes_path(&self.path, path)
    }

    /// Whether it is for a method: its own, or one that no operation of its path has.
    fn has_method(&self, method: &str, operations: &[ModelOperation]) -> bool {
        let path = template(self.operation);
        let siblings = || operations.iter().filter(|other| template(other) == path);
        let is_all = |operation: &ModelOperation| [ANY, HIDDEN].contains(&operation.method);
        let is_named = |operation: &ModelOperation| operation.method == method.to_ascii_lowercase();
        match siblings().any(is_named) {
            true => is_named(self.operation),
            false if siblings().any(is_all) => is_all(self.operation),
            false => method == "HEAD" && self.operation.method == "get",
        }
    }

    fn lets_in(&self, token: Option<&str>) -> bool {
        self.operation.method != HIDDEN && SECURITY[self.operation.security].1(token)
    }
}

/// All paths of requests.
fn paths() -> Vec<Vec<&'static str>> {
    let segments = ["a", "b", "c", "a.b", "ab", "ac"];
    let longer = |paths: &[Vec<&'static str>]| {
        let with = |path: &Vec<&'static str>| segments.map(|segment| [&path[..], &[segment]].concat());
        paths.iter().flat_map(with).collect::<Vec<_>>()
    };
    let one = longer(&[vec![]]);
    let two = longer(&one);
    [vec![vec![]], one, longer(&two), two].concat()
}

/// Paths to compare templates by: those of requests, and each with one more segment.
fn samples() -> Vec<Vec<&'static str>> {
    let with = |path: &Vec<&'static str>, at: usize| [&path[..at], &["c"], &path[at..]].concat();
    let longer = paths().iter().flat_map(|path| (0..=path.len()).map(|at| with(path, at))).collect::<Vec<_>>();
    [paths(), longer].concat()
}

/// Whether the policy allows a request with a token of these scopes, or without a token.
fn lets_in(policy: &Policy, (host, path): &Target, method: &str, token: Option<&str>) -> bool {
    let path = format!("/{}", path.join("/"));
    let path = RequestPath::parse(&path).unwrap();
    let RouteMatch::Route(index, _) = policy.table.find(host, &path, method) else { return false };
    let requirement = match (policy.routes[index].forwarding().map(|forwarding| &forwarding.access), token) {
        (Some(Enforced::Public), _) | (Some(Enforced::Optional(_)), None) => return true,
        (None | Some(Enforced::Nobody), _) | (Some(Enforced::Token(_)), None) => return false,
        (Some(Enforced::Token(requirement) | Enforced::Optional(requirement)), Some(_)) => requirement,
    };
    let has = |scope: &String| token.is_some_and(|scopes| scopes.contains(scope.as_str()));
    let scopes = &requirement.scopes;
    scopes.all.iter().all(has) && (scopes.any.is_empty() || scopes.any.iter().any(has))
}

fn imported(text: &str, hosts: bool) -> (Import, ImportOptions) {
    let options = ImportOptions {
        audience: vec!["https://api.example.com".to_owned()],
        issuer: Some("https://issuer.example.com".to_owned()),
        default_access: Some(DefaultAccess::Deny),
        hosts,
        ..ImportOptions::default()
    };
    (import(&yaml(text), &options).unwrap(), options)
}

const TOKENS: [Option<&str>; 5] = [None, Some(""), Some("r"), Some("w"), Some("rw")];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn the_policy_never_opens_more_than_the_document(
        operations in operations(),
        servers in 0..SERVERS.len(),
        hosts in any::<bool>(),
    ) {
        let (text, operations) = document(&operations, servers);
        let (import, options) = imported(&text, hosts);
        prop_assert!(import.missing.is_empty());
        let policy = Policy::parse(&policy_json(&import, &options)).unwrap();
        let placed = PlacedOperation::all(&operations, servers);
        let paths = paths();
        let samples = samples();
        let taken = |one: &PlacedOperation<'_>| samples.iter().map(|path| takes_path(&one.path, path)).collect::<Vec<_>>();
        let taken: Vec<Vec<bool>> = placed.iter().map(taken).collect();
        let is_more_specific = |one: usize, other: usize| {
            taken[one] != taken[other] && taken[one].iter().zip(&taken[other]).all(|(one, other)| one <= other)
        };
        let names = if hosts { &["a.x.com", "b.x.com", "c.x.com"][..] } else { &["gate"] };
        for target in names.iter().flat_map(|host| paths.iter().map(|path| (*host, path.clone()))) {
            let own: Vec<usize> = (0..placed.len()).filter(|index| placed[*index].has(&target, hosts)).collect();
            let is_best = |index: &&usize| !own.iter().any(|other| is_more_specific(*other, **index));
            for method in ["GET", "HEAD", "POST", "PUT"] {
                let is_for = |index: &&usize| placed[**index].has_method(method, &operations);
                for token in TOKENS.into_iter().filter(|token| lets_in(&policy, &target, method, *token)) {
                    let may = |index: &usize| placed[*index].lets_in(token);
                    let request = format!("{text}\n{method} {target:?} {token:?}");
                    prop_assert!(own.iter().filter(is_for).any(may), "{request}");
                    // All of the most specific operations must agree.
                    prop_assert!(own.iter().filter(is_best).filter(is_for).all(may), "{request}");
                }
            }
        }
    }

    #[test]
    fn what_a_policy_can_say_it_says(operations in operations(), servers in 0..SERVERS.len()) {
        // Only paths without parameters within a segment, and only requests that a single operation matches.
        let (text, operations) = document(&operations.into_iter().map(exact).collect::<Vec<_>>(), servers);
        let (import, options) = imported(&text, true);
        let policy = Policy::parse(&policy_json(&import, &options)).unwrap();
        let placed = PlacedOperation::all(&operations, servers);
        // Only the default of a variable is imported, and no relative server.
        let is_imported = |(host, path): &Target| {
            path.first() != Some(&"b") || (*host == "b.x.com" && !text.contains("../b"))
        };
        let targets = paths().into_iter().flat_map(|path| ["a.x.com", "b.x.com"].map(|host| (host, path.clone())));
        for target in targets.filter(is_imported) {
            let own: Vec<_> = placed.iter().filter(|one| one.has(&target, true)).collect();
            let [own] = own[..] else { continue };
            let ModelOperation { method, security, .. } = *own.operation;
            let method = if method == ANY { "PUT".to_owned() } else { method.to_ascii_uppercase() };
            for token in TOKENS {
                // `optional` refuses a token without the scopes, which the document treats like no token.
                let is_refused = SECURITY[security].0 == "[{}, {t: [w]}]" && matches!(token, Some("" | "r"));
                let let_in = lets_in(&policy, &target, &method, token);
                prop_assert_eq!(let_in, own.lets_in(token) && !is_refused, "{}\n{} {:?}", text, method, target);
            }
        }
    }
}

#[test]
fn routes_of_left_out_paths_do_not_take_the_requests_of_others() {
    // At `/b`, which is not imported, `/{p+}` needs routes, and these would open `/b/a/a`.
    let text = "
openapi: 3.1.0
servers: [{url: https://a.x.com}]
components: {securitySchemes: {t: {type: http, scheme: bearer}, key: {type: apiKey, in: header}}}
paths:
  '/{x}.b/{p+}': {trace: {security: []}}
  '/a/a':
    x-amazon-apigateway-any-method:
      security: [{key: [], t: []}]
      servers: [{url: 'https://a.x.com/{v}', variables: {v: {default: a, enum: [a, b]}}}]
  '/{p+}':
    servers: [{url: 'https://a.x.com/{v}', variables: {v: {default: a, enum: [a, b]}}}]
    head: {security: []}
  '/{x}/{p+}': {get: {security: []}}
";
    let (import, options) = imported(text, false);
    let policy = Policy::parse(&policy_json(&import, &options)).unwrap();
    assert!(!lets_in(&policy, &("gate", vec!["b", "a", "a"]), "GET", None));
    assert!(lets_in(&policy, &("gate", vec!["b", "c", "c"]), "GET", None));
}
