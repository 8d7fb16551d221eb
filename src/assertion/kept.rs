//! The assertions that are kept of one token.

use std::rc::Rc;

use super::Assertion;
use crate::jose::json::ALLOCATION;
use crate::time::UnixSeconds;

/// The most of one token. It goes to one origin or two, and is of one organization.
const MAX_KEPT: usize = 4;

/// The latest assertions of one token, for different audiences or organizations.
#[derive(Debug, Default)]
pub struct Kept(Vec<Assertion>);

impl Kept {
    /// The assertion for this audience and organization, while at least half of its life is ahead.
    #[must_use]
    pub fn find(&self, audience: &str, organization: Option<&str>, now: UnixSeconds) -> Option<Rc<str>> {
        let known = self.0.iter().find(|known| known.is_for(audience, organization))?;
        known.is_fresh(now).then(|| Rc::clone(&known.text))
    }

    /// Keeps an assertion in the place of the one that it follows, else of the oldest if there are too many.
    pub fn keep(&mut self, assertion: Assertion) {
        self.0.retain(|known| !known.is_for(&assertion.audience, assertion.organization.as_deref()));
        if self.0.len() == MAX_KEPT {
            self.0.remove(0);
        }
        self.0.push(assertion);
    }

    /// How many bytes of memory they hold, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = |known: &Assertion| {
            let organization = known.organization.as_ref().map_or(0, |text| ALLOCATION + text.len());
            2 * ALLOCATION + known.text.len() + known.audience.len() + organization
        };
        let table = if self.0.capacity() == 0 { 0 } else { ALLOCATION };
        table + self.0.capacity() * size_of::<Assertion>() + self.0.iter().map(texts).sum::<usize>()
    }
}
