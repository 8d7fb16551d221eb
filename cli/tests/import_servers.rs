//! `portcullis import openapi`: at which servers of a document requests come in. None gets in that the document protects.

use crate::import_requests::{ADMIN, O, OPEN, SCHEMES, check, imported};
use crate::tool::{command, run};

#[test]
fn no_route_takes_the_requests_of_servers_that_are_left_out() {
    let of_two =
        |servers: &str, page: &str| format!("servers: [{servers}]\npaths:\n  /admin: {{get: {{{ADMIN}}}}}\n  {page}");
    let expected = [("GET g /v1/admin", "token admin"), ("GET g /v2/admin", "deny"), ("GET g /v2/x", "public")];
    let page = format!("/{{page}}: {{servers: [{{url: https://o.example.com/v2}}], get: {{{OPEN}}}}}");
    let two = of_two("{url: https://o.example.com/v1}, {url: https://o.example.com/v2}", &page);
    check(&two, &[], &expected, &["there is no route for its path on the server \"https://o.example.com/v2\""]);
    check(&two, &["--server", "/v1", "--origin", "https://i.example.com"], &expected, &[]);
    let relative = of_two("{url: https://o.example.com/v1}, {url: ../v2}", &page);
    check(&relative, &[], &expected, &["left out: the server \"../v2\""]);
    let page = format!("/v2/{{page}}: {{servers: [{{url: https://o.example.com}}], get: {{{OPEN}}}}}");
    for values in ["enum: [v1, v2], ", ""] {
        let server = format!("{{url: 'https://o.example.com/{{v}}', variables: {{v: {{{values}default: v1}}}}}}");
        check(&of_two(&server, &page), &[], &expected, &["routes are only for {v} = \"v1\""]);
    }
    // Where nothing else takes them there is no need of routes.
    let (policy, _) = imported(&of_two("{url: https://o.example.com/v1}, {url: https://o.example.com/v2}", ""), &[]);
    assert_eq!(policy.routes.len(), 1);
}

#[test]
fn an_empty_list_of_servers_is_none() {
    let text = format!(
        "servers: [{{url: https://o.example.com/v1}}]\npaths:\n  /admin: {{get: {{servers: [], {ADMIN}}}}}\n  \
         /files: {{servers: [{{url: https://p.example.com/p}}], get: {{servers: [], {ADMIN}}}}}\n  /{{page}}: {{get: {{{OPEN}}}}}"
    );
    check(
        &text,
        &[],
        &[("GET g /v1/admin", "token admin"), ("GET g /p/files", "token admin"), ("GET g /admin", "404")],
        &[],
    );
}

#[test]
fn a_pattern_of_hosts_holds_for_each_of_them() {
    let text = |admin: &str, page: &str| {
        format!(
            "servers: [{{url: 'https://{{t}}.x.com', variables: {{t: {{default: demo}}}}}}]\npaths:\n  \
             {admin}: {{get: {{{ADMIN}}}}}\n  {page}: {{servers: [{{url: https://api.x.com}}], get: {{{OPEN}}}}}"
        )
    };
    let expected = [("GET api.x.com /admin", "token admin"), ("GET api.x.com /x", "public"), ("GET t.x.com /x", "404")];
    check(&text("/admin", "/{page}"), &["--hosts"], &expected, &[]);
    let same = [("GET api.x.com /x", "deny"), ("GET t.x.com /x", "token admin")];
    check(&text("/{p}", "/{q}/"), &["--hosts"], &same, &["which has other access rules"]);
}

#[test]
fn the_root_of_a_rest_is_not_opened_at_any_server() {
    let page = |url: &str| format!("'/{{x}}': {{servers: [{{url: '{url}'}}], get: {{{ADMIN}}}}}");
    let text = |others: &str| {
        format!("servers: [{{url: https://o.x.com/v1}}]\npaths: {{'/{{proxy+}}': {{get: {{{OPEN}}}}}, {others}}}")
    };
    let base = |root| [("GET o.x.com /v1", root), ("GET o.x.com /v1/a", "public"), ("GET o.x.com /v1/a/b", "public")];
    for options in [&[][..], &["--hosts"]] {
        check(&text(""), options, &base("404"), &[]);
        check(&text(&page("https://o.x.com")), options, &base("token admin"), &[]);
    }
    let hosts = text(&page("https://{t}.x.com"));
    check(&hosts.replace("'}]", "', variables: {t: {default: o}}}]"), &["--hosts"], &base("token admin"), &[]);
}

