//! Pages of other origins that others can tamper with.

use portcullis::policy::url::check_key_url;
use portcullis::policy::{OriginPattern, PlaceStep};

use super::linter::{Linter, route_key};
use crate::document::SourceNode;
use crate::finding::rule::{CORS_WIDE, HTTP_PAGE};

pub(super) fn lint(lint: &mut Linter<'_>) {
    let of_policy = lint.value.get("cors").map(|cors| (vec![PlaceStep::Key("cors")], cors));
    let of_routes = lint.routes().iter().enumerate();
    let of_routes =
        of_routes.filter_map(|(index, route)| Some((route_key(index, "cors").to_vec(), route.get("cors")?)));
    for (place, cors) in of_policy.into_iter().chain(of_routes).collect::<Vec<_>>() {
        let has_credentials = matches!(cors.get("credentials").map(|value| &value.node), Some(SourceNode::Bool(true)));
        for (index, origin) in cors.list("origins").iter().enumerate() {
            let Some(Ok(pattern)) = origin.as_str().map(OriginPattern::parse) else { continue };
            let place = [&place[..], &[PlaceStep::Key("origins"), PlaceStep::Index(index)]].concat();
            if is_clear(&pattern) {
                let cookies = if has_credentials { ", with the caller's cookies" } else { "" };
                let message = format!(
                    "pages of this origin are loaded without TLS: anyone on the network path can act as such a page{cookies}"
                );
                lint.note(&HTTP_PAGE, &place, message);
            }
            if let (true, Some(domain)) = (has_credentials, top_level(&pattern)) {
                let message = format!("any page under .{domain} may act with the caller's cookies");
                lint.note(&CORS_WIDE, &place, message);
            }
        }
    }
}

/// Whether pages are loaded without TLS, and not from the same machine.
fn is_clear(pattern: &OriginPattern) -> bool {
    let example = match pattern {
        OriginPattern::Exact(origin) => origin.clone(),
        OriginPattern::Below { scheme, parent } => format!("{scheme}x{parent}"),
    };
    example.starts_with("http://") && check_key_url(&example).is_err()
}

/// The top-level domain, if all its subdomains match. Those of `localhost` are the same machine.
fn top_level(pattern: &OriginPattern) -> Option<&str> {
    let OriginPattern::Below { parent, .. } = pattern else { return None };
    let domain = parent.strip_prefix('.')?.split(':').next()?;
    (!domain.contains('.') && domain != "localhost").then_some(domain)
}
