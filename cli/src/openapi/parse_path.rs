//! Parses path templates.

use percent_encoding::percent_decode_str;

use super::path::{TemplatePath, TemplateSegment};
use crate::area::AreaPart;
use crate::area::template::{PathParameter, has_operator, is_balanced, segments, split_query};

/// Why `{name}.json` is not a pattern.
const WHOLE_ONLY: &str = "in a route a parameter is always a whole segment";

/// Why `{id:[0-9]+}` is not a pattern.
const NAME_ONLY: &str = "in a route a parameter is only a name";

impl TemplatePath {
    /// Parses a path template that begins with the server's base path. `taken` is the name of the capture in the host.
    ///
    /// # Errors
    /// Why the gate refuses all requests for such a path.
    pub(super) fn parse(text: &str, taken: Option<&str>) -> Result<Self, String> {
        let (path, behind) = split_query(text);
        let mut read = Self { has_trailing_slash: path.len() > 1 && path.ends_with('/'), ..Self::default() };
        if !behind.is_empty() {
            read.inexact = Some("a route does not match a query or a fragment".to_owned());
        }
        let inner = path.strip_prefix('/').unwrap_or(path);
        if !inner.is_empty() {
            let mut segments = segments(inner.strip_suffix('/').unwrap_or(inner)).into_iter().peekable();
            while let Some(segment) = segments.next() {
                let is_last = segments.peek().is_none() && behind.is_empty();
                read.push(segment, is_last, taken)?;
            }
        }
        let wide = std::mem::take(&mut read.wide);
        let others = wide.into_iter().map(|(index, why)| (read.with_rest(index, taken), why)).collect();
        read.others = others;
        read.leave_optional();
        Ok(read)
    }

    fn push(&mut self, text: &str, is_last: bool, taken: Option<&str>) -> Result<(), String> {
        match PathParameter::of(text) {
            Some(PathParameter::Segment(name)) => {
                let capture = self.capture(name, text, taken);
                self.segments.push(TemplateSegment::Capture(capture));
            }
            Some(PathParameter::Rest(name)) if is_last => {
                // At least one segment: the rest alone may be empty.
                let first = self.fresh(name, taken);
                self.segments.push(TemplateSegment::Capture(first.clone()));
                let rest = self.fresh("rest", taken);
                self.renamed.push((text.to_owned(), format!("{{{first}}}/{{*{rest}}}")));
                self.rest = Some(rest);
            }
            Some(PathParameter::Rest(name) | PathParameter::Wide(name)) => {
                let why = format!("in a route the parameter {text} matches only one segment");
                self.wide.push((self.segments.len(), why));
                let capture = self.capture(name, text, taken);
                self.segments.push(TemplateSegment::Capture(capture));
            }
            Some(PathParameter::Other(_)) => {
                self.within(text, text, NAME_ONLY, taken);
            }
            None if text.contains(['{', '}']) => self.within(text, text, WHOLE_ONLY, taken),
            None => {
                let literal = decode(text)?;
                // It is percent-encoded in the document; a pattern cannot express it.
                if literal.contains(['{', '}']) {
                    self.within(text, &literal, WHOLE_ONLY, taken);
                } else {
                    self.segments.push(TemplateSegment::Literal(literal));
                }
            }
        }
        Ok(())
    }

    /// Adds a segment that only a capture covers, with a name like the decoded text.
    fn within(&mut self, text: &str, decoded: &str, why: &str, taken: Option<&str>) {
        let is_other = matches!(PathParameter::of(text), Some(PathParameter::Other(_)));
        if is_other || has_operator(text) || !is_balanced(text) {
            self.wide.push((self.segments.len(), format!("{text} may match several segments")));
        }
        self.inexact = Some(why.to_owned());
        // After the name of such a parameter there is a pattern.
        let name = decoded.split([':', '=']).next().filter(|_| is_other).unwrap_or(decoded);
        let name = self.fresh(name, taken);
        self.segments.push(TemplateSegment::Within(name, text.to_owned()));
    }

    /// The name of a capture; noted as renamed if the policy does not accept the parameter's own name.
    fn capture(&mut self, name: &str, written: &str, taken: Option<&str>) -> String {
        let capture = self.fresh(name, taken);
        let text = format!("{{{capture}}}");
        if text != written {
            self.renamed.push((written.to_owned(), text));
        }
        capture
    }

