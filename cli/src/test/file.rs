//! Reads files of tests.

use std::path::{Path, PathBuf};

use portcullis::jose::json::Json;
use portcullis::policy::reader::{Field, Table, read_document};
use portcullis::policy::{Place, PlaceStep, PolicyError};
use portcullis::time::UnixSeconds;
use serde_json::{Map, Value as Claims};

use super::expect::TestExpectation;
use crate::configuration;
use crate::document::{ParsedSource, Source, SourceNode, SourceValue};
use crate::exit::Failure;
use crate::finding::position::LineIndex;
use crate::finding::{Finding, rule};
use crate::json;
use crate::policy::{parse, parse_source, parsed};
use crate::trial::{LocalGate, TrialRequest, check_method, claims, time};

/// The default time of tests: 2027-01-15T08:00:00Z.
const DEFAULT_NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// The tests of a file, and the policy that they are for.
#[derive(Debug)]
pub(super) struct TestFile {
    /// The path of the policy, from the file; `None` for the configuration that wrangler takes there.
    pub(super) policy: Option<String>,
    pub(super) env: Option<String>,
    /// Each with its line in the file, from 1.
    pub(super) tests: Vec<(usize, PolicyTest)>,
    document: ParsedSource,
}

/// The content of a file of tests.
#[derive(Debug)]
pub(super) struct TestDocument {
    /// The path of the policy, from the file; `None` for the configuration that wrangler takes there.
    policy: Option<String>,
    env: Option<String>,
    tests: Vec<PolicyTest>,
}

/// A request, and what is expected of it.
#[derive(Debug)]
pub(super) struct PolicyTest {
    pub(super) name: String,
    pub(super) request: TrialRequest,
    /// The caller's claims, without those that depend on the policy.
    pub(super) claims: Option<Map<String, Claims>>,
    /// Claims that are left out, even if they would be added by default.
    without: Vec<String>,
    pub(super) now: UnixSeconds,
    pub(super) expect: TestExpectation,
}

/// The defaults for all tests of a file.
struct TestDefaults {
    claims: Map<String, Claims>,
    now: UnixSeconds,
}

impl TestFile {
    /// Checks that no caller has claims and a token, too, in the header where the request's route looks for it.
    pub(super) fn check_callers(&self, gate: &LocalGate) -> Result<(), Failure> {
        let written = self.document.root.list("tests");
        let both = self.tests.iter().zip(written).enumerate().filter_map(|(index, ((_, test), written))| {
            let header = gate.token_header(&test.request);
            let span =
                written.get("headers").filter(|_| test.claims.is_some() && test.request.has(header))?.span.clone();
            let place = Place::at(&[PlaceStep::Key("tests"), PlaceStep::Index(index), PlaceStep::Key("headers")]);
            let message = format!("expected no {header} beside claims: a caller has one or the other");
            Some(Finding { place, ..Finding::new(&rule::POLICY, span, message) })
        });
        let findings: Vec<Finding> = both.collect();
        if findings.is_empty() {
            return Ok(());
        }
        Err(Failure::findings(self.document.source.clone(), findings))
    }
}

/// Reads tests.
pub(super) fn read(source: Source) -> Result<TestFile, Failure> {
    let ParsedSource { source, mut root } = parsed(source)?;
    quote_times(&mut root, &source.text);
    let TestDocument { policy, env, tests } =
        parse(&root, parse_tests).map_err(|findings| Failure::findings(source.clone(), findings))?;
    let lines = LineIndex::new(&source.text);
    let line = |test: &SourceValue| lines.position(test.get("name").unwrap_or(test).span.start).line;
    let tests = root.list("tests").iter().map(line).zip(tests).collect();
    Ok(TestFile { policy, env, tests, document: ParsedSource { source, root } })
}

/// Turns TOML dates into strings, as in JSON.
fn quote_times(table: &mut SourceValue, text: &str) {
    let SourceNode::Table(entries) = &mut table.node else { return };
    for (key, value) in entries {
        if key.name == "now" && matches!(value.node, SourceNode::Foreign(_)) {
            value.node = SourceNode::Text(text.get(value.span.clone()).unwrap_or_default().to_owned());
        } else if let ("tests", SourceNode::List(tests)) = (key.name.as_str(), &mut value.node) {
            tests.iter_mut().for_each(|test| quote_times(test, text));
        }
    }
}

/// The path of the policy that a file of tests is for, if the file can be parsed.
pub(super) fn policy_of(path: &Path) -> Option<PathBuf> {
    let document = parse_source(Source::read(path, None).ok()?).ok()?;
    policy_path(path, document.root.get("policy").and_then(SourceValue::as_str))
}

