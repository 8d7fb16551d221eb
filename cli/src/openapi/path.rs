//! OpenAPI's path templates, as path patterns of the policy.

use portcullis::route::syntax::is_name;

use super::names::unique;
use crate::area::{Area, AreaHost, AreaPart};

/// The name of a capture whose parameter has no usable name.
const NAMELESS: &str = "parameter";

/// A path template of a document as a path pattern of the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TemplatePath {
    /// The pattern. With [`TemplatePath::inexact`], it matches more than the document's path.
    pub(super) segments: Vec<TemplateSegment>,
    /// The name of the capture of all further segments.
    pub(super) rest: Option<String>,
    /// Whether a slash follows the last segment. It is not significant.
    pub(super) has_trailing_slash: bool,
    /// Parameters whose names the policy does not accept, and the captures that replace them.
    pub(super) renamed: Vec<(String, String)>,
    /// Why the pattern matches more than the document's path, if it does.
    pub(super) inexact: Option<String>,
    /// The last segments of a path with a rest, if they are known. Such a path is not less specific than other paths
    /// with parameters.
    pub(super) tail: Vec<AreaPart>,
    /// Segments that may match several segments, and why there is no route for that.
    pub(super) wide: Vec<(usize, String)>,
    /// Other paths that the template may also mean, and why there is no route for them.
    pub(super) others: Vec<(TemplatePath, String)>,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplateSegment {
    /// A literal, decoded.
    Literal(String),
    /// The name of a capture.
    Capture(String),
    /// The name of a capture, and the template of parameters and more that it covers.
    Within(String, String),
}

impl TemplatePath {
    /// A valid, unused name for a capture, as similar to this one as possible.
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

    /// The requests that it matches at a host.
    pub(super) fn area(&self, host: AreaHost) -> Area {
        let parts = self.segments.iter().map(TemplateSegment::part).collect();
        Area { host, parts, rest: self.rest.is_some() }
    }

    /// A pattern for an area within this one, with the names of this one's captures.
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
