//! Parts of a text.

use std::ops::Range;

/// Bytes of a text.
pub(crate) type Span = Range<usize>;

/// Why a text is not written as its syntax asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) span: Span,
    pub(crate) message: String,
}

impl SyntaxError {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}