/// The policy that a file names, or the configuration that wrangler takes in its folder, if there is one.
pub(super) fn policy_path(path: &Path, policy: Option<&str>) -> Option<PathBuf> {
    let folder = configuration::folder_of(path);
    policy.map_or_else(|| configuration::find(folder), |policy| Some(folder.join(policy)))
}

pub(super) fn parse_tests(text: &str) -> Result<TestDocument, Vec<PolicyError>> {
    read_document(text, "tests", read_tests)
}

fn read_tests(table: &Table<'_>) -> Option<TestDocument> {
    let policy = table.optional("policy", Field::text);
    let env = table.optional("env", Field::text);
    let now = table.or("now", DEFAULT_NOW, read_time);
    let claims = table.or("claims", Map::new(), read_claims);
    let common = TestDefaults { claims: claims.clone().unwrap_or_default(), now: now.unwrap_or(DEFAULT_NOW) };
    let mut names = Vec::new();
    let tests = table.required("tests").and_then(|field| {
        field.list(|field| {
            refuse_repeated_name(&field, &mut names);
            read_test(&field, &common)
        })
    });
    table.refuse_unknown_keys();
    now?;
    claims?;
    Some(TestDocument { policy: policy?.map(str::to_owned), env: env?.map(str::to_owned), tests: tests? })
}

fn refuse_repeated_name<'d>(field: &Field<'d>, seen: &mut Vec<&'d str>) {
    let Some(name) = field.member("name") else { return };
    let Some(text) = name.value.as_str() else { return };
    if seen.contains(&text) {
        name.fail::<()>("is also the name of another test");
    }
    seen.push(text);
}

fn read_test(field: &Field<'_>, common: &TestDefaults) -> Option<PolicyTest> {
    let table = field.table()?;
    let name = table.required("name").and_then(|field| field.text());
    let method = table.or("method", "GET", |field| field.read(|method| check_method(method).map(|()| method)));
    let url = table.required("url");
    let request = url.and_then(|field| field.read(|url| TrialRequest::new(method.unwrap_or("GET"), url)));
    let headers = table.or("headers", Vec::new(), read_texts);
    let request = match (request, headers) {
        (Some(request), Some(headers)) => add_headers(request, &headers, &table),
        _ => None,
    };
    let now = table.or("now", common.now, read_time);
    let own = table.optional("claims", read_claims);
    let has_claims = !matches!(own, Some(None));
    let without = table.or("without", Vec::new(), |field| field.list(|field| field.text().map(str::to_owned)));
    if !has_claims && without.as_ref().is_some_and(|names| !names.is_empty()) {
        table.fail("without", "expected claims beside it, to leave some out");
    }
    let expect = table.required("expect").and_then(|field| TestExpectation::read(&field));
    table.refuse_unknown_keys();
    let claims: Option<Map<_, _>> = own?.map(|own| common.claims.clone().into_iter().chain(own).collect());
    method?;
    let without = without?;
    if let Some(name) = claims.as_ref().and_then(|own| claims::unknown(&without, own)) {
        table.fail("without", format!("there is no claim {name:?} to leave out"));
    }
    Some(PolicyTest { name: name?.to_owned(), request: request?, claims, without, now: now?, expect: expect? })
}

fn add_headers(mut request: TrialRequest, headers: &[(&str, &str)], table: &Table<'_>) -> Option<TrialRequest> {
    let mut are_valid = true;
    for (name, value) in headers {
        if let Err(problem) = request.add(name, value) {
            table.fail("headers", problem);
            are_valid = false;
        }
    }
    are_valid.then_some(request)
}

fn read_time(field: &Field<'_>) -> Option<UnixSeconds> {
    match field.value {
        Json::String(_) => field.read(time::parse),
        _ => field.integer(0..=UnixSeconds::MAX_RFC3339.0).map(UnixSeconds),
    }
}

fn read_texts<'d>(field: &Field<'d>) -> Option<Vec<(&'d str, &'d str)>> {
    field.entries(|name, field| {
        let other = || field.fail(format!("expected a string, found {}", field.value.kind()));
        Some((name, field.value.as_str().or_else(other)?))
    })
}

fn read_claims(field: &Field<'_>) -> Option<Map<String, Claims>> {
    match field.value {
        Json::Object(object) => Some(json::members(object)),
        _ => field.table().map(|_| Map::new()),
    }
}

impl PolicyTest {
    /// The caller's claims in JSON, with the defaults: `iss` if the policy has one issuer, `iat`, and `exp`.
    pub(super) fn claims(&self, iss: Option<&str>) -> Option<String> {
        let mut claims = claims::with_defaults(self.claims.clone()?, iss, self.now);
        claims.retain(|name, _| !self.without.contains(name));
        Some(Claims::Object(claims).to_string())
    }
}