    /// The paths where this segment is more than one.
    fn with_rest(&self, index: usize, taken: Option<&str>) -> Self {
        let (before, from) = self.segments.split_at_checked(index).unwrap_or_default();
        let behind = from.get(1..).unwrap_or_default();
        let mut path = Self { segments: before.to_vec(), ..Self::default() };
        match from.first() {
            Some(TemplateSegment::Within(_, text)) if PathParameter::of(text).is_none() => {
                let (start, end) = match (text.split_once('{'), text.rsplit_once('}')) {
                    (Some((start, _)), Some((_, end))) if is_balanced(text) => {
                        (format!("{start}{{/}}"), format!("{{/}}{end}"))
                    }
                    _ => (text.clone(), text.clone()),
                };
                path.segments.push(TemplateSegment::Within(path.fresh("start", taken), start));
                path.tail.push(AreaPart::Within(end));
            }
            // The path itself already covers a single segment.
            _ if !behind.is_empty() => path.tail.extend([AreaPart::Capture, AreaPart::Capture]),
            _ => {}
        }
        path.tail.extend(behind.iter().map(TemplateSegment::part));
        if self.rest.is_some() {
            // The number of segments is known, but not what the last of them are.
            path.tail.fill(AreaPart::Capture);
        }
        path.segments.push(TemplateSegment::Capture(path.fresh("next", taken)));
        path.rest = Some(path.fresh("rest", taken));
        path
    }

    /// Adds the paths without optional segments: `{name?}` in some web frameworks, and `{/name}` (RFC 6570 §3.2.6).
    fn leave_optional(&mut self) {
        for (index, segment) in self.segments.iter().enumerate() {
            if let TemplateSegment::Within(_, text) = segment
                && (text.ends_with("?}") || is_optional(text))
            {
                let mut segments = self.segments.clone();
                segments.remove(index);
                let other = Self { segments, rest: self.rest.clone(), ..Self::default() };
                self.others.push((other, format!("{text} may be missing")));
            }
        }
    }
}

/// Whether a whole segment is optional.
fn is_optional(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    inner.is_some_and(|inner| inner.split("}{").all(|group| group.starts_with('/') || group.ends_with('?')))
}

/// The decoded literal of a segment. It must be unambiguous, no matter how often it is decoded.
fn decode(segment: &str) -> Result<String, String> {
    let decoded = percent_decode_str(segment).decode_utf8().ok();
    let has_one_reading = |text: &str| {
        !matches!(text, "" | "." | "..") && !text.contains(['/', '\\', ';', '%']) && !text.contains(char::is_control)
    };
    let decoded = decoded.filter(|text| has_one_reading(text)).map(std::borrow::Cow::into_owned);
    decoded.ok_or_else(|| match segment {
        "" => "the gate refuses paths with an empty segment".to_owned(),
        _ => format!("the gate refuses paths with {segment:?}, which servers interpret in more than one way"),
    })
}

#[cfg(test)]
mod tests {
    use portcullis::route::pattern::PathPattern;

    use super::*;
    use crate::area::AreaHost;

    fn text(path: &str) -> String {
        let path = TemplatePath::parse(path, None).unwrap();
        assert_eq!(path.inexact, None);
        path.text()
    }

    #[test]
    fn what_the_policy_can_say_is_said_exactly() {
        for path in ["/", "/a", "/a/", "/a/{id}/b", "/{a-b_C1}", "/.well-known/x", "/a:b@c", "/café", "/{id}/"] {
            assert_eq!(text(path), path);
        }
        assert_eq!(text("/caf%C3%A9/a%20b%3Fc"), "/café/a b?c");
        assert_eq!(text("/x%2Ejson"), "/x.json", "a dot needs no encoding (RFC 3986 §2.3)");
        assert_eq!(text("a/b"), "/a/b");
        assert_eq!(text(""), "/");
    }

