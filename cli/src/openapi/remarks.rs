//! Remarks of the conversion, and options that it needs.

use std::collections::HashMap;

use super::tree::Pointer;

/// What happened to something that a policy cannot express as the document does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RemarkKind {
    /// The gate refuses these requests with 403.
    Denied,
    /// There is no route for these requests.
    LeftOut,
    /// The policy allows less than the document.
    Narrowed,
    /// The policy expresses it differently.
    Changed,
    /// Nothing, but the user should look at it.
    Noted,
}

/// A remark, and the places in the document that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// What happened.
    pub(crate) kind: RemarkKind,
    /// Why.
    pub(crate) message: String,
    /// The places, in the order of the document.
    pub(crate) places: Vec<Pointer>,
}

/// An option that the user must give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MissingOption {
    /// The option, with its argument.
    pub(crate) option: String,
    /// Why it is required.
    pub(crate) reason: String,
}

/// The remarks so far, one for each message.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    remarks: Vec<Remark>,
    by_message: HashMap<(RemarkKind, String), usize>,
    missing: Vec<MissingOption>,
}

impl Remarks {
    /// Adds a remark about a place, once.
    pub(super) fn add(&mut self, kind: RemarkKind, message: &str, place: &Pointer) {
        let next = self.remarks.len();
        let index = *self.by_message.entry((kind, message.to_owned())).or_insert(next);
        if index == next {
            self.remarks.push(Remark { kind, message: message.to_owned(), places: Vec::new() });
        }
        let places = self.remarks.get_mut(index).map(|remark| &mut remark.places);
        // A place that several operations inherit is added several times.
        if let Some(places) = places.filter(|places| !places.contains(place)) {
            places.push(place.clone());
        }
    }

    /// Adds a required option, once.
    pub(super) fn need(&mut self, option: &str, reason: &str) {
        if !self.missing.iter().any(|known| known.option == option) {
            self.missing.push(MissingOption { option: option.to_owned(), reason: reason.to_owned() });
        }
    }

    /// The remarks, the most serious first, and the required options.
    pub(super) fn into_parts(self) -> (Vec<Remark>, Vec<MissingOption>) {
        let Self { mut remarks, missing, .. } = self;
        remarks.sort_by_key(|remark| remark.kind);
        (remarks, missing)
    }
}
