//! What a person says of a document.

use std::fmt;

use clap::ValueEnum;

/// What a person adds to a document.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImportOptions {
    /// For whom tokens must be; one of these.
    pub(crate) audience: Vec<String>,
    /// Issuers by the name of the security scheme whose tokens are theirs.
    pub(crate) issuers: Vec<(String, String)>,
    /// The issuer for all schemes that name none.
    pub(crate) issuer: Option<String>,
    /// What stands behind the gate.
    pub(crate) origin: Option<String>,
    /// In place of the document's servers.
    pub(crate) server: Option<String>,
    /// Whether routes are for the servers' hosts alone.
    pub(crate) hosts: bool,
    /// Whether the origin sees paths without the servers' base path.
    pub(crate) strip_base: bool,
    /// Who may call what has no `security`.
    pub(crate) default_access: Option<DefaultAccess>,
}

/// Who may call what has no `security`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DefaultAccess {
    /// No one
    Deny,
    /// Who has a token
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
