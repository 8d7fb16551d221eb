//! What the gate decides on a request.

use std::borrow::Cow;

use crate::cors::{Preflight, Sharing};
use crate::denial::Denial;
use crate::upstream::Forward;

/// The gate's decision on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The request goes to the origin, like this.
    Allow(Forward<'a>),
    /// The request goes nowhere.
    Deny(Denial),
    /// The gate answers by itself; there is no origin for this.
    Serve(Document<'a>),
    /// A browser asks whether a page may send a request, and it may.
    Preflight(Preflight<'a>),
}

/// What the answer to a request says beside the decision, whoever gives it.
#[derive(Clone, Copy, Debug)]
pub struct AnswerContext<'a> {
    /// The request's host without port: the realm of challenges.
    pub host: &'a str,
    /// Where clients read who issues tokens for the resource that the route is part of (RFC 9728 §5.1).
    pub resource_metadata: Option<&'a str>,
    /// Which pages of other origins may use the answer; `None` where the gate leaves that to the origin.
    pub sharing: Option<Sharing<'a>>,
}

impl<'a> AnswerContext<'a> {
    /// What is known before the route is.
    #[must_use]
    pub fn at(host: &'a str) -> Self {
        Self { host, resource_metadata: None, sharing: None }
    }
}

impl Decision<'_> {
    /// The same decision, independent of the request and the policy.
    #[must_use]
    pub fn into_owned(self) -> Decision<'static> {
        match self {
            Self::Allow(forward) => Decision::Allow(forward.into_owned()),
            Self::Deny(denial) => Decision::Deny(denial),
            Self::Serve(Document { media_type, body }) => {
                Decision::Serve(Document { media_type, body: Cow::Owned(body.into_owned()) })
            }
            Self::Preflight(Preflight { methods, headers, max_age }) => {
                Decision::Preflight(Preflight { methods, headers: Cow::Owned(headers.into_owned()), max_age })
            }
        }
    }
}

/// A document of the gate's own, which everyone may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// For `content-type`.
    pub media_type: &'static str,
    /// The text, without line breaks.
    pub body: Cow<'a, str>,
}
