//! The candidate policy: one that decides on each request too, without effect, so that its differences can be told.

use std::rc::Rc;

use super::edition::Edition;
use super::{CANDIDATE_KEY, Candidate, Rollout, is_good, read};
use crate::platform::{Platform, PolicyStore};

impl<P: Platform + PolicyStore> Rollout<P> {
    /// The candidate, if there is a valid one. Once another policy is in force, there is none until the next check: the
    /// issuers that both have are others, and it may be the policy in force itself.
    #[must_use]
    pub fn candidate(&self) -> Option<Rc<Edition<P>>> {
        let candidate = self.candidate.borrow();
        let edition = candidate.read.as_ref().filter(|_| candidate.is_valid)?;
        let state = self.state.borrow();
        let is_same_live = state.in_force.as_ref().is_some_and(|live| candidate.is_beside(live));
        is_same_live.then(|| Rc::clone(edition))
    }

    /// Checks the store for a candidate. If it cannot be read, the former one stays.
    pub async fn check_candidate(&self, platform: &P) {
        let Some(live) = self.in_force() else { return };
        // What is wrong with the store is told where the policy is read.
        let Ok(text) = read(CANDIDATE_KEY, platform).await else { return };
        // A policy that is in force decides like itself.
        let Some(text) = text.filter(|text| text != live.text()) else {
            self.candidate.borrow_mut().drop_all_but_keys();
            return;
        };
        let edition = {
            let mut candidate = self.candidate.borrow_mut();
            // Another policy in force may have other keys to share.
            let is_beside_live = candidate.is_beside(&live);
            let is_same = |known: &Rc<Edition<P>>| known.text() == text && (is_beside_live || known.is_known_bad());
            // Memory for a third policy is not reckoned with: another one goes before this one is read.
            let known = candidate.read.take().filter(is_same);
            let (edition, is_valid) = match known {
                Some(known) => (known, candidate.is_valid),
                // It decides on nothing until it is known to be valid.
                None => (Rc::new(Edition::tried(text, &live, candidate.keyring.as_deref())), false),
            };
            let keyring = edition.keyring().map(Rc::clone).or(candidate.keyring.take());
            *candidate = Candidate { read: Some(Rc::clone(&edition)), live: Rc::downgrade(&live), is_valid, keyring };
            edition
        };
        let is_valid = is_good(&edition, CANDIDATE_KEY, platform).await;
        let mut candidate = self.candidate.borrow_mut();
        if candidate.read.as_ref().is_some_and(|read| Rc::ptr_eq(read, &edition)) {
            candidate.is_valid = is_valid;
        }
    }
}
