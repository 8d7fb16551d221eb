//! The kinds of findings, and their severity.

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The gate would refuse every request.
    Error,
    /// Valid, but probably a mistake.
    Warning,
    /// Valid, and often intended; worth a look.
    Note,
}

impl Severity {
    /// Its name, which is also SARIF's `level` (§3.27.10).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A kind of finding: its stable name (also for `--allow`), its severity, and a description.
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
        /// All kinds of findings.
        pub(crate) const RULES: &[&FindingRule] = &[$(&$constant),*];
    };
}

rules! {
    SYNTAX = Error "syntax" "A syntax error",
    POLICY = Error "policy" "An error in a policy: the gate would refuse every request",
    KEYS = Error "keys" "An issuer's keys cannot be fetched or used",
    AUDIENCE_UNCHECKED = Warning "audience-unchecked" "A route accepts tokens for any audience",
    CALLER_AUDIENCE = Warning "caller-audience" "The caller chooses the audience that its token must have",
    CASE_OPENING = Note "case-opening" "A path in different case matches a less strict route",
    CAPTURED_SLASH = Warning "captured-slash" "An origin may read other values than those that the route checks",
    CORS_WIDE = Warning "cors-wide" "Pages of a whole top-level domain can act with the caller's cookies",
    DENY_OPENED = Warning "deny-opened" "An open route lies within one that denies",
    ENVIRONMENT_WITHOUT_POLICY = Warning "environment-without-policy" "An environment has no policy and inherits none",
    ENVIRONMENT_WITHOUT_STORE = Warning "environment-without-store" "An environment lacks a KV namespace of the default one",
    FOREIGN_PATTERN = Warning "foreign-pattern" "A segment in another router's notation, which matches only itself",
    HTTP_ORIGIN = Warning "http-origin" "Requests and identities go to the origin unencrypted",
    HTTP_PAGE = Warning "http-page" "Pages loaded without TLS may use a route",
    KEY_NOT_ALLOWED = Warning "key-not-allowed" "The policy allows none of a key's algorithms",
    LONG_LEEWAY = Warning "long-leeway" "Tokens are accepted for minutes after they expire",
    LOOPBACK_ORIGIN = Note "loopback-origin" "A loopback origin, which a deployed Worker cannot reach",
    LOGTO_ISSUER = Warning "logto-issuer" "An issuer that is almost that of a Logto tenant",
    METHOD_OPENING = Warning "method-opening" "A less strict route takes methods that a stricter one leaves out",
    MISPLACED_KEY = Warning "misplaced-key" "A key of the Worker within another table, where wrangler ignores it",
    NO_COOLDOWN = Warning "no-cooldown" "Every unknown key ID triggers a fetch",
    NO_STALE_KEYS = Warning "no-stale-keys" "Tokens are refused as soon as the issuer is down",
    NOT_ENFORCED = Warning "not-enforced" "A route forwards requests that it would refuse",
    OPEN_PASSTHROUGH = Warning "open-passthrough" "Requests go to any host that the caller names",
    OPEN_SECRET = Warning "open-secret" "A secret in plain text in the file",
    OPTIONAL_CHECKS = Warning "optional-checks" "Checks that callers avoid by sending no token",
    ORGANIZATION_ALTERNATIVE = Warning "organization-alternative" "Only some alternatives compare the organization in the path with the token's",
    ORGANIZATION_UNUSED = Warning "organization-unused" "The organization in the path is not compared with the token's",
    PLACEHOLDER_ID = Warning "placeholder-id" "A KV namespace without its id",
    PUBLIC_ALONE = Note "public-alone" "A public route that shadows no other",
    PUBLIC_OPENING = Note "public-opening" "An open pattern or root within a route that requires a token",
    QUERY_IN_PATH = Warning "query-in-path" "A path with a query or a fragment, which no request matches",
    ROOT_OPENING = Note "root-opening" "The root of a tree requires less than the tree",
    SHARED_SUBJECTS = Note "shared-subjects" "Subjects of several issuers reach one origin",
    SIMILAR_AUDIENCE = Warning "similar-audience" "Audiences that differ only by case or a trailing slash",
    SIMILAR_PATH = Warning "similar-path" "Paths that differ only by case",
    SIMILAR_SCOPE = Warning "similar-scope" "Scopes that differ only by one letter or by case",
    TOO_LARGE = Warning "too-large" "A policy that is too large for a Worker variable",
    UNBOUND_ANALYTICS = Warning "unbound-analytics" "Data points go to a binding that does not exist",
    UNBOUND_REVOCATIONS = Warning "unbound-revocations" "The list of revocations is in a store that is not bound",
    UNBOUND_SERVICE = Warning "unbound-service" "An origin is a service without a binding",
    UNBOUND_STORE = Warning "unbound-store" "No KV namespace is bound for the issuers' keys",
    UNKNOWN_METHOD = Warning "unknown-method" "A method that is not a registered HTTP method",
    UNREACHABLE = Warning "unreachable" "A route that no request reaches",
    UNREACHABLE_ORIGIN = Warning "unreachable-origin" "An origin that Workers cannot reach",
    UNUSED_ISSUER = Warning "unused-issuer" "No route accepts the issuer's tokens",
    WORKER_ASSETS = Warning "worker-assets" "Static assets bypass the gate",
    WORKER_CACHE = Warning "worker-cache" "Cached responses bypass the gate",
}
