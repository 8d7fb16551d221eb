//! What `portcullis check` says of routes that open what others protect.

use serde_json::Value;

use crate::lints::{NONE, deny, findings_of, kinds, optional, place, places, public, token};

#[test]
fn what_a_public_route_opens_is_reported() {
    let (one, two) = (", hosts = [\"a.com\"]", ", hosts = [\"a.com\", \"b.com\"]");
    let (get, delete) = (", methods = [\"GET\"]", ", methods = [\"DELETE\"]");
    for (routes, kind) in [
        ([deny("/s/{*r}", ""), public("/s/{x}", "")], "deny-opened"),
        ([token("/s/{*r}", ""), public("/s/{x}", "")], "public-opening"),
        ([deny("/s/{x}", ""), public("/s/{y}", one)], "deny-opened"),
        ([token("/s/{x}", ""), public("/s/{y}", one)], "public-opening"),
        ([deny("/{*x}", ", hosts = [\"b.com\"]"), public("/p/{x}", two)], "deny-opened"),
        ([token("/d/{*x}", delete), public("/d/{x}/y", "")], "public-opening"),
        ([token("/d/{*x}", ", methods = [\"PURGE\"]"), public("/d/{x}/y", "")], "public-opening"),
        ([deny("/{t}/{u}", ""), public("/s/{*r}", "")], "deny-opened"),
        ([deny("/{x}/b", ""), public("/a/{y}", "")], "deny-opened"),
        ([token("/{x}/b/{z}", ""), public("/a/{*r}", "")], "public-opening"),
        // Nothing is opened where another route decides all the same, nor by methods of one place.
        ([deny("/s/{x}", ""), public("/s/{*r}", "")], "public-alone"),
        ([deny("/s", one), public("/s", "")], "public-alone"),
        ([token("/{*r}", ""), public("/s", "")], ""),
        ([token("/s/{x}", ""), public("/s/{y}", get)], ""),
        ([deny("/s/{x}", two), public("/s/{y}", &format!("{one}{get}"))], ""),
        ([deny("/s", ", hosts = [\"{t}.com\"]"), public("/s", &format!(", hosts = [\"{{u}}.com\"]{get}"))], ""),
    ] {
        let expected: Vec<&str> = if kind.is_empty() { Vec::new() } else { vec![kind] };
        assert_eq!(kinds("", &routes), expected, "{routes:?}");
    }
    let gravest = [token("/x/{*r}", get), deny("/x/{*r}", delete), public("/x/y", "")];
    assert_eq!(kinds("", &gravest), ["deny-opened"]);
}

#[test]
fn checks_of_captures_that_an_origin_may_read_otherwise_are_reported() {
    let keep = ", encoded_slashes = \"keep\"";
    let own = ", organization = \"{g}\"";
    for (path, more, is_reported) in [
        ("/groups/{g}/{*rest}", format!("{keep}{own}"), true),
        ("/groups/{g}/{*rest}", format!("{keep}, claims = {{ path = \"{{rest}}\" }}"), true),
        // Nothing is checked by them, the slash is refused, or the decoded path has another route or none.
        ("/groups/{g}/{*rest}", keep.to_owned(), false),
        ("/groups/{g}/{*rest}", own.to_owned(), false),
        ("/groups/{g}", format!("{keep}{own}"), false),
        ("/groups/{*rest}", format!("{keep}, organization = \"{{rest}}\""), false),
    ] {
        let kinds = kinds("", &[token(path, &more)]);
        assert_eq!(kinds.contains(&"captured-slash".to_owned()), is_reported, "{path} {more} {kinds:?}");
    }
}

