//! Requests from the command line and from tests.

use percent_encoding::{AsciiSet, utf8_percent_encode};
use portcullis::denial::Denial;
use portcullis::request::Request;
use portcullis::route::header::AUTHORIZATION;
use portcullis::route::syntax::is_token;
use portcullis::route::url::Url;
use portcullis::token::bearer;

/// The base of a URL that is only a path.
pub(crate) const DEFAULT_BASE: &str = "https://localhost";

/// HTTP clients percent-encode non-ASCII characters, and nothing else that matters here.
const NON_ASCII: &AsciiSet = &AsciiSet::EMPTY;

/// A request without its body.
#[derive(Clone, Debug)]
pub(crate) struct TrialRequest {
    pub(crate) method: String,
    pub(crate) url: String,
    /// Names are in lower case; headers with the same name are joined.
    headers: Vec<(String, String)>,
    /// A token that is sent in the header where its route looks for it.
    token: Option<String>,
}

impl TrialRequest {
    /// Reads a method and a URL, or a path on [`DEFAULT_BASE`].
    pub(crate) fn new(method: &str, url: &str) -> Result<Self, String> {
        check_method(method)?;
        if url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(format!("expected a URL without spaces or control characters, found {url:?}"));
        }
        // A client does not send the fragment (RFC 9110 §7.1).
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (base, rest) = if url.starts_with('/') { (DEFAULT_BASE, url) } else { split_scheme(url)? };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if base != DEFAULT_BASE && !authority.is_ascii() {
            return Err(format!("expected a host in ASCII, as clients send it (xn--…), found {authority:?}"));
        }
        let url = format!("{base}{}", utf8_percent_encode(rest, NON_ASCII));
        Ok(Self { method: method.to_owned(), url, headers: Vec::new(), token: None })
    }

    /// Adds a header.
    pub(crate) fn add(&mut self, name: &str, value: &str) -> Result<(), String> {
        if !is_token(name) {
            return Err(format!("expected a header name, found {name:?}"));
        }
        // The value may be a secret, so the message does not quote it.
        let value = value.trim_matches([' ', '\t']);
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("the value of the header {name} contains a control character"));
        }
        let name = name.to_ascii_lowercase();
        // workerd drops these if they are empty.
        if value.is_empty() && [AUTHORIZATION, "origin"].contains(&name.as_str()) {
            return Ok(());
        }
        match self.headers.iter_mut().find(|(known, _)| *known == name) {
            // The platform joins them (RFC 9110 §5.3).
            Some((_, joined)) => *joined = format!("{joined}, {value}"),
            None => self.headers.push((name, value.to_owned())),
        }
        Ok(())
    }

    /// Sends this token, in the header where the request's route looks for it.
    pub(crate) fn set_token(&mut self, token: String) {
        self.token = Some(token);
    }

    /// The token to send in that header, if it has one.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether it has a header of this lower-case name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }

    /// Whether it has a token in the header of this lower-case name, where its route looks for it.
    pub(crate) fn has_token(&self, token_header: &str) -> bool {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let own = match token_header {
            AUTHORIZATION => bearer::extract(self.header(AUTHORIZATION)),
            name => bearer::extract_bare(&headers, name),
        };
        self.token.is_some() || matches!(own, Ok(Some(_)))
    }

    /// The value of the header of this lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The request without its headers.
    pub(crate) fn bare(&self) -> Request<'_> {
        Request { method: &self.method, url: Url::split(&self.url), headers: Vec::new() }
    }

    /// The request as the gate receives it, with this header in addition to its own.
    pub(super) fn as_received<'r>(&'r self, header: Option<(&'r str, &'r str)>) -> Request<'r> {
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = own.chain(header).collect();
        Request { method: &self.method, url: Url::split(&self.url), headers }
    }
}

/// A method is a token (RFC 9110 §9.1). The platform does not accept lower-case letters.
pub(crate) fn check_method(method: &str) -> Result<(), String> {
    let is_method = is_token(method) && !method.bytes().any(|b| b.is_ascii_lowercase());
    if is_method { Ok(()) } else { Err(format!("expected a method in upper case, found {method:?}")) }
}

/// The scheme in lower case, as clients send it, and the rest.
fn split_scheme(url: &str) -> Result<(&'static str, &str), String> {
    let schemes = ["https://", "http://"].into_iter();
    let mut split = schemes.filter_map(|scheme| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some((scheme, rest))
    });
    split.next().ok_or_else(|| format!("expected an http or https URL, or a path, found {url:?}"))
}

/// What was found where the token should be, without its contents.
pub(super) fn describe(token: &Result<Option<&str>, Denial>) -> &'static str {
    match token {
        Ok(None) => "none",
        Ok(Some(_)) => "a bearer token",
        Err(Denial::UnsupportedScheme) => "another scheme",
        Err(_) => "a malformed value",
    }
}

/// What a preflight asks for, in words.
pub(super) fn describe_preflight(request: &Request<'_>) -> String {
    let [origin, method] =
        ["origin", "access-control-request-method"].map(|name| request.header(name).unwrap_or("none"));
    format!("origin {origin:?}, method {method:?}")
}
