//! The options of a conversion.

use std::fmt;

use clap::ValueEnum;

/// What the user adds to a document.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImportOptions {
    /// The audiences, one of which tokens must have.
    pub(crate) audience: Vec<String>,
    /// Issuers, by the name of the security scheme whose tokens they issue.
    pub(crate) issuers: Vec<(String, String)>,
    /// The issuer of all schemes without one.
    pub(crate) issuer: Option<String>,
    /// The origin behind the gate.
    pub(crate) origin: Option<String>,
    /// The server that replaces the document's servers.
    pub(crate) server: Option<String>,
    /// Whether routes are restricted to the servers' hosts.
    pub(crate) hosts: bool,
    /// Whether the servers' base path is stripped from what the origin sees.
    pub(crate) strip_base: bool,
    /// Who may call operations without `security`.
    pub(crate) default_access: Option<DefaultAccess>,
}

/// Who may call operations without `security`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DefaultAccess {
    /// No one
    Deny,
    /// Callers with a token
    Token,
    /// Everyone
    Public,
}

impl fmt::Display for DefaultAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deny => "deny",
            Self::Token => "token",
            Self::Public => "public",
        })
    }
}