#[test]
fn a_route_behind_a_document_of_the_gates_own_is_reported() {
    let assertion =
        "identity.assertion = { issuer = \"https://g.com\", keys = [\"K\"] }\nresources.\"https://a.com/mcp\" = {}";
    let resource = "/.well-known/oauth-protected-resource/mcp";
    let keys = "/.well-known/portcullis/jwks.json";
    let mcp = "{ path = \"/mcp\", audience = \"https://a.com/mcp\" }".to_owned();
    let of = |route: String| kinds(assertion, &[mcp.clone(), route]);
    let none: [&str; 0] = [];
    for (route, expected) in [
        (deny(keys, ""), &["unreachable"][..]),
        (deny(keys, ", hosts = [\"b.com\"]"), &["unreachable"]),
        // At other hosts it is reached.
        (deny(resource, ""), &none),
        (public(keys, ""), &["unreachable"]),
        (deny(resource, ", hosts = [\"A.com\"]"), &["unreachable"]),
        (deny(resource, ", hosts = [\"b.com\"]"), &none),
        (deny("/.well-known/oauth-protected-resource/{x}", ""), &none),
        (deny("/.well-known/portcullis/{*x}", ""), &none),
    ] {
        assert_eq!(of(route.clone()), expected, "{route}");
    }
    assert_eq!(kinds("", &[deny(keys, "")]), none);
}

#[test]
fn what_stands_open_at_the_root_of_a_guarded_tree_is_reported() {
    let opening = |routes: [String; 2]| kinds("", &routes);
    for (root, kind) in [("/admin", "public-opening"), ("/admin/", "public-opening")] {
        assert_eq!(opening([token("/admin/{*rest}", ""), public(root, "")]), [kind]);
        assert_eq!(opening([token("/admin/{*rest}", ""), optional(root, "")]), [kind]);
        assert_eq!(opening([deny("/admin/{*rest}", ""), public(root, "")]), ["deny-opened"]);
        assert_eq!(opening([deny("/admin/{*rest}", ""), optional(root, "")]), ["deny-opened"]);
        // A token is asked for all the same, or is no more asked for.
        assert_eq!(opening([deny("/admin/{*rest}", ""), token(root, "")]), ["root-opening"]);
        assert_eq!(opening([optional("/admin/{*rest}", ""), public(root, "")]), NONE);
        let scopes = ", scopes = [\"admin\"]";
        assert_eq!(opening([token("/admin/{*rest}", scopes), token(root, "")]), ["root-opening"]);
        assert_eq!(opening([token("/admin/{*rest}", scopes), token(root, scopes)]), NONE);
        assert_eq!(opening([token("/admin/{*rest}", ""), token(root, scopes)]), NONE);
        assert_eq!(opening([token("/admin/{*rest}", scopes), token("/admin/login", "")]), NONE);
    }
    assert_eq!(opening([token("/{a}/{*rest}", ""), public("/{b}", "")]), ["public-opening"]);
    assert_eq!(opening([deny("/{a}/{*rest}", ""), public("/{b}", "")]), ["deny-opened"]);
    // The home page is seen, and so is one path within a tree. A tree takes its root before a capture does.
    assert_eq!(opening([token("/{*rest}", ""), public("/", "")]), NONE);
    assert_eq!(opening([token("/admin/{*rest}", ""), public("/admin/login", "")]), NONE);
    assert_eq!(opening([token("/admin/{*rest}", ""), public("/{page}", "")]), ["public-alone"]);
}

#[test]
fn callers_without_a_token_are_reported_as_everyone_is() {
    for (routes, kind) in [
        ([deny("/s/{*r}", ""), optional("/s/x", "")], "deny-opened"),
        ([token("/s/{*r}", ""), optional("/s/{x}", "")], "public-opening"),
        ([token("/s/{*r}", ""), optional("/s/x", "")], ""),
        ([optional("/s/{*r}", ""), public("/s/{x}", "")], ""),
        ([token("/a", ""), optional("/b", "")], ""),
        ([deny("/{*r}", ""), token("/b", "")], ""),
    ] {
        let expected: Vec<&str> = if kind.is_empty() { Vec::new() } else { vec![kind] };
        assert_eq!(kinds("", &routes), expected, "{routes:?}");
    }
}

