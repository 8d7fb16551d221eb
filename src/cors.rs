//! The CORS protocol (Fetch standard, "HTTP CORS protocol"): what a browser is told of an answer that a page of another
//! origin asked for. It protects pages, not the gate: who is no browser does not ask.

use std::borrow::Cow;

use crate::policy::{Cors, WebOrigins};
use crate::request::Request;
use crate::route::syntax::is_token_char;

/// Headers of the gate's own refusals that tell a page what to do.
const EXPOSED_ON_REFUSAL: &str = "www-authenticate, retry-after";

/// A route's `cors` and the origin that asks: what says who may use an answer.
#[derive(Clone, Copy, Debug)]
pub struct Sharing<'a> {
    cors: &'a Cors,
    /// The value of `Origin`; of several, all.
    origin: Option<&'a str>,
}

/// The answer to a preflight whose origin and method are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight<'a> {
    /// The methods that a page may use, as a list.
    pub methods: String,
    /// The request headers that it may set, as a list.
    pub headers: Cow<'a, str>,
    /// Seconds that a browser keeps this.
    pub max_age: u64,
}

/// What an answer is, as far as it matters to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// The origin server's, or a document of the gate's.
    Content,
    /// A refusal of the gate's.
    Refusal,
    /// The answer to a preflight.
    Preflight,
}

/// The method that a preflight asks for; `None` for a request that is none (Fetch standard, "CORS-preflight request").
#[must_use]
pub fn preflight_method<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    // First what costs nothing: nearly no request is OPTIONS.
    if request.method != "OPTIONS" {
        return None;
    }
    request.header("origin").filter(|origin| !origin.is_empty())?;
    request.header("access-control-request-method").filter(|method| is_token(method))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_char)
}

impl<'a> Sharing<'a> {
    /// What `cors` says to this request.
    #[must_use]
    pub fn new(cors: &'a Cors, request: &'a Request<'_>) -> Self {
        Self { cors, origin: request.header("origin") }
    }

    /// The answer to a preflight that asks for `method`, where pages may use these `methods`; `None` if this origin's may
    /// not, or not this method.
    #[must_use]
    pub fn preflight(&self, method: &str, methods: &[&str]) -> Option<Preflight<'a>> {
        let is_allowed = self.allowed_origin().is_some() && methods.contains(&method);
        is_allowed.then(|| Preflight {
            methods: methods.join(", "),
            headers: Cow::Borrowed(&self.cors.headers),
            max_age: self.cors.max_age,
        })
    }

    /// The headers that say it.
    #[must_use]
    pub fn fields(&self, kind: AnswerKind) -> Vec<(&'static str, Cow<'a, str>)> {
        let Cors { origins, expose, credentials, .. } = self.cors;
        let mut fields = Vec::with_capacity(4);
        // What is the same for everyone needs no Vary. Otherwise caches must not give one origin's answer to another,
        // nor an answer without these headers to a page.
        if *origins != WebOrigins::Any {
            fields.push(("vary", Cow::Borrowed("origin")));
        }
        let Some(origin) = self.allowed_origin() else { return fields };
        fields.push(("access-control-allow-origin", Cow::Borrowed(origin)));
        if *credentials {
            fields.push(("access-control-allow-credentials", Cow::Borrowed("true")));
        }
        let exposed = match kind {
            AnswerKind::Preflight => Cow::Borrowed(""),
            AnswerKind::Refusal if expose.is_empty() => Cow::Borrowed(EXPOSED_ON_REFUSAL),
            AnswerKind::Refusal => Cow::Owned(format!("{expose}, {EXPOSED_ON_REFUSAL}")),
            AnswerKind::Content => Cow::Borrowed(expose.as_ref()),
        };
        if !exposed.is_empty() {
            fields.push(("access-control-expose-headers", exposed));
        }
        fields
    }

    /// The value of `Access-Control-Allow-Origin`.
    fn allowed_origin(&self) -> Option<&'a str> {
        match self.cors.origins {
            WebOrigins::Any => Some("*"),
            WebOrigins::OneOf(_) => self.origin.filter(|origin| self.cors.origins.allow(origin)),
        }
    }
}
