//! Templates: texts of the policy that contain values of the request.

use std::borrow::Cow;
use std::fmt;

use super::reader::Field;
use crate::route::header::{is_removed, is_rewritten};
use crate::route::pattern::PathPattern;
use crate::route::syntax::{is_name, is_token};
use crate::route::table::Captures;

/// A text with placeholders for values of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    PathCapture(usize),
    /// The label that the matched host pattern captured, if the pattern calls it by this name.
    HostLabel(String),
    Header(String),
    Query(String),
}

/// The values of a request that templates read.
pub trait RequestValues {
    /// The captures of the route's path, and of its host.
    fn captures(&self) -> &Captures;
    /// The name that the matched host pattern gives its label.
    fn host_label_name(&self) -> Option<&str>;
    /// The value of the header with this lower-case name.
    ///
    /// # Errors
    /// Why there is no single value that every origin reads too.
    fn header(&self, name: &str) -> Result<&str, NoValue>;
    /// The value of the query parameter with this name.
    ///
    /// # Errors
    /// Why there is no single value that every origin reads too.
    fn query(&self, name: &str) -> Result<Cow<'_, str>, NoValue>;
}

/// Why a template has no value for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoValue {
    /// The request has no such capture, header or parameter.
    Absent,
    /// It is empty.
    Empty,
    /// It contains a comma, so it is a list (RFC 9110 §5.3), as a repeated header is.
    List,
    /// Origins may read its characters differently: a header beyond ASCII (RFC 9110 §5.5), a parameter that is not
    /// UTF-8.
    Characters,
    /// It is repeated under this name, which some origin may take for it.
    Repeated(String),
    /// `Connection` names the header, so the origin does not receive it.
    HopByHop,
    /// The query has more parameters than some origins read.
    TooMany,
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("it is absent"),
            Self::Empty => f.write_str("it is empty"),
            Self::List => f.write_str("it contains a comma, as a repeated header does"),
            Self::Characters => f.write_str("origins read its characters differently"),
            Self::Repeated(name) => write!(f, "it is repeated: an origin may take {name:?} for it"),
            Self::HopByHop => f.write_str("Connection names the header, so the origin does not receive it"),
            Self::TooMany => f.write_str("the query has more parameters than some origins read"),
        }
    }
}

/// The names that a route's templates may use.
#[derive(Clone, Copy, Debug)]
pub struct TemplateScope<'r> {
    /// The route's path. `None` if it is invalid: its captures are then unknown, and any name may be one.
    pub path: Option<&'r PathPattern>,
    /// The names of the captures in the route's hosts.
    pub host_labels: &'r [String],
    /// The prefix of identity headers. Only the gate sets those; the origin receives none from the caller.
    pub identity_prefix: &'r str,
}

impl<'r> TemplateScope<'r> {
    /// The names of all captures, in the path and in the hosts.
    fn captures(self) -> impl Iterator<Item = &'r str> {
        self.path.into_iter().flat_map(PathPattern::names).chain(self.host_labels.iter().map(String::as_str))
    }

    /// The first name in braces that could be that of a capture and is not.
    fn unknown_capture(self, text: &str) -> Option<&str> {
        let mut names = text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0));
        names.find(|name| is_name(name) && self.captures().all(|capture| capture != *name))
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A message that says what was expected: in braces, a capture in `scope`, `header.x-name` or `query.name`.
    pub fn parse(text: &str, scope: TemplateScope<'_>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (literal, from_brace) = rest.split_at(open);
            let inner = from_brace.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (name, behind) = inner.ok_or("expected each { to have its }")?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::parse(name, scope)?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The template at a place of the policy.
    pub(super) fn read(field: &Field<'_>, scope: TemplateScope<'_>) -> Option<Self> {
        let text = field.text()?;
        let message = match Self::parse(text, scope) {
            Ok(template) => return Some(template),
            Err(message) => message,
        };
        match scope.unknown_capture(text) {
            Some(name) => field.fail_name(name, scope.captures(), message),
            None => field.fail(message),
        }
    }

    /// The text with the values of this request.
    ///
    /// # Errors
    /// Why one of its values is unusable: absent, empty, repeated or, from a header, with a comma in it.
    pub fn resolve<'t>(&'t self, request: &'t (impl RequestValues + ?Sized)) -> Result<Cow<'t, str>, NoValue> {
        if let [part] = self.parts.as_slice() {
            return part.resolve(request);
        }
        self.parts.iter().map(|part| part.resolve(request)).collect::<Result<String, _>>().map(Cow::Owned)
    }

    /// The headers that it reads, in lower case.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Header(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it reads a header or a query parameter.
    #[must_use]
    pub fn reads_request(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Header(_) | Part::Query(_)))
    }

    /// Whether it reads a capture of the path.
    #[must_use]
    pub fn reads_path(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::PathCapture(_)))
    }

    /// Whether it reads a capture of the path or the host.
    #[must_use]
    pub fn reads_captures(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::PathCapture(_) | Part::HostLabel(_)))
    }

    /// The text, if it contains no values of the request.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        matches!(self.parts.as_slice(), [Part::Literal(_)]).then_some(self.text.as_str())
    }

    /// The literal text before the first value.
    #[must_use]
    pub fn leading_literal(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }
}

