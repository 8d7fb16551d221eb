//! The CORS protocol (Fetch standard, "HTTP CORS protocol"): what a browser learns about a response that a page of
//! another origin requested. It protects the users of pages, not the gate: clients that are not browsers ignore CORS.

use std::borrow::Cow;

use crate::policy::{Cors, WebOrigins};
use crate::request::Request;
use crate::route::syntax::is_token;

/// Headers of the gate's own refusals that tell a page what to do.
const EXPOSED_ON_REFUSAL: &str = "www-authenticate, retry-after";

/// A route's `cors` and the page origin of a request, which decide who may use a response.
#[derive(Clone, Copy, Debug)]
pub struct Sharing<'a> {
    cors: &'a Cors,
    /// The value of `Origin`; several are joined by commas.
    origin: Option<&'a str>,
}

/// The response to a preflight whose page origin and method are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight<'a> {
    /// The methods that the page may use, as a comma-separated list.
    pub methods: String,
    /// The request headers that the page may set, as a comma-separated list.
    pub headers: Cow<'a, str>,
    /// How long browsers may cache this, in seconds.
    pub max_age: u64,
}

/// The kinds of responses that CORS headers distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// A response of the origin, or a document of the gate's own.
    Content,
    /// A refusal.
    Refusal,
    /// A preflight response.
    Preflight,
}

/// The method that a preflight asks for; `None` for any other request (Fetch standard, "CORS-preflight request").
#[must_use]
pub fn preflight_method<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    // The cheapest check comes first: hardly any request is OPTIONS.
    if request.method != "OPTIONS" {
        return None;
    }
    request.header("origin").filter(|origin| !origin.is_empty())?;
    request.header("access-control-request-method").filter(|method| is_token(method))
}

impl<'a> Sharing<'a> {
    /// Applies `cors` to this request.
    #[must_use]
    pub fn new(cors: &'a Cors, request: &'a Request<'_>) -> Self {
        Self { cors, origin: request.header("origin") }
    }

    /// Whether the request is one of a page that may not use the response.
    #[must_use]
    pub fn refuses_page(&self) -> bool {
        self.origin.is_some() && self.allowed_origin().is_none()
    }

    /// The response to a preflight for `method`, where pages may use these `methods`; `None` if the page origin or the
    /// method is not allowed.
    #[must_use]
    pub fn preflight(&self, method: &str, methods: &[&str]) -> Option<Preflight<'a>> {
        let is_allowed = self.allowed_origin().is_some() && methods.contains(&method);
        is_allowed.then(|| Preflight {
            methods: methods.join(", "),
            headers: Cow::Borrowed(&self.cors.headers),
            max_age: self.cors.max_age,
        })
    }

    /// The CORS headers of a response of this kind.
    #[must_use]
    pub fn fields(&self, kind: AnswerKind) -> Vec<(&'static str, Cow<'a, str>)> {
        let Cors { origins, expose, credentials, .. } = self.cors;
        let mut fields = Vec::with_capacity(4);
        // A response that is the same for all pages needs no Vary. Otherwise caches must not give one page origin's
        // response to another, nor a response without these headers to a page.
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
