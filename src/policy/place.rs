//! Places in the policy document.

use std::fmt;

/// Where something is in a document. Displayed as in `routes[3].scopes`; the document as a whole is the empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<PlaceStep>);

/// A step into the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceStep<K = String> {
    /// To a member of a table.
    Key(K),
    /// To an element of a list.
    Index(usize),
}

impl PlaceStep {
    /// The same step, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> PlaceStep<&str> {
        match self {
            Self::Key(name) => PlaceStep::Key(name),
            Self::Index(index) => PlaceStep::Index(*index),
        }
    }
}

impl Place {
    /// The place that these steps lead to.
    #[must_use]
    pub fn at(steps: &[PlaceStep<&str>]) -> Self {
        let owned = steps.iter().map(|step| match step {
            PlaceStep::Key(name) => PlaceStep::Key((*name).to_owned()),
            PlaceStep::Index(index) => PlaceStep::Index(*index),
        });
        Self(owned.collect())
    }

    /// The keys and indexes that lead from the root of the document to this place.
    #[must_use]
    pub fn steps(&self) -> &[PlaceStep] {
        &self.0
    }

    /// The key at its end; `None` for an element of a list and for the whole document.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self.0.last() {
            Some(PlaceStep::Key(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether this is the document as a whole.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match step {
                PlaceStep::Index(index) => write!(f, "[{index}]")?,
                PlaceStep::Key(name) if is_bare(name) => write!(f, "{dot}{name}")?,
                PlaceStep::Key(name) => write!(f, "{dot}{name:?}")?,
            }
        }
        Ok(())
    }
}

/// Whether a key needs no quotes, as in TOML.
fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_toml_writes_keys() {
        let written = |steps: &[PlaceStep<&str>]| Place::at(steps).to_string();
        assert_eq!(written(&[]), "");
        assert_eq!(
            written(&[PlaceStep::Key("routes"), PlaceStep::Index(3), PlaceStep::Key("scopes")]),
            "routes[3].scopes"
        );
        assert_eq!(written(&[PlaceStep::Key("issuers"), PlaceStep::Key("a.b")]), "issuers.\"a.b\"");
        assert_eq!(written(&[PlaceStep::Key("")]), "\"\"");
    }
}
