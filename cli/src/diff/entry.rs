//! A difference of two policies, and the requests that it is about.

use std::collections::BTreeSet;

use portcullis::route::table::RouteIndex;
use serde::Serialize;

use super::change::{Change, Leaning};
use super::side::{Side, Verdict};
use super::witness::Spelling;

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    pub(super) leaning: Leaning,
    pub(super) changes: Vec<Change>,
    pub(super) requests: Vec<RequestGroup>,
}

/// Requests that are treated alike: those that match host, path and methods and no more specific route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct RequestGroup {
    /// Absent for any host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) methods: MethodSet,
    /// Only paths that are spelled so.
    #[serde(flatten)]
    pub(super) spelling: Spelling,
    pub(super) old: RouteRef,
    pub(super) new: RouteRef,
    /// A method and a URL.
    pub(super) example: String,
}

/// A set of methods; without either list it is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct MethodSet {
    #[serde(rename = "methods", skip_serializing_if = "Option::is_none")]
    pub(super) only: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) other_than: BTreeSet<String>,
}

/// The route of a request, or why it has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RouteRef {
    /// Its index in the policy's `routes`, and its name.
    Route { index: RouteIndex, name: String },
    /// The status.
    Refused(u16),
    /// The gate serves a document of its own.
    Served,
}

impl Entry {
    pub(super) fn new(changes: Vec<Change>, requests: BTreeSet<RequestGroup>) -> Self {
        let leaning = changes.iter().fold(Leaning::NEITHER, |all, change| all.or(change.leaning));
        Self { leaning, changes, requests: without_roots(requests) }
    }
}

/// Without paths that are the root of a `{*rest}` with the same methods and routes.
fn without_roots(requests: BTreeSet<RequestGroup>) -> Vec<RequestGroup> {
    let with_path = |request: &RequestGroup, path: &str| RequestGroup {
        path: path.to_owned(),
        example: String::new(),
        ..request.clone()
    };
    let rests = requests.iter().filter_map(|request| Some(with_path(request, request.path.split_once("/{*")?.0)));
    let roots: BTreeSet<RequestGroup> = rests.collect();
    let is_root = |request: &RequestGroup| roots.contains(&with_path(request, request.path.trim_end_matches('/')));
    // Lengths of a rest have the same text, each with its own example.
    let mut kept: Vec<RequestGroup> = requests.into_iter().filter(|request| !is_root(request)).collect();
    kept.dedup_by(|one, other| with_path(one, &one.path) == with_path(other, &other.path));
    kept
}

impl MethodSet {
    /// These of all methods of a place, among which `other` stands for every unnamed one.
    pub(super) fn new(methods: &BTreeSet<&str>, all: &BTreeSet<&str>, other: &str) -> Self {
        let owned = |method: &&str| (*method).to_owned();
        if methods.contains(other) {
            return Self { only: None, other_than: all.difference(methods).map(owned).collect() };
        }
        Self { only: Some(methods.iter().map(owned).collect()), other_than: BTreeSet::new() }
    }
}

impl RouteRef {
    pub(super) fn new(verdict: &Verdict<'_>, side: &Side) -> Self {
        match verdict {
            Verdict::Refused(refusal) => Self::Refused(refusal.status()),
            Verdict::Served(_) => Self::Served,
            Verdict::Routed(index, _) => {
                let name = side.route(*index).map(|route| route.name.clone()).unwrap_or_default();
                Self::Route { index: *index, name }
            }
        }
    }

    pub(super) fn index(&self) -> Option<RouteIndex> {
        match self {
            Self::Route { index, .. } => Some(*index),
            Self::Refused(_) | Self::Served => None,
        }
    }
}
