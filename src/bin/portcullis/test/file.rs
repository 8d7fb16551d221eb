//! The file of a policy's tests.

use std::path::{Path, PathBuf};

use portcullis::json::{Json, Object};
use portcullis::policy::PolicyError;
use portcullis::policy::reader::{Errors, Field, Table, read_document};
use serde_json::{Map, Value as Claims};

use crate::Failure;
use crate::document::{Source, Value};
use crate::finding::human;
use crate::finding::position::Lines;
use crate::output::{Output, Stream};
use crate::policy::{Reading, parse, read};
use crate::trial::{Asked, time};

/// The policy of tests that name none.
const DEFAULT_POLICY: &str = "wrangler.toml";

/// When tests take place that do not say so: 2027-01-15T08:00:00Z.
const DEFAULT_NOW: u64 = 1_800_000_000;

/// How long tokens live whose claims name no `exp`, in seconds.
const LIFETIME: u64 = 3600;

/// The tests of a file, and the policy that they are for.
#[derive(Debug)]
pub(super) struct TestFile {
    /// Beside the file.
    pub(super) policy: PathBuf,
    pub(super) env: Option<String>,
    pub(super) tests: Vec<Test>,
}

/// A request, and what is to become of it.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: String,
    /// In the file, from 1.
    pub(super) line: usize,
    pub(super) asked: Asked,
    /// The caller's claims, but for those that depend on the policy.
    pub(super) claims: Option<Map<String, Claims>>,
    /// Claims that are left out, even if they would be there by default.
    without: Vec<String>,
    pub(super) now: u64,
    pub(super) expect: Expect,
}

/// What is expected. `None` stands for anything.
#[derive(Debug, Default)]
pub(super) struct Expect {
    pub(super) decision: Option<&'static str>,
    /// Of the gate's own answer.
    pub(super) status: Option<u64>,
    pub(super) code: Option<String>,
    pub(super) challenge: Option<String>,
    /// Other headers that the gate gives the client, in its own answer or beside the origin's.
    pub(super) answer: Vec<(String, Header)>,
    pub(super) route: Option<String>,
    /// Where the origin's request goes to.
    pub(super) origin: Option<String>,
    pub(super) headers: Vec<(String, Header)>,
}

/// What a header must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Present,
    Absent,
    Is(String),
}

/// What tests have in common.
struct Common {
    claims: Map<String, Claims>,
    now: u64,
}

const DECISIONS: [&str; 3] = ["allow", "deny", "serve"];

/// Reads a file of tests. What is wrong with it is told.
pub(super) fn load(path: &Path, output: &Output) -> Result<TestFile, Failure> {
    let reading = Reading { env: None, syntax: None };
    let (source, findings) = match read(path, &reading)? {
        Ok(document) => match parse(&document.root, parse_tests) {
            Ok(mut file) => {
                file.policy = beside(path, &file.policy);
                for (index, test) in file.tests.iter_mut().enumerate() {
                    test.line = line_of(&document.source, &document.root, index);
                }
                return Ok(file);
            }
            Err(findings) => (document.source, findings),
        },
        Err(wrong) => wrong,
    };
    human::write(&findings, &source, output, Stream::Err);
    Err(Failure::Told)
}

/// Where the policy of a file of tests is, as far as the file says so.
pub(super) fn policy_of(path: &Path) -> Option<PathBuf> {
    let document = read(path, &Reading { env: None, syntax: None }).ok()?.ok()?;
    let policy = document.root.get("policy").and_then(Value::as_str).unwrap_or(DEFAULT_POLICY);
    Some(beside(path, policy.as_ref()))
}

fn beside(path: &Path, policy: &Path) -> PathBuf {
    path.parent().unwrap_or_else(|| Path::new("")).join(policy)
}

fn line_of(source: &Source, root: &Value, index: usize) -> usize {
    let name = root.get("tests").and_then(|tests| tests.items().get(index)?.get("name"));
    name.map_or(1, |name| Lines::new(&source.text).position(name.span.start).line)
}

pub(super) fn parse_tests(text: &str) -> Result<TestFile, Vec<PolicyError>> {
    read_document(text, "tests", read_file)
}

fn read_file(table: &Table<'_>, _: &Errors) -> Option<TestFile> {
    let policy = table.field("policy").map_or(Some(DEFAULT_POLICY), |field| field.text());
    let env = table.field("env").map(|field| field.text());
    let now = table.field("now").map_or(Some(DEFAULT_NOW), |field| read_time(&field));
    let claims = table.field("claims").map_or(Some(Map::new()), |field| read_claims(&field));
    let common = Common { claims: claims.clone().unwrap_or_default(), now: now.unwrap_or(DEFAULT_NOW) };
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
    let env = match env {
        Some(env) => Some(env?.to_owned()),
        None => None,
    };
    Some(TestFile { policy: policy?.into(), env, tests: tests? })
}

fn refuse_repeated_name<'d>(field: &Field<'d>, seen: &mut Vec<&'d str>) {
    let Some(name) = field.member("name") else { return };
    let Some(text) = name.value.as_str() else { return };
    if seen.contains(&text) {
        name.fail::<()>("is the name of another test too");
    }
    seen.push(text);
}

