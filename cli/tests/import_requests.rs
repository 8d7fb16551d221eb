//! `portcullis import openapi`: what becomes of requests that more than one path of a document could be for. None gets
//! in that the document protects.

use std::fmt::Write;

use portcullis::policy::{Access, Policy};
use portcullis::route::path::RequestPath;
use portcullis::route::table::RouteMatch;

use crate::tool::{command, run};

pub(crate) const SCHEMES: &str = "components: {securitySchemes: {t: {type: http, scheme: bearer}, \
    key: {type: apiKey, in: header, name: k}}}\n";
const OPTIONS: [&str; 4] = ["--audience", "*", "--issuer", "https://i.example.com"];

/// The policy of a document, and what is said of it.
pub(crate) fn imported(text: &str, options: &[&str]) -> (Policy, String) {
    let words = [&["import", "openapi", "-", "--format", "json"][..], &OPTIONS, options].concat();
    let run = run(&mut command(&words), &format!("openapi: 3.1.0\n{SCHEMES}{text}"));
    assert_eq!(run.code, Some(0), "{}", run.err);
    (Policy::parse(&run.out).unwrap(), run.err.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What the policy does with a request: its method, host and path.
fn decision(policy: &Policy, request: &str) -> String {
    let words: Vec<&str> = request.split(' ').collect();
    let path = RequestPath::parse(words[2]).unwrap();
    let index = match policy.table.find(words[1], &path, words[0]) {
        RouteMatch::Route(index, _) => index,
        RouteMatch::MethodNotAllowed(_) => return "405".to_owned(),
        RouteMatch::NoRoute => return "404".to_owned(),
    };
    match policy.routes[index].forwarding().map(|forwarding| &forwarding.access) {
        Some(Access::Public) => "public".to_owned(),
        None | Some(Access::Nobody) => "deny".to_owned(),
        Some(Access::Optional(_)) => "optional".to_owned(),
        Some(Access::Token(requirement)) => format!("token {}", requirement.scopes.all.join(" ")).trim_end().to_owned(),
    }
}

/// Checks the decisions of a document's policy, and that these words are said of it.
pub(crate) fn check(text: &str, options: &[&str], expected: &[(&str, &str)], said: &[&str]) {
    let (policy, report) = imported(text, options);
    for (request, decided) in expected {
        assert_eq!(decision(&policy, request), *decided, "{request}\n{text}\n{report}");
    }
    for words in said {
        assert!(report.contains(words), "{words}\n{text}\n{report}");
    }
}

pub(crate) const O: &str = "servers: [{url: https://o.example.com}]\n";
pub(crate) const ADMIN: &str = "security: [{t: [admin]}]";
pub(crate) const OPEN: &str = "security: []";

#[test]
fn a_public_get_does_not_open_head() {
    let any = format!("{O}paths: {{/a: {{get: {{{OPEN}}}, x-amazon-apigateway-any-method: {{{ADMIN}}}}}}}");
    check(&any, &[], &[("GET g /a", "public"), ("HEAD g /a", "token admin"), ("PUT g /a", "token admin")], &[]);
    let wrong = format!("{O}paths: {{/a: {{get: {{{OPEN}}}, HEAD: {{{ADMIN}}}}}}}");
    check(&wrong, &[], &[("GET g /a", "public"), ("HEAD g /a", "deny")], &["not an OpenAPI operation: \"HEAD\""]);
    let elsewhere = format!(
        "{O}paths: {{/a: {{get: {{{OPEN}}}, head: {{servers: [{{url: https://p.example.com/p}}], {ADMIN}}}}}}}"
    );
    check(&elsewhere, &[], &[("GET g /a", "public"), ("HEAD g /a", "deny"), ("HEAD g /p/a", "token admin")], &[]);
}

#[test]
fn a_token_of_an_issuer_that_was_not_named_is_not_taken() {
    let text = "servers: [{url: https://o.example.com}]\npaths: {/a: {get: {}}, /b: {get: {security: [{o: [r]}]}}}\n\
        x-: {}\n";
    let schemes = "{type: openIdConnect, openIdConnectUrl: 'https://p.example.com/.well-known/openid-configuration'}";
    let text = format!(
        "openapi: 3.1.0\n{text}components: {{securitySchemes: {{o: {schemes}, x: {{type: http, scheme: bearer}}, \
         y: {{type: http, scheme: bearer}}}}}}"
    );
    let words = "import openapi - --audience * --issuer x=https://x.com --issuer y=https://x.com \
        --default-access token --format json";
    let run = run(&mut command(&words.split_whitespace().collect::<Vec<_>>()), &text);
    let policy: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(policy["routes"][0]["issuers"], serde_json::json!(["x"]), "{policy}");
}

#[test]
fn a_parameter_that_says_more_than_its_name_is_denied_where_it_is() {
    let rest = format!("'/{{a}}/{{b}}/{{c}}': {{get: {{{OPEN}}}}}");
    let text = |path: &str| format!("{O}paths: {{'{path}': {{get: {{{ADMIN}}}}}, {rest}}}");
    let denied = [("GET g /users/1/keys", "deny"), ("GET g /x/1/keys", "public")];
    check(&text("/users/{id?}/keys"), &[], &denied, &["denied: in a route a parameter is only a name"]);
    check(&text("/users/{id:[^/]+}/keys"), &[], &denied, &["denied: in a route a parameter is only a name"]);
    let greedy =
        [("GET g /users/1", "token admin"), ("GET g /users/1/keys", "deny"), ("GET g /users/1/2/3", "token admin")];
    check(&text("/users/{proxy+}"), &[], &greedy, &["changed: the parameter {proxy+} becomes {proxy}/{*rest}"]);
    let wide = [("GET g /users/1", "token admin"), ("GET g /users/1/keys", "deny")];
    check(
        &text("/users/{*path}"),
        &[],
        &wide,
        &["narrowed: in a route the parameter {*path} matches only one segment"],
    );
}

#[test]
fn what_may_be_several_segments_is_denied_where_other_paths_take_it() {
    let text = |path: &str, page: &str| {
        let files = format!("'/files/{{x}}': {{get: {{{OPEN}}}}}, /files/a/b/edit: {{get: {{{OPEN}}}}}");
        format!("{O}paths: {{'{path}': {{get: {{{ADMIN}}}}}, '{page}': {{get: {{{OPEN}}}}}, {files}}}")
    };
    for parameter in ["{path+}", "{path*}", "{*path}", "{path:.+}"] {
        let path = format!("/files/{parameter}/edit");
        // A literal path is more specific; others end otherwise or are too short.
        let open = [("GET g /files/a/b/edit", "public"), ("GET g /files/x", "public")];
        for (page, request) in [
            ("/files/{a}/{b}/{c}", "GET g /files/x/y/edit"),
            ("/files/{a}/{b}/edit", "GET g /files/x/y/edit"),
            ("/{any}/{a}/{b}/{c}/edit", "GET g /files/x/y/z/edit"),
        ] {
            check(&text(&path, page), &[], &[(request, "deny"), open[0], open[1]], &[]);
        }
        check(&text(&path, "/files/{a}/{b}/raw"), &[], &[("GET g /files/x/y/raw", "public"), open[0], open[1]], &[]);
        check(&text(&path, "/files/{a}/info"), &[], &[("GET g /files/x/info", "public"), open[0], open[1]], &[]);
    }
    for (path, page, request) in [
        ("/docs{path:.*}", "/docs/{y}", "GET g /docs/x"),
        ("/docs{path:.*}", "/docs/{y}/{z}", "GET g /docs/x/y"),
        ("/v{p:.*}.json", "/{a}/{b}", "GET g /v1/x.json"),
        ("/static-{path:.+}", "/{a}/{b}", "GET g /static-x/y"),
        ("/a{/b}", "/a/{y}", "GET g /a/x"),
        ("/a{/b,c}", "/a/{y}/{z}", "GET g /a/x/y"),
        ("/q/{a?}{b?}", "/{y}", "GET g /q"),
    ] {
        check(&text(path, page), &[], &[(request, "deny"), ("GET g /files/x", "public")], &["denied: "]);
    }
    check(&text("/v{p:.*}.json", "/u/{b}"), &[], &[("GET g /u/x.json", "public")], &[]);
    check(&text("/v{p:.*}.json", "/v1/x"), &[], &[("GET g /v1/x", "public")], &[]);
}

#[test]
fn the_root_of_a_rest_is_what_the_document_says_of_it() {
    let text = |rest: &str, others: &str| format!("{O}paths: {{'{rest}': {{get: {{{OPEN}}}}}, {others}}}");
    let below = [("GET g /rest/a", "public"), ("GET g /rest/a/b/", "public"), ("PUT g /rest/a", "405")];
    let said = ["changed: the parameter {proxy+} becomes {proxy}/{*rest}"];
    check(&text("/rest/{proxy+}", ""), &[], &below, &said);
    let get = format!("get: {{{ADMIN}}}");
    for (others, root, put) in [
        (String::new(), "404", "404"),
        (format!("/rest: {{{get}}}"), "token admin", "405"),
        (format!("'/rest/': {{{get}}}, '/{{x}}': {{get: {{{OPEN}}}}}"), "token admin", "405"),
        (format!("'/{{x}}': {{{get}}}"), "token admin", "405"),
        (format!("'/{{x}}': {{put: {{{OPEN}}}}}"), "405", "public"),
        (format!("'/{{all+}}': {{{get}}}"), "token admin", "405"),
        (format!("'/{{a}}.{{b}}': {{put: {{{ADMIN}}}}}"), "405", "deny"),
    ] {
        let roots = [("GET g /rest", root), ("GET g /rest/", root), ("PUT g /rest", put), ("GET g /", "404")];
        check(&text("/rest/{proxy+}", &others), &[], &[&below[..], &roots].concat(), &[]);
    }
    let whole = [("GET g /", "token admin"), ("GET g /a", "public"), ("PUT g /", "405")];
    check(&text("/{proxy+}", &format!("/: {{{get}}}")), &[], &whole, &[]);
}

#[test]
fn what_is_denied_below_a_path_leaves_the_path_itself() {
    let text = |path: &str, others: &str| format!("{O}paths: {{'{path}': {{get: {{{ADMIN}}}}}, {others}}}");
    let page = format!("'/{{x}}': {{get: {{{OPEN}}}}}, '/{{x}}/{{y}}/{{z}}': {{get: {{{OPEN}}}}}");
    let files = [("GET g /files", "public"), ("GET g /files/x/edit", "deny"), ("GET g /x/y/z", "public")];
    check(&text("/files/{path:.+}", &page), &[], &files, &[]);
    let whole = format!("'/{{all+}}': {{get: {{{OPEN}}}}}");
    let pages = [("GET g /x", "public"), ("GET g /v1.json", "public"), ("GET g /v1/x.json/y", "deny")];
    check(&text("/v{p:.*}.json/y", &whole), &[], &pages, &[]);
    let twice = format!("'/v1/{{b}}/y': {{get: {{{OPEN}}}}}");
    check(&text("/v{p:.*}.json/{q+}", &twice), &[], &[("GET g /v1/x.json/y", "deny")], &[]);
}

#[test]
fn a_trace_is_left_out_and_its_path_stays_shut() {
    let text = format!(
        "{O}paths: {{/a: {{get: {{{OPEN}}}, trace: {{{OPEN}}}}}, /b: {{trace: {{{OPEN}}}}}, '/{{x}}': {{get: {{{OPEN}}}}}}}"
    );
    let expected = [
        ("GET g /a", "public"),
        ("HEAD g /a", "public"),
        ("TRACE g /a", "405"),
        ("PUT g /a", "405"),
        ("GET g /b", "deny"),
        ("TRACE g /b", "405"),
        ("GET g /x", "public"),
    ];
    let said = [
        "left out: the gate refuses the method TRACE <stdin>:4 #/paths/~1a/trace",
        "denied: the path has no operation that the gate lets through <stdin>:4 #/paths/~1b",
    ];
    check(&text, &[], &expected, &said);
}

#[test]
fn paths_that_differ_by_case_are_each_as_written_and_noted() {
    let text =
        |other: &str| format!("{O}paths: {{'/Users/{{id}}': {{get: {{{ADMIN}}}}}, '{other}': {{get: {{{OPEN}}}}}}}");
    let expected = [("GET g /Users/1", "token admin"), ("GET g /users/1", "public"), ("GET g /USERS/1", "404")];
    let noted = "note: differs from #/paths/~1Users~1{id}/get only by case: a case-insensitive origin treats \
        both as one <stdin>:4 #/paths/~1users~1{name}/get";
    check(&text("/users/{name}"), &[], &expected, &[noted]);
    for other in ["/Users/{name}/", "/users", "/users/id", "/others/{id}"] {
        assert!(!imported(&text(other), &[]).1.contains("only by case"), "{other}");
    }
}

#[test]
fn a_path_that_clients_and_servers_write_anew_is_denied_as_they_do() {
    let text = |path: &str| {
        format!(
            "{O}paths: {{'{path}': {{get: {{{ADMIN}}}}}, '/{{p}}': {{get: {{{OPEN}}}}}, '/{{p}}/{{q}}': {{get: {{{OPEN}}}}}}}"
        )
    };
    check(&text("/x%2Ejson"), &[], &[("GET g /x.json", "token admin"), ("GET g /y.json", "public")], &[]);
    for (path, request) in [("/d%2Fe", "GET g /d/e"), ("/a/../d", "GET g /d"), ("/a/%2E%2E/d", "GET g /d")] {
        check(&text(path), &[], &[(request, "deny"), ("GET g /x/y", "public")], &["left out: the gate refuses"]);
    }
}

#[test]
fn what_two_paths_take_that_ask_otherwise_no_one_may() {
    let text = |secret: &str, field: &str| {
        format!(
            "{O}paths: {{'/users/{{id}}/{secret}': {{get: {{{ADMIN}}}, put: {{{ADMIN}}}}}, '/users/me/{{field}}': {{get: {{{field}}}, post: {{}}}}}}\n{OPEN}"
        )
    };
    let expected = [
        ("GET g /users/me/secret", "deny"),
        ("PUT g /users/me/secret", "token admin"),
        ("POST g /users/me/secret", "public"),
        ("GET g /users/me/x", "public"),
        ("GET g /users/1/secret", "token admin"),
    ];
    check(
        &text("secret", OPEN),
        &[],
        &expected,
        &["GET /users/me/secret is also for #/paths/~1users~1me~1{field}/get"],
    );
    // The same rule needs no route of its own.
    check(&text("secret", ADMIN), &[], &[("GET g /users/me/secret", "token admin")], &[]);
    let within =
        format!("{O}paths: {{'/{{a}}-{{b}}/{{id}}': {{get: {{{ADMIN}}}}}, '/{{x}}/list': {{get: {{{OPEN}}}}}}}");
    check(&within, &[], &[("GET g /p-q/list", "deny")], &[]);
}

#[test]
fn what_a_merge_key_or_a_chain_of_references_hides_stays_shut() {
    let paths = format!(
        "{O}x-p: {{q: {{get: {{{OPEN}}}}}, p: {{$ref: '#/x-p/q', post: {{{ADMIN}}}}}, s: &s {{{ADMIN}}}}}\npaths:\n  \
         /chain: {{$ref: '#/x-p/p'}}\n  /null: {{get: {{$ref: }}}}\n  /merged: {{get: {{<<: *s}}}}\n  \
         /list: {{get: {{security: [{{<<: {{t: []}}}}]}}}}\n  /path: {{security: [{{t: []}}], get: {{}}}}\n  \
         /example: {{get: {{{OPEN}, responses: {{x: {{example: [{{<<: *s}}]}}}}}}}}\n{OPEN}"
    );
    let denied =
        ["GET g /chain", "GET g /null", "GET g /merged", "GET g /list", "GET g /path"].map(|request| (request, "deny"));
    check(&paths, &[], &denied, &["merge keys (<<)", "a reference is nothing, not a string"]);
    check(&paths, &[], &[("GET g /example", "public")], &[]);
    let servers =
        "servers: [{url: 'https://{t}.x.com', variables: {t: {<<: {enum: [a]}, default: a}}}]\npaths: {/a: {get: {}}}";
    let imported = run(&mut command(&["import", "openapi", "-", "--hosts"]), &format!("openapi: 3.1.0\n{servers}"));
    assert!(imported.err.contains("#/servers/0/variables/t: merge keys (<<)"), "{}", imported.err);
}

#[test]
fn the_order_of_alternatives_says_nothing() {
    let text = "servers: [{url: https://o.example.com}]\npaths:\n  /a/{x}: {get: {security: [{t: [r]}, {u: [r]}]}}\n  \
        /a/{y}: {get: {security: [{u: [r]}, {t: [r]}]}}\n";
    let schemes = "components: {securitySchemes: {t: {type: http, scheme: bearer}, u: {type: http, scheme: bearer}}}";
    let words = "import openapi - --audience * --issuer u=https://u.example.com --issuer t=https://t.example.com \
        --format json";
    let words: Vec<&str> = words.split_whitespace().collect();
    let run = run(&mut command(&words), &format!("openapi: 3.1.0\n{text}{schemes}"));
    let policy: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(policy["routes"].as_array().unwrap().len(), 1, "{policy}");
    assert_eq!(policy["routes"][0]["access"], serde_json::Value::Null, "not denied: {policy}");
}

#[test]
fn what_is_a_parameter_elsewhere_is_noted() {
    let text = format!(
        "{O}paths: {{'/admin/*': {{get: {{{ADMIN}}}}}, '/users/:id': {{get: {{{ADMIN}}}}}, '/a/b:c': {{get: {{{OPEN}}}}}}}"
    );
    let said = ["\"*\" is literal text in OpenAPI, not a parameter", "\":id\" is literal text in OpenAPI"];
    check(&text, &[], &[("GET g /admin/*", "token admin"), ("GET g /admin/x", "404")], &said);
    assert!(!imported(&text, &[]).1.contains("\"b:c\""));
}

#[test]
fn only_what_matters_is_asked_and_what_is_narrowed_is_said() {
    let text = format!("{O}paths: {{/a: {{get: {{security: [{{b: [], key: []}}]}}}}, /b: {{get: {{{OPEN}}}}}}}\n");
    let schemes = "components: {securitySchemes: {b: {type: http, scheme: bearer}, key: {type: apiKey, in: header}}}";
    let imported = run(&mut command(&["import", "openapi", "-"]), &format!("openapi: 3.1.0\n{text}{schemes}"));
    assert_eq!(imported.code, Some(0), "{}", imported.err);
    let optional = format!("{O}paths: {{/a: {{get: {{security: [{{}}, {{t: [s]}}]}}}}}}");
    check(&optional, &[], &[("GET g /a", "optional")], &["narrowed: a token without these scopes is refused"]);
}

#[test]
fn a_large_document_with_paths_that_cross_is_imported() {
    let mut text = format!("{O}paths:\n");
    for resource in 0..2000 {
        writeln!(text, "  /{{any}}/{{b}}/x{resource}: {{get: {{{OPEN}}}, put: {{{ADMIN}}}}}").unwrap();
        writeln!(text, "  /r{resource}/{{b}}/{{c}}: {{get: {{{OPEN}}}, put: {{{ADMIN}}}}}").unwrap();
    }
    let (policy, _) = imported(&text, &[]);
    assert_eq!(policy.routes.len(), 8000, "all ask the same where they cross");
    text.push_str("  /last/{b}/{c}: {get: {}}\nsecurity: [{t: [other]}]\n");
    let (policy, _) = imported(&text, &[]);
    assert_eq!(policy.routes.len(), 8001 + 4000, "one crosses 2000 others: a denied GET, a PUT");
}
