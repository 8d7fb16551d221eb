//! The kinds of findings.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The gate would refuse every request.
    Error,
    /// Legal, but likely not meant.
    Warning,
    /// Legal, and often meant; worth a look.
    Note,
}

impl Severity {
    /// What SARIF calls it (§3.27.10), and everyone else.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A kind of finding: its name, how bad it is, and what it says, for machines and for `--allow`.
#[derive(Debug)]
pub(crate) struct FindingRule {
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) about: &'static str,
}

macro_rules! rules {
    ($($constant:ident = $severity:ident $name:literal $about:literal),* $(,)?) => {
        $(pub(crate) const $constant: FindingRule =
            FindingRule { name: $name, severity: Severity::$severity, about: $about };)*
        /// All of them.
        pub(crate) const RULES: &[&FindingRule] = &[$(&$constant),*];
    };
}

rules! {
    SYNTAX = Error "syntax" "A text that is not written as its syntax asks",
    POLICY = Error "policy" "A policy with which the gate would refuse every request",
    KEYS = Error "keys" "An issuer's keys that cannot be fetched or used",
    AUDIENCE_UNCHECKED = Warning "audience-unchecked" "A route takes tokens for any audience",
    CALLER_AUDIENCE = Warning "caller-audience" "The caller names the audience that its token is to have",
    CASE_OPENING = Note "case-opening" "A path in another case takes a less strict route",
    CORS_WIDE = Warning "cors-wide" "Pages of a whole top-level domain act with the caller's cookies",
    DENY_OPENED = Warning "deny-opened" "An open route lies within one that denies",
    ENVIRONMENT_WITHOUT_POLICY = Warning "environment-without-policy" "An environment inherits no policy",
    FOREIGN_PATTERN = Warning "foreign-pattern" "A segment in the notation of other routers, which matches only itself",
    HTTP_ORIGIN = Warning "http-origin" "Requests and identities go to the origin in the clear",
    HTTP_PAGE = Warning "http-page" "Pages that come in the clear may use a route",
    KEY_NOT_ALLOWED = Warning "key-not-allowed" "The policy allows no algorithm of a key",
    LONG_LEEWAY = Warning "long-leeway" "Expired tokens are taken for minutes",
    LOOPBACK_ORIGIN = Note "loopback-origin" "An origin that a deployed Worker does not reach",
    METHOD_OPENING = Warning "method-opening" "A less strict route takes methods that a stricter one leaves",
    NO_COOLDOWN = Warning "no-cooldown" "Each unknown key makes a fetch",
    NO_STALE_KEYS = Warning "no-stale-keys" "Tokens are refused as soon as the issuer is down",
    OPEN_PASSTHROUGH = Warning "open-passthrough" "Requests go to any host that the caller names",
    OPEN_SECRET = Warning "open-secret" "A secret that stands in the file",
    OPTIONAL_CHECKS = Warning "optional-checks" "Checks that callers avoid by sending no token",
    ORGANIZATION_ALTERNATIVE = Warning "organization-alternative" "Only some alternatives compare the organization in the path with the token's",
    ORGANIZATION_UNUSED = Warning "organization-unused" "The organization in the path is not compared with the token's",
    PUBLIC_ALONE = Note "public-alone" "A public route that shadows no other",
    PUBLIC_OPENING = Note "public-opening" "An open pattern or root within a route that takes tokens",
    QUERY_IN_PATH = Warning "query-in-path" "A path that no request has",
    ROOT_OPENING = Note "root-opening" "The root of a tree asks for less than the tree",
    SHARED_SUBJECTS = Note "shared-subjects" "Subjects of several issuers reach one origin",
    SIMILAR_AUDIENCE = Warning "similar-audience" "Audiences that differ by case or a slash only",
    SIMILAR_PATH = Warning "similar-path" "Paths that differ by case only",
    SIMILAR_SCOPE = Warning "similar-scope" "Scopes that differ by one letter or case only",
    TOO_LARGE = Warning "too-large" "Too large for a variable of a Worker",
    UNBOUND_SERVICE = Warning "unbound-service" "An origin is a service that is not bound",
    UNBOUND_STORE = Warning "unbound-store" "No KV namespace keeps the issuers' keys",
    UNKNOWN_METHOD = Warning "unknown-method" "A method that the registry of HTTP does not have",
    UNREACHABLE = Warning "unreachable" "A route that no request reaches",
    UNREACHABLE_ORIGIN = Warning "unreachable-origin" "An origin that Workers cannot reach",
    UNUSED_ISSUER = Warning "unused-issuer" "No route takes the issuer's tokens",
    WORKER_CACHE = Warning "worker-cache" "Cached answers come without the gate",
}
