//! One aspect in which two policies treat a request differently.

use std::fmt;

use portcullis::policy::AccessKind;
use serde::Serialize;

/// What a difference does to requests. One that does both opens some and closes others, or that cannot be ruled out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Leaning {
    /// It lets some request through that was refused before.
    pub(crate) opens: bool,
    /// It refuses some request that was let through before.
    pub(crate) closes: bool,
}

/// One aspect of a difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Change {
    pub(crate) aspect: String,
    /// In A.
    pub(crate) old: String,
    /// In B.
    pub(crate) new: String,
    #[serde(flatten)]
    pub(crate) leaning: Leaning,
}

/// The aspect of what happens to a request at all, whoever sends it.
const OUTCOME: &str = "outcome";

impl Leaning {
    pub(super) const NEITHER: Self = Self { opens: false, closes: false };
    pub(super) const OPENS: Self = Self { opens: true, closes: false };
    pub(super) const CLOSES: Self = Self { opens: false, closes: true };
    pub(super) const BOTH: Self = Self { opens: true, closes: true };

    /// What a change of access does, whatever is required of tokens.
    pub(super) fn between(old: AccessKind, new: AccessKind) -> Self {
        Self { opens: new < old, closes: old < new }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { opens: self.opens || other.opens, closes: self.closes || other.closes }
    }

    /// Its place in lists: what opens comes first.
    pub(super) fn rank(self) -> u8 {
        match (self.opens, self.closes) {
            (true, false) => 0,
            (true, true) => 1,
            (false, true) => 2,
            (false, false) => 3,
        }
    }

    /// In words.
    pub(super) fn name(self) -> &'static str {
        match (self.opens, self.closes) {
            (true, false) => "opens",
            (true, true) => "opens and closes",
            (false, true) => "closes",
            (false, false) => "neither",
        }
    }
}

impl Change {
    pub(super) fn new(aspect: &str, old: String, new: String, leaning: Leaning) -> Self {
        Self { aspect: aspect.to_owned(), old, new, leaning }
    }

    /// A change of whether requests pass.
    pub(super) fn of_outcome(old: String, new: String, leaning: Leaning) -> Self {
        Self::new(OUTCOME, old, new, leaning)
    }

    /// `None` if it would let through exactly the same requests.
    pub(super) fn unless_neither(aspect: &str, old: String, new: String, leaning: Leaning) -> Option<Self> {
        (leaning != Leaning::NEITHER).then(|| Self::new(aspect, old, new, leaning))
    }

    /// `None` if both texts are the same. It changes only what becomes of requests that pass.
    pub(super) fn of_forwarding(aspect: &str, old: &str, new: &str) -> Option<Self> {
        (old != new).then(|| Self::new(aspect, old.to_owned(), new.to_owned(), Leaning::NEITHER))
    }
}

/// A sentence.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aspect, old, new, leaning } = self;
        let tone = match (leaning.opens, leaning.closes) {
            (true, false) => "more open",
            (false, true) => "stricter",
            (true, true) | (false, false) => "other",
        };
        if aspect == OUTCOME {
            return write!(f, "{tone}: was {old}, now {new}");
        }
        write!(f, "{tone} {aspect}: was {old}, now {new}")
    }
}
