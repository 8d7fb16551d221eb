//! Path templates of OpenAPI, and what the policy's path patterns can say of them.

use portcullis::route::syntax::is_name;

use super::area::{Area, AreaHost, AreaPart};
use super::names::unique;

/// The name of a parameter that has none which could be kept.
const NAMELESS: &str = "parameter";

/// A path of a document as a pattern of the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TemplatePath {
    /// The pattern. Where [`TemplatePath::inexact`] is there it covers more than the document's path.
    pub(super) segments: Vec<TemplateSegment>,
    /// The name of the capture of all further segments.
    pub(super) rest: Option<String>,
    /// Whether a slash follows the last segment. It does not count.
    pub(super) has_trailing_slash: bool,
    /// Parameters whose names the policy does not take, and what they are written as.
    pub(super) renamed: Vec<(String, String)>,
    /// Why the pattern covers more than the document's path, if it does.
    pub(super) inexact: Option<String>,
    /// What its last segments are, where they are known of a path with a rest. That is then no less specific than other
    /// paths with parameters.
    pub(super) tail: Vec<AreaPart>,
    /// Segments that may be several, and why no route is for these.
    pub(super) wide: Vec<(usize, String)>,
    /// Other paths that a reader of the document may mean, and why no route is for them.
    pub(super) others: Vec<(TemplatePath, String)>,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplateSegment {
    /// Decoded.
    Literal(String),
    /// The name of a capture.
    Capture(String),
    /// The name of a capture that covers a template of parameters and more.
    Within(String, String),
}

impl TemplatePath {
    /// A name for a capture, as near to this one as it can be.
    pub(super) fn fresh(&self, name: &str, taken: Option<&str>) -> String {
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let name = match words.as_slice() {
            _ if is_name(name) => name.to_owned(),
            [] => NAMELESS.to_owned(),
            words => words.join("_"),
        };
        unique(&name, |name| taken != Some(name) && !self.names().any(|known| known == name))
    }

    /// The names of the captures.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.segments.iter().filter_map(|segment| match segment {
            TemplateSegment::Literal(_) => None,
            TemplateSegment::Capture(name) | TemplateSegment::Within(name, _) => Some(name.as_str()),
        });
        names.chain(self.rest.as_deref())
    }

    /// The requests that it is for.
    pub(super) fn area(&self, host: AreaHost) -> Area {
        let parts = self.segments.iter().map(TemplateSegment::part).collect();
        Area { host, parts, rest: self.rest.is_some() }
    }

    /// A pattern for a part of the requests, with names from this one.
    pub(super) fn within_area(&self, area: &Area, taken: Option<&str>) -> Self {
        let mut path = Self { has_trailing_slash: self.has_trailing_slash, ..Self::default() };
        for (index, part) in area.parts.iter().enumerate() {
            let own = match self.segments.get(index) {
                Some(TemplateSegment::Capture(name) | TemplateSegment::Within(name, _)) => name,
                _ => NAMELESS,
            };
            path.segments.push(match part {
                AreaPart::Literal(text) => TemplateSegment::Literal(text.clone()),
                AreaPart::Within(_) | AreaPart::Capture => TemplateSegment::Capture(path.fresh(own, taken)),
            });
        }
        let rest = self.rest.as_deref().unwrap_or(NAMELESS);
        path.rest = area.rest.then(|| path.fresh(rest, taken));
        path
    }

    /// The pattern as the policy writes it.
    pub(super) fn text(&self) -> String {
        let segments = self.segments.iter().map(|segment| match segment {
            TemplateSegment::Literal(text) => format!("/{text}"),
            TemplateSegment::Capture(name) | TemplateSegment::Within(name, _) => format!("/{{{name}}}"),
        });
        let text: String = segments.chain(self.rest.iter().map(|name| format!("/{{*{name}}}"))).collect();
        if text.is_empty() || self.has_trailing_slash { format!("{text}/") } else { text }
    }
}

impl TemplateSegment {
    pub(super) fn part(&self) -> AreaPart {
        match self {
            Self::Literal(text) => AreaPart::Literal(text.clone()),
            Self::Capture(_) => AreaPart::Capture,
            Self::Within(_, text) => AreaPart::Within(text.clone()),
        }
    }
}
