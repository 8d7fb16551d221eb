//! Stand-ins for the values of requests, so that templates of both policies can be compared: two templates that have
//! the same value for a stand-in have the same one for every request.

use std::borrow::Cow;
use std::collections::HashMap;

use portcullis::policy::Route;
use portcullis::policy::template::{NoValue, RequestValues, Template};
use portcullis::route::pattern::PatternSegment;
use portcullis::route::table::Captures;

/// Texts that neither policy contains.
#[derive(Clone, Debug)]
pub(super) struct Symbols(String);

impl Symbols {
    /// Stand-ins for policies with these documents.
    pub(super) fn unused_in(documents: [&str; 2]) -> Self {
        let documents = documents.map(str::to_ascii_lowercase);
        let mut names = (0_u32..).map(|number| format!("any{number}x"));
        let unused = names.find(|name| documents.iter().all(|document| !document.contains(name)));
        Self(unused.unwrap_or_default())
    }

    /// The value of a segment of the path.
    pub(super) fn segment(&self, index: usize) -> String {
        format!("{}{index}x", self.0)
    }

    /// A host that no policy names, or a label of one.
    pub(super) fn host(&self) -> String {
        self.0.clone()
    }

    /// A method that no policy names.
    pub(super) fn method(&self) -> String {
        self.0.to_ascii_uppercase()
    }

    /// The value of a header or a parameter. With its length, no other text continues it to that of another name.
    fn named(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}{}x{name}", self.0, name.len())
    }

    /// What a route captures, whatever the request is.
    pub(super) fn captures(&self, route: &Route) -> Captures {
        let path = &route.pattern.path;
        let captured = path.segments.iter().enumerate().filter_map(|(index, segment)| match segment {
            PatternSegment::Literal(_) => None,
            PatternSegment::Capture(_) => Some(self.segment(index)),
        });
        let rest = path.rest.iter().map(|_| format!("{}rest{}x", self.0, path.segments.len()));
        Captures { path: captured.chain(rest).collect(), host_label: Some(self.host()) }
    }
}

/// A request of which only the captures are known.
pub(super) struct SymbolicRequest<'s> {
    symbols: &'s Symbols,
    captures: &'s Captures,
    label_name: Option<&'s str>,
    headers: HashMap<&'s str, String>,
}

impl<'s> SymbolicRequest<'s> {
    /// A request of this route at this host.
    pub(super) fn new(symbols: &'s Symbols, route: &'s Route, captures: &'s Captures, host: &str) -> Self {
        let names = route.templates().flat_map(Template::headers);
        let headers = names.map(|name| (name, symbols.named("header", name))).collect();
        Self { symbols, captures, label_name: route.pattern.host_label_name(host), headers }
    }

    /// The value of a template; `None` if it has none for any request.
    pub(super) fn value(&self, template: &Template) -> Option<String> {
        // The rest of a path may be empty, and then it is no value.
        template.resolve(self).ok().map(Cow::into_owned)
    }
}

impl RequestValues for SymbolicRequest<'_> {
    fn captures(&self) -> &Captures {
        self.captures
    }

    fn host_label_name(&self) -> Option<&str> {
        self.label_name
    }

    fn header(&self, name: &str) -> Result<&str, NoValue> {
        self.headers.get(name).map(String::as_str).ok_or(NoValue::Absent)
    }

    fn query(&self, name: &str) -> Result<Cow<'_, str>, NoValue> {
        Ok(self.symbols.named("query", name).into())
    }
}
