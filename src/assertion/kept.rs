//! The cached assertions about one token.

use super::Assertion;
use crate::jose::json::ALLOCATION;
use crate::time::UnixSeconds;

/// Maximum number per token. A token is used with one or two origins, and for one organization.
const MAX_KEPT: usize = 4;

/// The latest assertions about one token, for different audiences or organizations.
#[derive(Debug, Default)]
pub struct Kept(Vec<Assertion>);

impl Kept {
    /// The assertion for this audience and organization, while more than half of its lifetime is left.
    #[must_use]
    pub fn find(&self, audience: &str, organization: Option<&str>, now: UnixSeconds) -> Option<&Assertion> {
        let known = self.0.iter().find(|known| known.is_for(audience, organization))?;
        known.is_fresh(now).then_some(known)
    }

    /// Caches an assertion. It replaces the previous one for the same audience and organization; if there are too many,
    /// the oldest is evicted.
    pub fn keep(&mut self, assertion: Assertion) {
        self.0.retain(|known| !known.is_for(&assertion.audience, assertion.organization.as_deref()));
        if self.0.len() == MAX_KEPT {
            self.0.remove(0);
        }
        self.0.push(assertion);
    }

    /// Approximate memory use in bytes.
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
