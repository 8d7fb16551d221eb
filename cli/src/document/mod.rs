//! Files that contain policies, parsed into values that know their position in the text.

mod json;
mod policies;
mod source;
mod text;
mod toml;
mod value;
mod yaml;

pub(crate) use policies::{PolicyValue, is_configuration, policies, policy_variable, repeated_keys, worker_of};
pub(crate) use source::{ParsedSource, Source, Syntax, Unreadable};
pub(crate) use text::{Span, SyntaxError};
pub(crate) use value::{MAX_DEPTH, ProblemKind, SourceKey, SourceNode, SourceValue};
