//! Areas as policies write them, with the names of captures that the routes there have.

use portcullis::policy::Route;
use portcullis::route::pattern::PatternSegment;

use crate::area::{Area, AreaPart};

/// The name of a capture that no route there has.
const NAMELESS: &str = "any";

/// The host; `None` for any.
pub(super) fn host(area: &Area, routes: [Option<&Route>; 2]) -> Option<String> {
    let example = area.host.example(NAMELESS);
    let label = routes.into_iter().rev().flatten().find_map(|route| route.pattern.host_label_name(&example));
    area.host.text(label.unwrap_or(NAMELESS))
}

/// The path.
pub(super) fn path(area: &Area, routes: [Option<&Route>; 2]) -> String {
    let patterns = || routes.into_iter().rev().flatten().map(|route| &route.pattern.path);
    let segment = |(index, part): (usize, &AreaPart)| {
        let name = patterns().find_map(|path| match path.segments.get(index) {
            Some(PatternSegment::Capture(name)) => Some(name.as_str()),
            _ => None,
        });
        match part {
            AreaPart::Literal(text) => format!("/{text}"),
            AreaPart::Within(_) | AreaPart::Capture => format!("/{{{}}}", name.unwrap_or(NAMELESS)),
        }
    };
    let rest = patterns().find_map(|path| path.rest.as_deref()).unwrap_or("rest");
    let rest = area.rest.then(|| format!("/{{*{rest}}}"));
    let text: String = area.parts.iter().enumerate().map(segment).chain(rest).collect();
    if text.is_empty() { "/".to_owned() } else { text }
}
