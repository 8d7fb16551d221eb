//! Methods that no request has, and routes that no method reaches.

use std::collections::HashMap;

use portcullis::policy::Step;

use super::{Lint, UNKNOWN_METHOD, UNREACHABLE, route, route_key};
use crate::policy::nearest;

/// What requests come with. A route for all methods of which each has a route of its own is left with nothing.
pub(super) const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The others of the registry (RFC 9110 §16.1), and the one that caches take.
const OTHERS: [&str; 31] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// Workers get none of these, and cannot send them (Fetch §2.2.1).
const FORBIDDEN: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

pub(super) fn lint(lint: &mut Lint<'_>) {
    for (index, written) in lint.routes().iter().enumerate() {
        let methods: Vec<&str> = written.texts("methods");
        if !methods.is_empty() && methods.iter().all(|method| FORBIDDEN.contains(method)) {
            let message = "no request matches: Workers get no CONNECT, TRACE or TRACK";
            lint.note(&UNREACHABLE, &route_key(index, "methods"), message);
        }
        for (position, method) in methods.into_iter().enumerate() {
            if ![&USUAL[..], &OTHERS, &FORBIDDEN].concat().contains(&method) {
                let [list, at, key] = route_key(index, "methods");
                let message = format!("the registry of HTTP has no method {method}");
                let finding = lint.note(&UNKNOWN_METHOD, &[list, at, key, Step::Index(position)], message);
                finding.help = nearest(method, USUAL);
            }
        }
    }
    left_without_methods(lint);
}

/// Routes for all methods, all usual ones of which have routes of their own at each place.
fn left_without_methods(lint: &mut Lint<'_>) {
    let mut is_left: HashMap<usize, bool> = HashMap::new();
    for row in lint.policy.table.list() {
        if row.methods.is_none() {
            let has_none = USUAL.iter().all(|method| row.named_here.contains(method));
            is_left.entry(row.route).and_modify(|left| *left &= has_none).or_insert(has_none);
        }
    }
    let mut routes: Vec<usize> = is_left.into_iter().filter_map(|(index, left)| left.then_some(index)).collect();
    routes.sort_unstable();
    for index in routes {
        lint.note(
            &UNREACHABLE,
            &route(index),
            "no method is left for this route: other routes of this path name them all",
        );
    }
}