fn read_test(field: &Field<'_>, common: &Common) -> Option<Test> {
    let table = field.table()?;
    let name = table.required("name").and_then(|field| field.text());
    let method = table.field("method").map_or(Some("GET"), |field| field.text());
    let asked = table.required("url").and_then(|field| {
        let url = field.text()?;
        Asked::new(method?, url).map_or_else(|problem| field.fail(problem), Some)
    });
    let headers = table.field("headers").map_or(Some(Vec::new()), |field| read_texts(&field));
    let asked = match (asked, headers) {
        (Some(asked), Some(headers)) => add_headers(asked, &headers, &table),
        _ => None,
    };
    let now = table.field("now").map_or(Some(common.now), |field| read_time(&field));
    let own = table.field("claims").map(|field| read_claims(&field));
    let without =
        table.field("without").map_or(Some(Vec::new()), |field| field.list(|field| field.text().map(str::to_owned)));
    if own.is_none() && without.as_ref().is_some_and(|names| !names.is_empty()) {
        table.fail("without", "expected claims beside it");
    }
    let expect = table.required("expect").and_then(|field| read_expect(&field));
    table.refuse_unknown_keys();
    let claims = match own {
        Some(own) => Some(common.claims.clone().into_iter().chain(own?).collect()),
        None => None,
    };
    Some(Test { name: name?.to_owned(), line: 0, asked: asked?, claims, without: without?, now: now?, expect: expect? })
}

fn add_headers(mut asked: Asked, headers: &[(&str, &str)], table: &Table<'_>) -> Option<Asked> {
    for (name, value) in headers {
        if let Err(problem) = asked.add(name, value) {
            table.fail("headers", problem);
            return None;
        }
    }
    Some(asked)
}

fn read_time(field: &Field<'_>) -> Option<u64> {
    match field.value {
        Json::String(_) => field.read(time::parse),
        _ => field.integer(0..=time::LAST_SECOND),
    }
}

fn read_texts<'d>(field: &Field<'d>) -> Option<Vec<(&'d str, &'d str)>> {
    let members = field.members()?;
    members.into_iter().map(|(name, field)| Some((name, field.text()?))).collect()
}

fn read_claims(field: &Field<'_>) -> Option<Map<String, Claims>> {
    match field.value {
        Json::Object(object) => Some(claims_of(object)),
        _ => field.table().map(|_| Map::new()),
    }
}

fn claims_of(object: &Object<'_>) -> Map<String, Claims> {
    object.iter().map(|(name, value)| (name.to_owned(), serde_json::to_value(value).unwrap_or_default())).collect()
}

fn read_expect(field: &Field<'_>) -> Option<Expect> {
    let table = field.table()?;
    let text = |name| table.field(name).map(|field| field.text().map(str::to_owned));
    let decision = table.field("decision").map(|field| {
        let text = field.text()?;
        let known = DECISIONS.into_iter().find(|known| *known == text);
        known.or_else(|| field.fail_name(text, DECISIONS, format!("expected {}, found {text:?}", DECISIONS.join(", "))))
    });
    let status = table.field("status").map(|field| field.integer(100..=599));
    let (code, challenge) = (text("code"), text("challenge"));
    let answer = table.field("answer").map(|field| read_headers(&field));
    let (route, origin) = (text("route"), text("origin"));
    let headers = table.field("headers").map(|field| read_headers(&field));
    table.refuse_unknown_keys();
    if field.value.as_object().is_some_and(|expect| expect.iter().next().is_none()) {
        return field.fail("expected something, an empty table is always met");
    }
    Some(Expect {
        decision: sound(decision)?,
        status: sound(status)?,
        code: sound(code)?,
        challenge: sound(challenge)?,
        answer: sound(answer)?.unwrap_or_default(),
        route: sound(route)?,
        origin: sound(origin)?,
        headers: sound(headers)?.unwrap_or_default(),
    })
}

/// Absent stays absent; there but wrong is wrong.
fn sound<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        Some(None) => None,
        Some(some) => Some(some),
        None => Some(None),
    }
}

fn read_headers(field: &Field<'_>) -> Option<Vec<(String, Header)>> {
    let members = field.members()?;
    if members.is_empty() {
        return field.fail("expected a header");
    }
    let read = members.into_iter().map(|(name, field)| {
        let header = match field.value {
            Json::Bool(true) => Header::Present,
            Json::Bool(false) => Header::Absent,
            Json::String(text) => Header::Is(text.to_string()),
            _ => return field.fail("expected a value, true (there) or false (not there)"),
        };
        Some((name.to_ascii_lowercase(), header))
    });
    read.collect::<Vec<_>>().into_iter().collect()
}

impl Test {
    /// The caller's claims in JSON, with what is there by default: `iss`, where the policy has one issuer, `iat`, `exp`.
    pub(super) fn claims(&self, issuers: &[String]) -> Option<String> {
        let mut claims = Map::new();
        if let [issuer] = issuers {
            claims.insert("iss".to_owned(), issuer.as_str().into());
        }
        claims.insert("iat".to_owned(), self.now.into());
        claims.insert("exp".to_owned(), self.now.saturating_add(LIFETIME).into());
        claims.extend(self.claims.clone()?);
        claims.retain(|name, _| !self.without.contains(name));
        Some(Claims::Object(claims).to_string())
    }
}
