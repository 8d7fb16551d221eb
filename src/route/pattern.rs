//! Path and host patterns of the policy.

use super::host::is_host;
use super::syntax::is_name;

/// A hint for texts that look like a regular expression or a wildcard.
const CAPTURES: &str = "; for any one segment write {name}, for the rest {*name}";

/// A path of the policy: literal segments, `{name}` for one whole segment, `{*name}` at the end for the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    /// The segments without the `{*name}` at the end.
    pub segments: Vec<PatternSegment>,
    /// The name of the `{*name}` at the end.
    pub rest: Option<String>,
}

/// One segment of a [`PathPattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternSegment {
    /// Compared with the decoded segment, case-sensitively.
    Literal(String),
    /// Captures the decoded segment under this name.
    Capture(String),
}

/// A host of the policy, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// Any single label before `.suffix`, captured under this name.
    Label {
        /// The name under which templates refer to the label.
        name: String,
        /// What follows the label and its dot.
        suffix: String,
    },
}

/// Which requests a route matches: hosts, path and methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    /// Empty for all hosts.
    pub hosts: Vec<HostPattern>,
    /// The path that a request must have.
    pub path: PathPattern,
    /// Empty for all methods.
    pub methods: Vec<String>,
}

/// Matches the path on all hosts, with all methods.
impl From<PathPattern> for RoutePattern {
    fn from(path: PathPattern) -> Self {
        Self { hosts: Vec::new(), path, methods: Vec::new() }
    }
}

impl RoutePattern {
    /// The name under which the first label of this host is captured.
    #[must_use]
    pub fn host_label_name(&self, host: &str) -> Option<&str> {
        let (_, behind) = host.split_once('.')?;
        self.hosts.iter().find_map(|pattern| match pattern {
            HostPattern::Label { name, suffix } if suffix == behind => Some(name.as_str()),
            HostPattern::Label { .. } | HostPattern::Exact(_) => None,
        })
    }
}

impl PathPattern {
    /// Reads a path of the policy. One trailing slash is ignored.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or_else(|| {
            let captures = if text.starts_with(['^', '~']) { CAPTURES } else { "" };
            format!("expected a path that starts with \"/\"{captures}")
        })?;
        let mut pattern = Self { segments: Vec::new(), rest: None };
        if rest.is_empty() {
            return Ok(pattern);
        }
        for segment in rest.strip_suffix('/').unwrap_or(rest).split('/') {
            if pattern.rest.is_some() {
                return Err("expected nothing after {*name}, which captures the rest of the path".to_owned());
            }
            match capture(segment)? {
                None => pattern.segments.push(PatternSegment::Literal(literal(segment)?)),
                Some((name, true)) => pattern.rest = Some(pattern.fresh(name)?),
                Some((name, false)) => {
                    let name = pattern.fresh(name)?;
                    pattern.segments.push(PatternSegment::Capture(name));
                }
            }
        }
        Ok(pattern)
    }

    /// The segments that a path must contain as they are, without the captures.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            PatternSegment::Literal(text) => Some(text.as_str()),
            PatternSegment::Capture(_) => None,
        })
    }

    /// The names of the captures, in the order in which a match lists their values.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let captures = self.segments.iter().filter_map(|segment| match segment {
            PatternSegment::Literal(_) => None,
            PatternSegment::Capture(name) => Some(name.as_str()),
        });
        captures.chain(self.rest.as_deref())
    }

    fn fresh(&self, name: &str) -> Result<String, String> {
        if self.names().any(|taken| taken == name) {
            return Err(format!("expected each capture once, {{{name}}} appears twice"));
        }
        Ok(name.to_owned())
    }
}

impl HostPattern {
    /// Reads a host of the policy: `host` or `{name}.host`, without port and trailing dot.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        match text.split_once('.') {
            Some((label, _)) if label.contains(['{', '}']) => {
                let Some((name, false)) = capture(label)? else {
                    return Err("expected {name} to be the whole first label".to_owned());
                };
                let (_, suffix) = lower.split_once('.').unwrap_or_default();
                Ok(Self::Label { name: name.to_owned(), suffix: host(suffix)?.to_owned() })
            }
            _ => Ok(Self::Exact(host(&lower)?.to_owned())),
        }
    }
}

/// The name in `{name}` (false) or `{*name}` (true); `None` without braces.
fn capture(segment: &str) -> Result<Option<(&str, bool)>, String> {
    if !segment.contains(['{', '}']) {
        return Ok(None);
    }
    let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let (name, is_rest) =
        inner.map(|inner| inner.strip_prefix('*').map_or((inner, false), |name| (name, true))).unwrap_or_default();
    if is_name(name) {
        return Ok(Some((name, is_rest)));
    }
    let meant = meant(segment).map(|meant| format!(": {meant} for {segment:?}"));
    Err(format!("expected {{name}} or {{*name}} as a whole segment{}", meant.unwrap_or_default()))
}