#[test]
fn the_origin_that_is_given_is_that_of_the_documents_servers() {
    let text = "servers: [{url: /}, {url: https://o.example.com}]\nsecurity: []\npaths:\n  /shop: {get: {}}\n  \
        /pay: {servers: [{url: https://billing.example.com}], get: {}}\n  /v2: {servers: [{url: https://o.example.com}], get: {}}";
    let words = ["import", "openapi", "-", "--origin", "https://i.example.com", "--format", "json"];
    let run = run(&mut command(&words), &format!("openapi: 3.1.0\n{text}"));
    let policy: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(policy["origin"], "https://i.example.com");
    let origins: Vec<_> = (0..3).map(|route| policy["routes"][route]["origin"].as_str()).collect();
    assert_eq!(origins, [None, Some("https://billing.example.com"), None]);
}

#[test]
fn what_cannot_be_read_is_denied_at_all_servers_that_may_be_its_own() {
    let text = |admin: &str, target: &str, v1: &str| {
        format!(
            "servers: [{{url: {v1}}}]\npaths:\n  /admin: {admin}\n  \
             /{{x}}: {{servers: [{{url: https://b.example.com}}], get: {{{OPEN}}}}}\n  \
             /{{x}}/admin: {{servers: [{{url: https://b.example.com}}], get: {{{OPEN}}}}}\nx-p: {target}\nx-q: {{$ref: '#/x-p', x-a: 1}}"
        )
    };
    let beside = "{$ref: '#/x-p', parameters: []}";
    let get = format!("get: {{{ADMIN}}}");
    for (admin, target) in [
        (beside, "{servers: [{url: URL}], GET}"),
        ("{$ref: '#/x-q', post: {}}", "{servers: [{url: URL}], GET}"),
        ("{$ref: '#/x-p'}", "{servers: [{url: URL}], security: [], GET}"),
        ("{$ref: '#/x-p'}", "{servers: [{url: URL}], <<: {summary: x}, GET}"),
        ("{<<: {servers: [{url: URL}]}, GET}", "1"),
        ("{<<: [{summary: x}, {servers: [{url: URL}]}], GET}", "1"),
        ("{get: {$ref: '#/x-p', tags: [a]}}", "{servers: [{url: URL}]}"),
        ("{get: {$ref: '#/x-q', tags: [a]}}", "{servers: [{url: URL}], $ref: '#/x-q'}"),
        (beside, "{get: {servers: [{url: URL}]}}"),
        (beside, "{get: {$ref: '#/x-p/y'}, y: {servers: [{url: URL}]}}"),
        ("{security: [], get: {servers: [{url: URL}]}}", "1"),
    ] {
        let with = |text: &str, url: &str| text.replace("URL", url).replace("GET", &get);
        let v2 = "https://b.example.com/v2";
        let paths = text(&with(admin, v2), &with(target, v2), "https://b.example.com/v1");
        let denied = [("GET g /v2/admin", "deny"), ("GET g /v1/admin", "deny"), ("GET g /v3/admin", "public")];
        check(&paths, &[], &denied, &["denied: "]);
        let host = "https://b.example.com";
        let hosts = text(&with(admin, host), &with(target, host), "https://a.example.com");
        let denied = [("GET a.example.com /admin", "deny"), ("GET b.example.com /admin", "deny")];
        check(&hosts, &["--hosts"], &denied, &[]);
    }
}