#[test]
fn methods_that_a_stricter_route_leaves_are_reported() {
    let methods = |names: &[&str]| format!(", methods = {names:?}");
    let (get, post, head) = (methods(&["GET"]), methods(&["POST"]), methods(&["HEAD"]));
    let scopes = ", scopes = [\"read:x\"]";
    for (stricter, open, left) in [
        (deny("/x", &get), public("/x", ""), "POST, PUT, PATCH, DELETE"),
        (token("/x/{a}", &get), public("/x/{b}", ""), "POST, PUT, PATCH, DELETE"),
        (token("/x", &post), public("/x/", ""), "PUT, PATCH, DELETE"),
        (token("/x", &post), optional("/x", ""), "PUT, PATCH, DELETE"),
        (deny("/x", &methods(&["POST", "PUT"])), public("/x", ""), "PATCH, DELETE"),
        (token("/x", &format!("{get}{scopes}")), token("/x", ""), "POST, PUT, PATCH, DELETE"),
        (token("/x", &format!("{post}{scopes}")), token("/x", ""), "PUT, PATCH, DELETE"),
        (
            token("/x", &format!("{get}, hosts = [\"a.com\", \"b.com\"]")),
            public("/x", ", hosts = [\"b.com\"]"),
            "POST, PUT, PATCH, DELETE",
        ),
        (token("/x", &get), public("/x", &head), "HEAD"),
        (token("/x", ""), public("/x", &head), "HEAD"),
        (deny("/x", &get), optional("/x", &head), "HEAD"),
    ] {
        let routes = [stricter, open];
        let findings = findings_of("", &routes);
        assert_eq!(findings.len(), 1, "{routes:?}: {findings:?}");
        assert_eq!((&findings[0]["rule"], &findings[0]["place"]), (&"method-opening".into(), &"routes[1]".into()));
        let message = findings[0]["message"].as_str().unwrap();
        assert!(message.contains(&format!("takes {left}, and requires")), "{routes:?}: {message}");
    }
    let (get, reads) = (get.as_str(), methods(&["GET", "HEAD"]));
    for routes in [
        // What changes something asks for more, and all of it does.
        [token("/x", &methods(&["POST", "PUT", "PATCH", "DELETE"])), public("/x", get)],
        [token("/x", &methods(&["POST"])), public("/x", get)],
        [token("/x", ""), public("/x", &reads)],
        [deny("/x", &methods(&["DELETE"])), token("/x", "")],
        [deny("/x", get), token("/x", "")],
        // Preflights, and those that are refused.
        [token("/x", get), public("/x", &methods(&["OPTIONS"]))],
        [deny("/x", &methods(&["OPTIONS"])), token("/x", "")],
        [deny("/x", &methods(&["PROPFIND"])), token("/x", "")],
        // Neither asks for less, other places, other hosts.
        [token("/x", get), token("/x", "")],
        [token("/x", &format!("{get}{scopes}")), token("/x", ", scopes = [\"write:x\"]")],
        [token("/x", get), token("/y", "")],
        [token("/x", &format!("{get}, hosts = [\"a.com\"]")), token("/x", ", hosts = [\"b.com\"]")],
    ] {
        assert!(!kinds("", &routes).contains(&"method-opening".to_owned()), "{routes:?}");
    }
    let all = [token("/x", &methods(&["POST", "PUT", "PATCH", "DELETE"])), public("/x", "")];
    assert!(!kinds("", &all).contains(&"method-opening".to_owned()), "everyone may read");
}