/// The capture that a segment in the syntax of another router means, with more in its braces: a constraint
/// (`{id:[0-9]+}`, `{id:int}`), a default (`{id=1}`, `{id?}`) or a marker for the rest (`{path...}`, `{proxy+}`,
/// `{**path}`, `{path:path}`, `{path:.*}`). A slash in a constraint ends the segment early.
fn meant(segment: &str) -> Option<String> {
    let inner = segment.strip_prefix('{')?.trim_start_matches('{');
    let named = inner.trim_start_matches('*');
    let name_end = named.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-')).unwrap_or(named.len());
    let (name, behind) = named.split_at(name_end);
    let has = |marks: &[&str]| marks.iter().any(|mark| behind.starts_with(mark));
    let is_rest = inner.starts_with('*') || has(&["...", "+", "*", ":path}", ":.*", ":.+", ":*"]);
    let is_plain = behind.is_empty() || has(&[":", "=", "?", "}}"]);
    match (is_name(name), is_rest, is_plain) {
        (true, true, _) => Some(format!("{{*{name}}}")),
        (true, false, true) => Some(format!("{{{name}}}")),
        _ => None,
    }
}

fn literal(segment: &str) -> Result<String, String> {
    match segment {
        "" => Err("expected no empty segment".to_owned()),
        "." | ".." => Err("expected no dot segment, no request reaches it".to_owned()),
        _ if segment.contains('%') => {
            let is_escape = |behind: &str| behind.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
            let captures = if segment.split('%').skip(1).all(is_escape) { "" } else { CAPTURES };
            Err(format!("expected the path decoded, without \"%\"{captures}"))
        }
        _ if segment.contains(['\\', ';']) || segment.contains(char::is_control) => {
            let captures = if segment.contains('\\') { CAPTURES } else { "" };
            Err(format!("expected no backslash, \";\" or control character, no request reaches it{captures}"))
        }
        _ => Ok(segment.to_owned()),
    }
}

fn host(text: &str) -> Result<&str, String> {
    if is_host(text) { Ok(text) } else { Err("expected a host, without port and trailing dot".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_literals_captures_and_the_rest() {
        let pattern = PathPattern::parse("/orgs/{org}/data/{*rest}/").unwrap();
        assert_eq!(pattern.names().collect::<Vec<_>>(), ["org", "rest"]);
        assert_eq!(pattern.segments.len(), 3);
        assert_eq!(PathPattern::parse("/").unwrap(), PathPattern { segments: vec![], rest: None });
        assert!(PathPattern::parse("/café/a?b").is_ok());
        assert_eq!(PathPattern::parse("/{a-b_C1}").unwrap().names().collect::<Vec<_>>(), ["a-b_C1"]);
    }

    #[test]
    fn refuses_bad_paths() {
        for (reason, texts) in [
            ("starts with", &["", "api"][..]),
            ("no empty segment", &["//", "/a//b"][..]),
            ("no dot segment", &["/a/../b", "/."][..]),
            ("the path decoded", &["/%61"][..]),
            ("no backslash", &["/a;b", "/a\\b", "/a\nb"][..]),
            ("as a whole segment", &["/{}", "/{*}", "/a{b}", "/{a}b", "/{a", "/a}", "/{a b}", "/{header.x}"][..]),
            ("nothing after {*name}", &["/{*rest}/x"][..]),
            ("each capture once", &["/{a}/{a}", "/{a}/{*a}"][..]),
        ] {
            for text in texts {
                let message = PathPattern::parse(text).unwrap_err();
                assert!(message.contains(reason), "{text:?}: {message}");
            }
        }
    }

    #[test]
    fn what_other_routers_would_read_is_told_in_the_own_notation() {
        for (text, meant) in [
            ("/users/{id:[0-9]+}", "{id} for \"{id:[0-9]+}\""),
            ("/users/{id:[^/]+}/x", "{id} for \"{id:[^\""),
            ("/users/{id:int}", "{id} for"),
            ("/users/{id?}", "{id} for"),
            ("/users/{id=1}", "{id} for"),
            ("/users/{{id}}", "{id} for"),
            ("/files/{path...}", "{*path} for"),
            ("/files/{proxy+}", "{*proxy} for"),
            ("/files/{path*}", "{*path} for"),
            ("/files/{**path}", "{*path} for"),
            ("/files/{path:path}", "{*path} for"),
            ("/files/{path:.*}", "{*path} for"),
            ("/users/%", CAPTURES),
            ("/users/%s/x", CAPTURES),
            ("/users/\\d+", CAPTURES),
            ("^/users$", CAPTURES),
            ("~ ^/users", CAPTURES),
        ] {
            let message = PathPattern::parse(text).unwrap_err();
            assert!(message.contains(meant), "{text}: {message}");
        }
        for text in ["/{a}{b}", "/x{a}", "/{a,b}", "/{header.x}", "/{a b}", "/{}", "/%61%20b", "api", "/a;b"] {
            let message = PathPattern::parse(text).unwrap_err();
            assert!(!message.contains(" for "), "{text}: {message}");
        }
    }

    #[test]
    fn reads_hosts_in_lower_case() {
        assert_eq!(HostPattern::parse("API.Example.com"), Ok(HostPattern::Exact("api.example.com".to_owned())));
        let label = HostPattern::Label { name: "Tenant".to_owned(), suffix: "example.com".to_owned() };
        assert_eq!(HostPattern::parse("{Tenant}.Example.com"), Ok(label));
        assert!(HostPattern::parse("[::1]").is_ok());
        for (reason, texts) in [
            (
                "expected a host",
                &["", "a.", ".a", "a:80", "a..b", "{a}", "a.{b}", "{a}.{b}.c", "{a}.", "a/b", "é.com", "*.a"][..],
            ),
            ("as a whole segment", &["x{a}.b"][..]),
            ("the whole first label", &["{*a}.b"][..]),
        ] {
            for text in texts {
                let message = HostPattern::parse(text).unwrap_err();
                assert!(message.contains(reason), "{text:?}: {message}");
            }
        }
    }
}
