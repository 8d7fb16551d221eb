//! `portcullis test`: files of tests, and which of their tests run.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::policy_tests::{POLICY, folder, one, passes};
use crate::tool::{Folder, command, snapshot};

#[test]
fn mistakes_in_the_file_are_underlined_and_no_test_runs() {
    let tests = r#"
polcy = "x"
[[tests]]
nam = "a"
url = "/a"
expect = {}
[[tests]]
name = "b"
url = "/a b"
without = ["iat"]
headers = { x-a = 1 }
expect = { stauts = 401, decision = "alow", headers = { x-a = 1 } }
[[tests]]
name = "b"
url = "/a"
claims = []
"#;
    let run = folder("test-mistakes", tests).run(&["test"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    snapshot("test/mistakes.txt", &run.err);
}

#[test]
fn an_expectation_that_means_nothing_is_a_mistake() {
    for (keys, why) in [
        (
            "url = \"/api/7\"\nclaims = {}\nheaders = { Authorization = \"Bearer a\" }",
            "tests[0].headers: expected no authorization beside claims",
        ),
        (
            "url = \"/api/7\"\nclaims = {}\nwithout = [\"Exp\"]",
            "tests[0].without: there is no claim \"Exp\" to leave out",
        ),
        (
            "url = \"/api/7\"\nexpect.headers = { \"x-a \" = false }",
            "tests[0].expect.headers.\"x-a \": expected a header name",
        ),
        ("url = \"/api/7\"\nexpect.answer = { \"\" = false }", "tests[0].expect.answer.\"\": expected a header name"),
        ("url = \"/api/7\"\nmethod = \"G T\"", "tests[0].method: expected a method"),
    ] {
        let expect = if keys.contains("expect.") { "" } else { "\nexpect.decision = \"deny\"" };
        let (run, _) = one(&format!("{keys}{expect}"));
        assert_eq!(run.code, Some(2), "{keys}");
        assert!(run.err.replace("\n      ", "").contains(why), "{keys}\n{}", run.err);
    }
}

#[test]
fn every_bad_header_is_reported() {
    for (keys, whys) in [
        (
            "headers = { x-a = 1, x-b = true }",
            ["headers.x-a: expected a string, found a number", "headers.x-b: expected a string, found"],
        ),
        (
            "headers = { \"x a\" = \"1\", x-b = \"\\n\" }",
            ["expected a header name, found \"x a\"", "the header x-b contains a control character"],
        ),
        (
            "expect.headers = { \"x a\" = true, x-b = 1 }",
            ["headers.\"x a\": expected a header name", "headers.x-b: expected a value"],
        ),
    ] {
        let (run, _) = one(&format!("url = \"/open\"\n{keys}\nexpect.decision = \"allow\""));
        assert_eq!(run.code, Some(2), "{keys}");
        let report = run.err.replace("\n      ", "");
        assert!(whys.iter().all(|why| report.contains(why)), "{keys}\n{}", run.err);
    }
}

#[test]
fn a_date_needs_no_quotes_and_hides_no_mistake() {
    passes(
        "url = \"/hook\"\nclaims = { exp = 1_799_000_000, iat = 1_798_999_900 }\nnow = 2027-01-03T18:13:00Z\nexpect.decision = \"allow\"",
    );
    let tests =
        "now = 2027-01-15T08:00:00Z\n[[tests]]\nname = \"a\"\nurl = \"/a b\"\nnow = inf\nexpect.status = 2020-01-01\n";
    let run = folder("test-dates", tests).run(&["test"]);
    for wrong in
        ["[0].url: expected a URL", "[0].now: expected seconds", "[0].expect.status: expected a value that JSON"]
    {
        assert!(run.err.contains(wrong), "{wrong}: {}", run.err);
    }
    assert_eq!(run.err.matches("error: ").count(), 3, "{}", run.err);
}

#[test]
fn what_is_no_file_of_tests_ends_with_2() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("", &[], "tests: is required"),
        ("tests = []", &[], "tests: expected a list that is not empty"),
        (
            "[[tests]]\nname = \"a\"\nurl = \"/open\"\nexpect.decision = \"allow\"",
            &["-k", "other"],
            "no test has a name with \"other\" in it",
        ),
        ("x", &[], "error: "),
        (
            "[[tests]]\nname = \"a\"\nurl = \"/open\"\nexpect.decision = \"allow\"",
            &["none.toml"],
            "cannot read none.toml",
        ),
        ("env = \"staging\"\n[[tests]]\nname = \"a\"\nurl = \"/open\"\nexpect.decision = \"allow\"", &[], "staging"),
    ];
    for (index, (tests, args, why)) in cases.iter().enumerate() {
        let run = folder(&format!("test-none-{index}"), tests).run(&[&["test"], *args].concat());
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{tests}");
        assert!(run.err.contains(why), "{tests}: {}", run.err);
    }
    let folder = Folder::new("test-bad-policy");
    folder.write("wrangler.toml", "[vars.POLICY]\nversion = 2\n");
    folder.write("policy.test.toml", "[[tests]]\nname = \"a\"\nurl = \"/\"\nexpect.status = 404\n");
    let run = folder.run(&["test"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("version: expected a whole number from 1 to 1, found 2"), "{}", run.err);
    let run = folder.write("policy.test.toml", b"name = \"\xff\"").run(&["test"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("is not UTF-8"), "{}", run.err);
}

#[test]
fn a_filter_chooses_tests_and_files_add_up() {
    let test = |name: &str| format!("[[tests]]\nname = \"{name}\"\nurl = \"/open\"\nexpect.decision = \"allow\"\n");
    let folder = folder("test-filter", &[test("one"), test("two"), test("one more")].concat());
    folder.write("other.test.toml", format!("policy = \"policy.toml\"\n{}", test("two")));
    let end = |args: &[&str]| folder.run(&[&["test"], args].concat()).out.lines().last().unwrap().to_owned();
    assert_eq!(end(&["--filter", "one"]), "test result: ok. 2 passed; 0 failed; 1 filtered out");
    assert_eq!(end(&["policy.test.toml", "other.test.toml"]), "test result: ok. 4 passed; 0 failed; 0 filtered out");
    assert_eq!(
        end(&["policy.test.toml", "other.test.toml", "-k", "more"]),
        "test result: ok. 1 passed; 0 failed; 3 filtered out"
    );
}

#[test]
fn watching_runs_the_tests_again_when_the_policy_changes() {
    let folder = folder("test-watch", "[[tests]]\nname = \"open\"\nurl = \"/open\"\nexpect.decision = \"allow\"\n");
    let mut child = command(&["test", "--watch"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut result = || {
        let result = lines.by_ref().find(|line| line.starts_with("test result")).unwrap();
        assert_eq!(lines.next().as_deref(), Some("waiting for a change"));
        result
    };
    assert!(result().contains(" ok. 1 passed"));
    folder.write("policy.toml", POLICY.replace("public", "deny"));
    assert!(result().contains("FAILED. 0 passed; 1 failed"));
    folder.write("policy.toml", POLICY);
    assert!(result().contains(" ok. 1 passed"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_caller_with_claims_has_no_other_token_where_the_route_looks_for_it() {
    let named =
        POLICY.replace("scopes = [\"read\"]\n", "token_header = \"x-access-token\"\nencoded_slashes = \"keep\"\n");
    let of = |header: &str| {
        let folder = Folder::new("test-token-header");
        let tests = format!(
            "policy = \"policy.toml\"\n[[tests]]\nname = \"a\"\nurl = \"/api/a%2Fb\"\n\
             claims.aud = \"https://api.example.com\"\nheaders.{header} = \"Basic eDp5\"\nexpect.decision = \"allow\"\n"
        );
        folder.write("policy.toml", &named).write("policy.test.toml", tests).run(&["test"])
    };
    let beside = of("Authorization");
    assert_eq!(beside.code, Some(0), "{}{}", beside.out, beside.err);
    let both = of("X-Access-Token");
    assert_eq!((both.code, both.out.as_str()), (Some(2), ""));
    let message = "tests[0].headers: expected no x-access-token beside claims: a caller has one or the other";
    assert!(both.err.split_whitespace().collect::<Vec<_>>().join(" ").contains(message), "{}", both.err);
}