/// As written in the policy.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    fn parse(name: &str, scope: TemplateScope<'_>) -> Result<Self, String> {
        if let Some(header) = name.strip_prefix("header.") {
            if !is_token(header) {
                return Err(format!("expected a header's name in {{{name}}}"));
            }
            let header = header.to_ascii_lowercase();
            return if is_removed(&header, scope.identity_prefix) || is_rewritten(&header) {
                Err(format!("expected a header that the origin gets from the caller, {header} is removed or rewritten"))
            } else {
                Ok(Self::Header(header))
            };
        }
        if let Some(parameter) = name.strip_prefix("query.") {
            return if parameter.is_empty() {
                Err("expected a parameter's name in {query.}".to_owned())
            } else {
                Ok(Self::Query(parameter.to_owned()))
            };
        }
        let position = |path: &PathPattern| path.names().position(|capture| capture == name);
        if let Some(index) = scope.path.map_or(is_name(name).then_some(0), position) {
            return Ok(Self::PathCapture(index));
        }
        if scope.host_labels.iter().any(|label| label == name) {
            return Ok(Self::HostLabel(name.to_owned()));
        }
        let expected = "expected {name} of a capture, {header.x-name} or {query.name}";
        if is_name(name) {
            Err(format!("the route captures no {{{name}}}"))
        } else {
            Err(format!("{expected}, found {{{name}}}"))
        }
    }

    fn resolve<'t>(&'t self, request: &'t (impl RequestValues + ?Sized)) -> Result<Cow<'t, str>, NoValue> {
        let value = match self {
            Self::Literal(text) => return Ok(Cow::Borrowed(text)),
            Self::PathCapture(index) => {
                request.captures().path.get(*index).map(|value| Cow::Borrowed(value.as_str())).ok_or(NoValue::Absent)
            }
            Self::HostLabel(name) => {
                let label =
                    request.captures().host_label.as_deref().filter(|_| request.host_label_name() == Some(name));
                label.map(Cow::Borrowed).ok_or(NoValue::Absent)
            }
            Self::Header(name) => match request.header(name)? {
                list if list.contains(',') => Err(NoValue::List),
                value if !value.is_ascii() => Err(NoValue::Characters),
                value => Ok(Cow::Borrowed(value)),
            },
            Self::Query(name) => request.query(name),
        }?;
        if value.is_empty() { Err(NoValue::Empty) } else { Ok(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::syntax::is_token_char;

    struct Request {
        captures: Captures,
        header: Option<&'static str>,
        query: Option<&'static str>,
    }

    impl RequestValues for Request {
        fn captures(&self) -> &Captures {
            &self.captures
        }
        fn host_label_name(&self) -> Option<&str> {
            Some("tenant")
        }
        fn header(&self, name: &str) -> Result<&str, NoValue> {
            self.header.filter(|_| name == "x-org").ok_or(NoValue::Absent)
        }
        fn query(&self, name: &str) -> Result<Cow<'_, str>, NoValue> {
            self.query.filter(|_| name == "org").map(Cow::Borrowed).ok_or(NoValue::Absent)
        }
    }

    fn resolve(template: &str, request: &Request) -> Result<String, NoValue> {
        let path = PathPattern::parse("/a/{org}/{*rest}").unwrap();
        let labels = ["tenant".to_owned(), "other".to_owned()];
        let template = Template::parse(
            template,
            TemplateScope { path: Some(&path), host_labels: &labels, identity_prefix: "x-auth-" },
        )
        .unwrap();
        template.resolve(request).map(Cow::into_owned)
    }

    fn request() -> Request {
        let captures = Captures { path: vec!["acme".to_owned(), "x/y".to_owned()], host_label: Some("t1".to_owned()) };
        Request { captures, header: Some("h"), query: Some("q") }
    }

    #[test]
    fn puts_values_into_the_text() {
        let text = resolve("urn:{org}:{rest}/{tenant}-{header.X-Org}{query.org}.", &request());
        assert_eq!(text.as_deref(), Ok("urn:acme:x/y/t1-hq."));
        assert_eq!(resolve("plain", &request()).as_deref(), Ok("plain"));
        assert_eq!(resolve("{org}", &request()).as_deref(), Ok("acme"));
    }

    #[test]
    fn a_missing_value_fails_the_whole() {
        let (absent, empty) = (Err(NoValue::Absent), Err(NoValue::Empty));
        assert_eq!(resolve("x{header.other}", &request()), absent);
        assert_eq!(resolve("{query.other}", &request()), absent);
        assert_eq!(resolve("{header.x-org}", &Request { header: Some("a, b"), ..request() }), Err(NoValue::List));
        assert_eq!(resolve("{header.x-org}", &Request { header: Some(""), ..request() }), empty);
        assert_eq!(resolve("a{query.org}", &Request { query: Some(""), ..request() }), empty);
        assert_eq!(resolve("{other}", &request()), absent, "a label of a host pattern that did not match");
        let root = Captures { path: vec!["acme".to_owned(), String::new()], host_label: None };
        assert_eq!(resolve("{rest}", &Request { captures: root, ..request() }), empty, "the root of a rest");
    }

    #[test]
    fn a_value_is_never_read_as_a_template_or_a_wildcard() {
        let star = Request { header: Some("*"), query: Some("{org}"), ..request() };
        assert_eq!(resolve("{header.x-org}{query.org}", &star).as_deref(), Ok("*{org}"));
    }

    #[test]
    fn a_token_holds_all_visible_characters_but_delimiters() {
        for byte in 0..=u8::MAX {
            let is_delimiter = br#""(),/:;<=>?@[\]{}"#.contains(&byte);
            assert_eq!(is_token_char(byte), byte.is_ascii_graphic() && !is_delimiter, "{}", byte.escape_ascii());
        }
    }

    #[test]
    fn refuses_bad_templates() {
        let path = PathPattern::parse("/{org}").unwrap();
        let scope = TemplateScope { path: Some(&path), host_labels: &[], identity_prefix: "x-auth-" };
        for (reason, texts) in [
            ("each { to have its }", &["{", "}", "a{b", "{org", "org}"][..]),
            ("{name} of a capture", &["{}", "{{org}}", "{claims.x}"][..]),
            ("captures no {x}", &["{x}"][..]),
            ("a header's name", &["{header.}", "{header.a b}"][..]),
            ("a parameter's name", &["{query.}"][..]),
            (
                "is removed or rewritten",
                &[
                    "{header.x-auth-org}",
                    "{header.X_Auth.Org}",
                    "{header.x-forwarded-host}",
                    "{header.te}",
                    "{header.connection}",
                    "{header.Host}",
                    "{header.sec-websocket-key}",
                    "{header.x-http-method-override}",
                ][..],
            ),
        ] {
            for text in texts {
                let message = Template::parse(text, scope).unwrap_err();
                assert!(message.contains(reason), "{text}: {message}");
            }
        }
    }
}
