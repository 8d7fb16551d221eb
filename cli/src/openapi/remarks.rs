//! What the conversion has to say.

use std::collections::HashMap;

use super::tree::Pointer;

/// What became of something that a policy cannot say as the document does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RemarkKind {
    /// The gate refuses these requests with 403.
    Denied,
    /// There is no route for these.
    LeftOut,
    /// The policy takes less than the document says.
    Narrowed,
    /// The policy says it in another way.
    Changed,
    /// Nothing, but a person should look at it.
    Noted,
}

/// A remark, and the places of the document that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// What became of it.
    pub(crate) kind: RemarkKind,
    /// Why.
    pub(crate) message: String,
    /// Where, in the order of the document.
    pub(crate) places: Vec<Pointer>,
}

/// What only a person knows, and the option that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MissingOption {
    /// The option, with its argument.
    pub(crate) option: String,
    /// Why it is needed.
    pub(crate) reason: String,
}

/// All remarks so far; one for each message.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    remarks: Vec<Remark>,
    by_message: HashMap<(RemarkKind, String), usize>,
    missing: Vec<MissingOption>,
}

impl Remarks {
    /// Notes what became of a place; once only, however often it is met.
    pub(super) fn add(&mut self, kind: RemarkKind, message: &str, place: &Pointer) {
        let next = self.remarks.len();
        let index = *self.by_message.entry((kind, message.to_owned())).or_insert(next);
        if index == next {
            self.remarks.push(Remark { kind, message: message.to_owned(), places: Vec::new() });
        }
        let places = self.remarks.get_mut(index).map(|remark| &mut remark.places);
        // A place that is inherited is met in a row.
        if let Some(places) = places.filter(|places| !places.contains(place)) {
            places.push(place.clone());
        }
    }

    /// Notes what a person must say; once for each option.
    pub(super) fn need(&mut self, option: &str, reason: &str) {
        if !self.missing.iter().any(|known| known.option == option) {
            self.missing.push(MissingOption { option: option.to_owned(), reason: reason.to_owned() });
        }
    }

    /// The remarks, the gravest first, and what is missing.
    pub(super) fn into_parts(self) -> (Vec<Remark>, Vec<MissingOption>) {
        let Self { mut remarks, missing, .. } = self;
        remarks.sort_by_key(|remark| remark.kind);
        (remarks, missing)
    }
}