#[test]
fn a_path_that_is_a_stricter_one_but_for_case_is_reported() {
    let get = ", methods = [\"GET\"]";
    for routes in [
        [deny("/Admin/{*rest}", ""), public("/admin/{*rest}", "")],
        [deny("/admin/{*rest}", ""), token("/Admin/{*rest}", "")],
        [token("/admin/{x}", ", scopes = [\"a\"]"), token("/ADMIN/{y}", "")],
        [token("/a/{x}/Users", ""), optional("/a/{y}/users", get)],
        [token("/Users", ", hosts = [\"a.com\"]"), public("/users", ", hosts = [\"a.com\", \"b.com\"]")],
    ] {
        assert_eq!(places("", &routes), place("similar-path", "routes[1]"), "{routes:?}");
        let found = places("paths.case = \"exact\"", &routes);
        assert!(found.contains(&place("similar-path", "routes[1]")[0]), "{routes:?}: {found:?}");
    }
    for routes in [
        // Two spellings of one rule.
        [token("/API/{*rest}", ""), token("/api/{*rest}", "")],
        [token("/admin", ", scopes = [\"a\"]"), token("/Admin", ", scopes = [\"b\"]")],
        // No request could be for both.
        [token("/Users/{id}", ""), token("/users/me", ", scopes = [\"a\"]")],
        [token("/admin", get), token("/Admin", ", methods = [\"POST\"], scopes = [\"a\"]")],
        [token("/admin", ", hosts = [\"a.com\"]"), token("/Admin", ", hosts = [\"b.com\"], scopes = [\"a\"]")],
        [token("/a/users", ""), token("/b/Users", ", scopes = [\"a\"]")],
        [token("/a/{Id}", ""), token("/a/{id}/b", ", scopes = [\"a\"]")],
    ] {
        assert_eq!(kinds("", &routes), NONE, "{routes:?}");
    }
    // What lies within a tree of another case lies within it.
    assert_eq!(kinds("", &[deny("/Admin/{*rest}", ""), public("/admin/x", "")]), ["deny-opened"]);
    assert_eq!(kinds("", &[token("/Admin/{*rest}", ""), public("/admin/x", "")]), NONE);
    assert_eq!(kinds("", &[token("/Admin/{*rest}", ""), public("/ADMIN", "")]), ["public-opening"]);
}

#[test]
fn where_case_counts_what_it_opens_is_reported_once() {
    let exact = "paths.case = \"exact\"";
    let routes = [public("/{*rest}", ""), token("/api/{id}", ""), deny("/admin/{*rest}", ""), deny("/Ops/x", "")];
    let findings = findings_of(exact, &routes);
    let cases: Vec<&Value> = findings.iter().filter(|finding| finding["rule"] == "case-opening").collect();
    assert_eq!(cases.len(), 1, "{findings:?}");
    assert_eq!((&cases[0]["severity"], &cases[0]["place"]), (&"note".into(), &"paths.case".into()));
    let message = cases[0]["message"].as_str().unwrap();
    assert!(message.starts_with("/ADMIN takes routes[0], which requires less than routes[2]"), "{message}");
    for routes in [
        [token("/{*rest}", ""), deny("/a/Users", ", methods = [\"PURGE\"]")],
        [token("/{*rest}", ", hosts = [\"{t}.com\"]"), deny("/a/{x}", ", hosts = [\"{u}.com\"]")],
        [optional("/{*rest}", ""), token("/a/{x}", "")],
    ] {
        assert!(kinds(exact, &routes).contains(&"case-opening".to_owned()), "{routes:?}");
    }
    for (keys, routes) in [
        ("", routes.to_vec()),
        ("paths.case = \"refuse\"", routes.to_vec()),
        (exact, vec![token("/API/{*rest}", ""), token("/api/{*rest}", "")]),
        (exact, vec![public("/API/health", ""), deny("/api/users", "")]),
        (exact, vec![token("/api/{id}", ""), deny("/admin/{*rest}", "")]),
        (exact, vec![token("/{*rest}", ""), public("/docs/{*rest}", "")]),
        (exact, vec![public("/{*rest}", ""), deny("/123/{*rest}", "")]),
    ] {
        assert!(!kinds(keys, &routes).contains(&"case-opening".to_owned()), "{keys} {routes:?}");
    }
}

#[test]
fn a_route_that_is_only_tried_is_reported() {
    let tried = token("/a", ", enforce = false");
    assert_eq!(places("", &[tried]), place("not-enforced", "routes[0].enforce"));
    assert_eq!(kinds("", &[token("/a", ", enforce = true")]), NONE);
    let status = "status = { audience = \"x\", scopes = [\"s\"] }";
    assert_eq!(places(status, &[token("/.well-known/portcullis/status", "")]), place("unreachable", "routes[0].path"));
}