    #[test]
    fn parameters_get_names_that_the_policy_takes() {
        let cases: &[(&str, &str)] = &[
            ("/{user.id}/{user id}", "/{user_id}/{user_id_2}"),
            ("/{a}/{a}/{a}", "/{a}/{a_2}/{a_3}"),
            ("/{}/{é}", "/{parameter}/{parameter_2}"),
            ("/{proxy+}", "/{proxy}/{*rest}"),
            ("/{rest+}/", "/{rest}/{*rest_2}/"),
            ("/a/{proxy+}/b", "/a/{proxy}/b"),
            ("/{+path}", "/{path}"),
            ("/{*path}", "/{path}"),
            ("/{_id}", "/{_id}"),
            ("/{header.x}", "/{header_x}"),
        ];
        for (path, expected) in cases {
            assert_eq!(text(path), *expected, "{path}");
        }
        assert_eq!(TemplatePath::parse("/{t}", Some("t")).unwrap().text(), "/{t_2}", "the host has it");
        let renamed = TemplatePath::parse("/{a}/{b.c}", None).unwrap().renamed;
        assert_eq!(renamed, [("{b.c}".to_owned(), "{b_c}".to_owned())]);
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
            ("/users/{id?}/keys", "/users/{id}/keys"),
            ("/teams/{id:[^/]+}/keys", "/teams/{id}/keys"),
            ("/list{?page,size}", "/list"),
            ("/a/{.ext}", "/a/{ext}"),
        ];
        for (path, expected) in cases {
            let path = TemplatePath::parse(path, None).unwrap();
            assert!(path.inexact.is_some(), "{expected}");
            assert_eq!(path.text(), *expected);
        }
    }

    #[test]
    fn what_a_parameter_may_stand_for_too_is_another_path() {
        let others = |path: &str| {
            let others = TemplatePath::parse(path, None).unwrap().others;
            others.into_iter().map(|(path, _)| path.text()).collect::<Vec<_>>()
        };
        assert_eq!(others("/a/{b}/{c}.d"), [""; 0]);
        assert_eq!(others("/a/{proxy+}"), [""; 0]);
        assert_eq!(others("/a/{proxy+}/b"), ["/a/{next}/{*rest}"]);
        assert_eq!(others("/{rest}/{*path}"), ["/{rest}/{next}/{*rest_2}"]);
        assert_eq!(others("/a/{id?}/b"), ["/a/{next}/{*rest}", "/a/b"]);
        assert_eq!(others("/a/{path:.*}"), ["/a/{next}/{*rest}"]);
        assert_eq!(others("/a/{b"), ["/a/{start}/{next}/{*rest}"]);
        assert_eq!(others("/a/v{b:.*}.json/c"), ["/a/{start}/{next}/{*rest}"]);
        assert_eq!(others("/a{/b}"), ["/{start}/{next}/{*rest}"]);
        assert_eq!(others("/a/{/b}{/c}"), ["/a/{start}/{next}/{*rest}", "/a"]);
    }

    #[test]
    fn what_follows_several_segments_is_known() {
        let tail = |path: &str| TemplatePath::parse(path, None).unwrap().others[0].0.tail.clone();
        let within = |text: &str| AreaPart::Within(text.to_owned());
        assert_eq!(tail("/{*path}"), []);
        assert_eq!(
            tail("/{p+}/{x}/b"),
            [AreaPart::Capture, AreaPart::Capture, AreaPart::Capture, AreaPart::Literal("b".to_owned())]
        );
        assert_eq!(tail("/{p:.*}/{x}.c"), [AreaPart::Capture, AreaPart::Capture, within("{x}.c")]);
        assert_eq!(tail("/v{p:.*}.json/{x}"), [within("{/}.json"), AreaPart::Capture]);
        assert_eq!(tail("/a{/b}"), [within("{/}")]);
        assert_eq!(tail("/{p+}/a/{q+}"), [const { AreaPart::Capture }; 4]);
        assert_eq!(tail("/v{p:.*}.json/{q+}"), [const { AreaPart::Capture }; 2]);
    }

    #[test]
    fn a_part_of_a_path_has_its_names() {
        let part = |path: &str, area: &str| {
            let area = TemplatePath::parse(area, None).unwrap().area(AreaHost::Any);
            TemplatePath::parse(path, None).unwrap().within_area(&area, Some("c")).text()
        };
        assert_eq!(part("/{a}/{b}/{c}/", "/x/{y}/{z}"), "/x/{b}/{c_2}/");
        assert_eq!(part("/a/{b+}", "/a/{x}/y/{z+}"), "/a/{b}/y/{parameter}/{*rest}");
    }

    #[test]
    fn what_no_request_reaches_is_refused() {
        for path in ["//", "/a//b", "/a/../b", "/./a", "/a;v=1", "/a%2Fb", "/a\\b", "/100%", "/a//", "/%00"] {
            assert!(TemplatePath::parse(path, None).is_err(), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_pattern_is_one_of_the_policys(path in "(/([a-c%.{}?:*+]|\\{[a-c.é]{0,2}\\}|%7B|%41|;){0,4}){0,4}") {
            if let Ok(path) = TemplatePath::parse(&path, None) {
                let pattern = PathPattern::parse(&path.text()).unwrap();
                assert_eq!(pattern.segments.len(), path.segments.len());
                assert_eq!(pattern.rest, path.rest);
                for (other, _) in &path.others {
                    PathPattern::parse(&other.text()).unwrap();
                }
            }
        }
    }
}
