//! What the gate does with a request.

use std::borrow::Cow;

use crate::cors::{Preflight, Sharing};
use crate::denial::Denial;
use crate::policy::{Route, Scopes};
use crate::upstream::Forward;

/// The gate's decision on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Forward the request to the origin, with these changes.
    Allow(Forward<'a>),
    /// Refuse the request.
    Deny(Denial),
    /// Serve one of the gate's own documents.
    Serve(Document<'a>),
    /// Answer with this status and nothing else: the gate did what it was asked for.
    Done(u16),
    /// Answer a preflight: a page may send the request.
    Preflight(Preflight<'a>),
}

/// What a response contains besides the decision, whether the gate or the origin creates it.
#[derive(Clone, Copy, Debug)]
pub struct AnswerContext<'a> {
    /// The request's host without port: the realm of challenges.
    pub host: &'a str,
    /// What challenges say of the resource that the route is part of.
    pub resource: Option<ResourceHint<'a>>,
    /// Which pages of other origins may use the response; `None` if the gate leaves that to the origin.
    pub sharing: Option<Sharing<'a>>,
}

/// What a client needs to know to get a token for a resource.
#[derive(Clone, Copy, Debug)]
pub struct ResourceHint<'a> {
    /// The URL at which it learns who issues the tokens (RFC 9728 §5.1).
    pub metadata_url: &'a str,
    /// The scopes that the route requires.
    pub scopes: &'a Scopes,
}

impl<'a> AnswerContext<'a> {
    /// The context while the route is not known.
    #[must_use]
    pub fn at(host: &'a str) -> Self {
        Self { host, resource: None, sharing: None }
    }

    /// The context of a response of the origin. If the route is not enforced and the page is one that `cors` does not
    /// name, the response is left as it is, so that the page is not kept from it: then the second value is true.
    #[must_use]
    pub fn without_refused_page(self, route: &Route) -> (Self, bool) {
        let is_left_alone = !route.is_enforced && self.sharing.is_some_and(|sharing| sharing.refuses_page());
        (Self { sharing: self.sharing.filter(|_| !is_left_alone), ..self }, is_left_alone)
    }
}

impl Decision<'_> {
    /// The same decision, independent of the request and the policy.
    #[must_use]
    pub fn into_owned(self) -> Decision<'static> {
        match self {
            Self::Allow(forward) => Decision::Allow(forward.into_owned()),
            Self::Deny(denial) => Decision::Deny(denial),
            Self::Done(status) => Decision::Done(status),
            Self::Serve(Document { media_type, body, is_public }) => {
                Decision::Serve(Document { media_type, body: Cow::Owned(body.into_owned()), is_public })
            }
            Self::Preflight(Preflight { methods, headers, max_age }) => {
                Decision::Preflight(Preflight { methods, headers: Cow::Owned(headers.into_owned()), max_age })
            }
        }
    }
}

/// One of the gate's own documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// The value of `content-type`.
    pub media_type: &'static str,
    /// The text, without line breaks.
    pub body: Cow<'a, str>,
    /// Whether everyone may read it, so that caches may keep it.
    pub is_public: bool,
}