#[test]
fn a_server_of_many_values_is_guarded_at_each() {
    let text = |url: &str, v: &str, page: &str, other: &str| {
        format!(
            "servers: [{{url: 'https://{url}', variables: {{v: {{{v}}}, w: {{default: e, enum: [e, f]}}}}}}]\npaths:\n  \
             /admin: {{get: {{{ADMIN}}}}}\n  '{page}': {{servers: [{{url: https://{other}}}], get: {{{OPEN}}}}}"
        )
    };
    let listed = |value: &str| {
        let values: Vec<String> = (0..20).map(|number| value.replace('0', &number.to_string())).collect();
        format!("default: {value}, enum: [{}]", values.join(", "))
    };
    let paths = text("o.x.com/{w}/{v}", &listed("r0/v1"), "/{o}/{p}/{q}/admin", "o.x.com");
    let expected =
        [("GET g /e/r0/v1/admin", "token admin"), ("GET g /f/r5/v1/admin", "deny"), ("GET g /e/r5/v2/admin", "public")];
    check(&paths, &[], &expected, &["there is no route for its path on the server \"https://o.x.com/{w}/{v}\""]);
    for (value, other, first) in [("r0.api", "r7.api.x.com", "r0.api.x.com"), ("r0", "r7.x.com", "r0.x.com")] {
        let hosts = text("{v}.x.com", &listed(value), "/{page}", other);
        let [own, guarded, page] =
            [format!("GET {first} /admin"), format!("GET {other} /admin"), format!("GET {other} /x")];
        check(&hosts, &["--hosts"], &[(&own, "token admin"), (&guarded, "deny"), (&page, "public")], &[]);
    }
    // Any value, of labels as its default has.
    let labels = text("{v}.x.com", "default: eu.api", "/{page}", "us.api.x.com");
    let expected = [
        ("GET eu.api.x.com /admin", "token admin"),
        ("GET us.api.x.com /admin", "deny"),
        ("GET us.api.x.com /x", "public"),
    ];
    check(&labels, &["--hosts"], &expected, &["narrowed: routes are only for {v} = \"eu.api\""]);
    // None, or one segment.
    let base = text("o.x.com{v}", "default: ''", "/{x}/{y}", "o.x.com");
    check(&base, &[], &[("GET g /admin", "token admin"), ("GET g /v2/admin", "deny"), ("GET g /v2/x", "public")], &[]);
}

#[test]
fn a_document_with_servers_that_cannot_be_read_is_refused() {
    let admin = format!("/admin: {{get: {{{ADMIN}}}}}");
    for (text, said) in [
        (format!("servers: [{{<<: {{url: /v1}}}}]\npaths: {{{admin}}}"), "#/servers/0: merge keys (<<)"),
        (
            format!("servers: [{{url: /v1}}, {{$ref: '#/x'}}]\npaths: {{{admin}}}"),
            "#/servers/1: OpenAPI has no references to servers",
        ),
        (format!("servers: [/v1]\npaths: {{{admin}}}"), "#/servers/0: expected a table, found a string"),
        (format!("servers: {{url: /v1}}\npaths: {{{admin}}}"), "#/servers: `servers` is a table, not a list"),
        (
            format!("{O}paths: {{/a: {{get: {{servers: {{url: /v2}}, {ADMIN}}}}}}}"),
            "#/paths/~1a/get/servers: `servers` is a table, not a list",
        ),
        (
            format!("{O}paths: {{/a: {{$ref: '#/x', get: {{}}}}}}\nx: {{servers: [{{<<: {{url: /v1}}}}]}}"),
            "#/x/servers/0: merge keys (<<)",
        ),
    ] {
        let words = ["import", "openapi", "-", "--origin", "https://i.example.com", "--server", "/v1"];
        let run = run(&mut command(&words), &format!("openapi: 3.1.0\n{SCHEMES}{text}"));
        assert_ne!(run.code, Some(0), "{text}\n{}", run.out);
        let err = run.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(run.out.is_empty() && err.contains(said), "{text}\n{err}");
    }
    check(&format!("{O}paths: {{/a: {{servers: , get: {{{ADMIN}}}}}}}"), &[], &[("GET g /a", "token admin")], &[]);
}
