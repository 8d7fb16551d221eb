//! Path templates of OpenAPI, and what the policy's path patterns can say of them.

use portcullis::route::path::RequestPath;
use portcullis::route::pattern::is_name;

use super::unique;

/// The name of a parameter that has none which could be kept.
const NAMELESS: &str = "parameter";

/// A path of a document as a pattern of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The pattern. Where [`Path::inexact`] is there it covers more than the document's path.
    pub(super) segments: Vec<Segment>,
    /// Whether a slash follows the last segment. It does not count.
    pub(super) has_trailing_slash: bool,
    /// Parameters whose names the policy does not take, and the names that they got.
    pub(super) renamed: Vec<(String, String)>,
    /// Why the pattern covers more than the document's path, if it does.
    pub(super) inexact: Option<String>,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Decoded.
    Literal(String),
    /// The name of a capture.
    Capture(String),
}

impl Path {
    /// Reads a path template, the server's base path in front. The name of a capture in the host is taken.
    ///
    /// # Errors
    /// Says why the gate lets no request to such a path through.
    pub(super) fn parse(text: &str, taken: Option<&str>) -> Result<Self, String> {
        let (path, behind) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
        let has_trailing_slash = path.len() > 1 && path.ends_with('/');
        let mut read = Self { segments: Vec::new(), has_trailing_slash, renamed: Vec::new(), inexact: None };
        if !behind.is_empty() {
            read.inexact = Some("a route does not look at a query or a fragment".to_owned());
        }
        let inner = path.strip_prefix('/').unwrap_or(path);
        if !inner.is_empty() {
            inner.strip_suffix('/').unwrap_or(inner).split('/').try_for_each(|segment| read.push(segment, taken))?;
        }
        Ok(read)
    }

    fn push(&mut self, text: &str, taken: Option<&str>) -> Result<(), String> {
        let parameter = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(name) = parameter.filter(|name| !name.contains(['{', '}'])) {
            let capture = self.fresh(name, taken);
            if capture != name {
                self.renamed.push((name.to_owned(), capture.clone()));
            }
            self.segments.push(Segment::Capture(capture));
            return Ok(());
        }
        // A literal may hold braces too, by percent-encoding; a pattern cannot say that.
        let literal = if text.contains(['{', '}']) { text.to_owned() } else { decode(text)? };
        if literal.contains(['{', '}']) {
            self.inexact = Some("a route takes a parameter as a whole segment only".to_owned());
            let capture = self.fresh(&literal, taken);
            self.segments.push(Segment::Capture(capture));
        } else {
            self.segments.push(Segment::Literal(literal));
        }
        Ok(())
    }

    /// A name for a capture, as near to this one as it can be.
    fn fresh(&self, name: &str, taken: Option<&str>) -> String {
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let name = match words.as_slice() {
            _ if is_name(name) => name.to_owned(),
            [] => NAMELESS.to_owned(),
            words => words.join("_"),
        };
        unique(&name, |name| taken != Some(name) && !self.segments.contains(&Segment::Capture(name.to_owned())))
    }

    /// What tells two patterns apart: the names of captures and a trailing slash do not.
    pub(super) fn key(&self) -> Vec<Option<&str>> {
        let literals = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Some(text.as_str()),
            Segment::Capture(_) => None,
        });
        literals.collect()
    }

    /// The pattern as the policy writes it.
    pub(super) fn text(&self) -> String {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Capture(name) => format!("/{{{name}}}"),
        });
        let text: String = segments.collect();
        if text.is_empty() || self.has_trailing_slash { format!("{text}/") } else { text }
    }
}

/// The literal for a segment as a client sends it.
fn decode(segment: &str) -> Result<String, String> {
    let raw = format!("/{segment}");
    let path = RequestPath::parse(&raw).ok();
    let decoded = path.and_then(|path| path.segment(0).map(str::to_owned));
    decoded.ok_or_else(|| match segment {
        "" => "the gate refuses paths with an empty segment".to_owned(),
        _ => format!("the gate refuses paths with {segment:?}, which servers read in more than one way"),
    })
}

#[cfg(test)]
mod tests {
    use portcullis::route::pattern::PathPattern;

    use super::*;

    fn text(path: &str) -> String {
        let path = Path::parse(path, None).unwrap();
        assert_eq!(path.inexact, None);
        path.text()
    }

    #[test]
    fn what_the_policy_can_say_is_said_exactly() {
        for path in ["/", "/a", "/a/", "/a/{id}/b", "/{a-b_C1}", "/.well-known/x", "/a:b@c", "/café", "/{id}/"] {
            assert_eq!(text(path), path);
        }
        assert_eq!(text("/caf%C3%A9/a%20b%3Fc"), "/café/a b?c");
        assert_eq!(text("a/b"), "/a/b");
        assert_eq!(text(""), "/");
    }

    #[test]
    fn parameters_get_names_that_the_policy_takes() {
        let cases: &[(&str, &str)] = &[
            ("/{user.id}/{user id}", "/{user_id}/{user_id_2}"),
            ("/{a}/{a}/{a}", "/{a}/{a_2}/{a_3}"),
            ("/{}/{é}", "/{parameter}/{parameter_2}"),
            ("/{proxy+}", "/{proxy}"),
            ("/{+path}", "/{path}"),
            ("/{*path}", "/{path}"),
            ("/{_id}", "/{_id}"),
            ("/{header.x}", "/{header_x}"),
        ];
        for (path, expected) in cases {
            assert_eq!(text(path), *expected, "{path}");
        }
        assert_eq!(Path::parse("/{t}", Some("t")).unwrap().text(), "/{t_2}", "the host has it");
        let renamed = Path::parse("/{a}/{b.c}", None).unwrap().renamed;
        assert_eq!(renamed, [("b.c".to_owned(), "b_c".to_owned())]);
    }

    #[test]
    fn a_parameter_within_a_segment_is_covered_not_said() {
        let cases: &[(&str, &str)] = &[
            ("/files/{name}.json", "/files/{name_json}"),
            ("/{a}-{b}/c", "/{a_b}/c"),
            ("/v1/{name}:cancel", "/v1/{name_cancel}"),
            ("/{a}{b}", "/{a_b}"),
            ("/{{a}}", "/{a}"),
            ("/a{b", "/{a_b}"),
            ("/%7Bid%7D", "/{id}"),
            ("/a?action=b", "/a"),
            ("/#Action=b", "/"),
        ];
        for (path, expected) in cases {
            let path = Path::parse(path, None).unwrap();
            assert!(path.inexact.is_some(), "{expected}");
            assert_eq!(path.text(), *expected);
        }
    }

    #[test]
    fn what_no_request_reaches_is_refused() {
        for path in ["//", "/a//b", "/a/../b", "/./a", "/a;v=1", "/a%2Fb", "/a\\b", "/100%", "/a//", "/%00"] {
            assert!(Path::parse(path, None).is_err(), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_pattern_is_one_of_the_policys(path in "(/([a-c%.{}?]|\\{[a-c.é]{0,2}\\}|%7B|%41|;){0,4}){0,4}") {
            if let Ok(path) = Path::parse(&path, None) {
                let pattern = PathPattern::parse(&path.text()).unwrap();
                assert_eq!(pattern.segments.len(), path.segments.len());
            }
        }
    }
}
