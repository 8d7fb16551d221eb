//! Origins that requests reach unencrypted, or not at all.

use std::net::Ipv4Addr;

use portcullis::policy::url::{Origin, check_key_url};
use portcullis::policy::{PlaceStep, Route};
use portcullis::route::url::Url;

use super::linter::{Linter, route_key};
use crate::document::SourceValue;
use crate::finding::rule::{HTTP_ORIGIN, LOOPBACK_ORIGIN, UNREACHABLE_ORIGIN};

/// Domains that are not in public DNS: RFC 6761 §6.2 and §6.4, RFC 6762 §3 and appendix G, RFC 8375 §3, and `internal`,
/// which ICANN reserves for private use.
const PRIVATE: [&str; 10] =
    [".test", ".invalid", ".local", ".intranet", ".internal", ".private", ".corp", ".home", ".lan", ".home.arpa"];

pub(super) fn lint(lint: &mut Linter<'_>) {
    let (policy, written) = (lint.policy, lint.routes());
    let forwards = |route: &Route| route.forwarding().is_some();
    let inherits = |(route, written): (&Route, &SourceValue)| forwards(route) && written.get("origin").is_none();
    if policy.routes.iter().zip(written).any(inherits) {
        origin(lint, lint.value, &[PlaceStep::Key("origin")]);
    }
    for (index, (route, written)) in policy.routes.iter().zip(written).enumerate() {
        if forwards(route) {
            origin(lint, written, &route_key(index, "origin"));
        }
    }
}

/// Checks the origin in a table, to which requests go.
fn origin(lint: &mut Linter<'_>, table: &SourceValue, place: &[PlaceStep<&str>]) {
    let origin = table.get("origin").and_then(SourceValue::as_str).map(Origin::parse);
    let Some(Ok(Origin::Url { root, .. })) = origin else { return };
    let url = Url::split(&root);
    let is_loopback = check_key_url(&format!("http://{}", url.authority)).is_ok();
    if url.scheme == "http" && !is_loopback {
        let message = "requests go to this origin without TLS: anyone on the network path can read and change tokens and identities";
        lint.note(&HTTP_ORIGIN, place, message);
    }
    let host = url.host();
    if is_loopback {
        let message = "is a loopback address: `wrangler dev` reaches it, a Worker on Cloudflare does not";
        lint.note(&LOOPBACK_ORIGIN, place, message);
    } else if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
        let message = "is an IP address, and Workers fetch only from host names (Cloudflare error 1003)";
        lint.note(&UNREACHABLE_ORIGIN, place, message).help("give it a name in public DNS");
    } else if is_private(host) {
        let message = format!("{host:?} is not in public DNS, so a Worker on Cloudflare cannot resolve it");
        lint.note(&UNREACHABLE_ORIGIN, place, message).help("use a name in public DNS, or `service:BINDING`");
    }
}

fn is_private(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    !host.contains('.') || PRIVATE.iter().any(|domain| host.ends_with(domain))
}
