//! What a test expects of a request.

use portcullis::jose::json::Json;
use portcullis::policy::reader::Field;
use portcullis::route::syntax::is_token;

/// The expectations of a test; `None` accepts anything.
#[derive(Debug, Default)]
pub(super) struct TestExpectation {
    pub(super) decision: Option<&'static str>,
    /// Of the gate's own answer.
    pub(super) status: Option<u64>,
    pub(super) code: Option<String>,
    pub(super) challenge: Option<String>,
    /// Other headers that the gate sends to the client, in its own answer or added to the origin's.
    pub(super) answer: Vec<(String, HeaderExpectation)>,
    pub(super) route: Option<String>,
    /// The URL of the request to the origin.
    pub(super) origin: Option<String>,
    /// The service binding that the request to the origin uses.
    pub(super) service: Option<String>,
    pub(super) headers: Vec<(String, HeaderExpectation)>,
}

/// The expected value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderExpectation {
    Present,
    Absent,
    Is(String),
}

const DECISIONS: [&str; 3] = ["allow", "deny", "serve"];

impl TestExpectation {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table()?;
        let text = |name| table.optional(name, |field| field.text().map(str::to_owned));
        let decision = table.optional("decision", |field| field.one_of(&DECISIONS.map(|name| (name, name))));
        let status = table.optional("status", |field| field.integer(100..=599));
        let (code, challenge) = (text("code"), text("challenge"));
        let answer = table.or("answer", Vec::new(), read_headers);
        let (route, origin, service) = (text("route"), text("origin"), text("service"));
        let headers = table.or("headers", Vec::new(), read_headers);
        table.refuse_unknown_keys();
        if field.value.as_object().is_some_and(|expect| expect.iter().next().is_none()) {
            return field.fail("expected at least one key: an empty table is always met");
        }
        Some(Self {
            decision: decision?,
            status: status?,
            code: code?,
            challenge: challenge?,
            answer: answer?,
            route: route?,
            origin: origin?,
            service: service?,
            headers: headers?,
        })
    }
}

fn read_headers(field: &Field<'_>) -> Option<Vec<(String, HeaderExpectation)>> {
    let headers = field.entries(|name, field| {
        if !is_token(name) {
            return field.fail(format!("expected a header name, found {name:?}"));
        }
        let header = match field.value {
            Json::Bool(true) => HeaderExpectation::Present,
            Json::Bool(false) => HeaderExpectation::Absent,
            Json::String(text) => HeaderExpectation::Is(text.to_string()),
            _ => return field.fail("expected a value, true (present) or false (absent)"),
        };
        Some((name.to_ascii_lowercase(), header))
    })?;
    if headers.is_empty() { field.fail("expected a header") } else { Some(headers) }
}
