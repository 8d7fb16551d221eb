//! Grants: decisions that hold for later requests. A grant says that one caller may use one route, and that until some time
//! nothing in such a request could change that.
//!
//! JavaScript remembers grants by number, with what the origin receives. Whether one applies to a request and still holds is
//! decided here, for each request. Numbers are never given twice, so an old one never stands for another grant.

use crate::route::table::{Captures, RouteIndex};
use crate::time::UnixMillis;

/// Maximum number of callers with grants. Another one replaces the oldest.
const MAX_CALLERS: u32 = 10_000;

/// Maximum number of grants of one caller: routes, or paths of routes whose rules depend on captures.
const MAX_GRANTS: usize = 32;

/// Maximum length of the captures of a grant in bytes.
const MAX_CAPTURES: usize = 256;

/// The number of all callers without a token.
pub(super) const ANONYMOUS: u32 = 0;

/// The name of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The number of the caller.
    pub(super) caller: u32,
    /// The number of the grant.
    pub(super) number: u32,
}

/// What a grant is for, and for how long.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) number: u32,
    pub(super) route: RouteIndex,
    /// The captures that the rules of the route depend on; `None` if they depend on none.
    pub(super) captures: Option<Captures>,
    /// The time of the decision. An earlier time means that the clock was set back.
    pub(super) from: UnixMillis,
    /// The first time at which the token, its keys or an assertion have to be checked again.
    pub(super) until: UnixMillis,
}

/// The keys with which the token of a caller was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyVersion {
    /// The issuer, as an index into those of the policy.
    pub(super) issuer: usize,
    /// The version of its key set.
    pub(super) version: u64,
}

/// The grants of a gateway.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// The last caller of former gateways.
    former: u32,
    last_caller: u32,
    last_grant: u32,
    /// Callers with a token in the order of their numbers, the first again after [`MAX_CALLERS`].
    callers: Vec<Caller>,
    /// Of callers without a token. They depend on the policy only.
    anonymous: Vec<Terms>,
}

#[derive(Debug)]
struct Caller {
    number: u32,
    keys: KeyVersion,
    grants: Vec<Terms>,
}

impl Grants {
    /// No grants, with numbers that continue those of a former gateway.
    pub(super) fn after(former: &Self) -> Self {
        Self {
            former: former.last_caller,
            last_caller: former.last_caller,
            last_grant: former.last_grant,
            ..Self::default()
        }
    }

    /// Gives a grant; its number is set here. `known` is the caller's number, if it has one. `None` if the captures are too
    /// long, or all numbers are used up.
    pub(super) fn give(&mut self, known: Option<u32>, keys: Option<KeyVersion>, mut terms: Terms) -> Option<Grant> {
        if terms.captures.as_ref().is_some_and(|captures| length(captures) > MAX_CAPTURES) {
            return None;
        }
        let caller = match keys {
            Some(keys) => self.caller_for(known, keys)?,
            None => ANONYMOUS,
        };
        terms.number = self.last_grant.checked_add(1)?;
        self.last_grant = terms.number;
        let grant = Grant { caller, number: terms.number };
        let grants = if caller == ANONYMOUS { &mut self.anonymous } else { &mut self.at_mut(caller)?.grants };
        grants.retain(|known| known.route != terms.route || known.captures != terms.captures);
        if grants.len() == MAX_GRANTS {
            grants.remove(0);
        }
        grants.push(terms);
        Some(grant)
    }

    /// The caller's grant for this route, and the keys that it depends on.
    pub(super) fn find(
        &self,
        caller: u32,
        route: RouteIndex,
        captures: &Captures,
    ) -> Option<(&Terms, Option<KeyVersion>)> {
        let (grants, keys) = if caller == ANONYMOUS {
            (&self.anonymous, None)
        } else {
            let caller = self.at(caller)?;
            (&caller.grants, Some(caller.keys))
        };
        let is_for = |terms: &&Terms| {
            terms.route == route && terms.captures.as_ref().is_none_or(|expected| expected == captures)
        };
        Some((grants.iter().find(is_for)?, keys))
    }

    /// The caller with this number, or a new one. Its grants stay if other keys verify the same token: they depend on
    /// what is in the token, and that is the same.
    fn caller_for(&mut self, known: Option<u32>, keys: KeyVersion) -> Option<u32> {
        if let Some(caller) = known.and_then(|number| self.at_mut(number)) {
            caller.keys = keys;
            return Some(caller.number);
        }
        let number = self.last_caller.checked_add(1)?;
        self.last_caller = number;
        let caller = Caller { number, keys, grants: Vec::new() };
        let place = self.place(number)?;
        match self.callers.get_mut(place) {
            Some(former) => *former = caller,
            None => self.callers.push(caller),
        }
        Some(number)
    }

    fn at(&self, number: u32) -> Option<&Caller> {
        self.callers.get(self.place(number)?).filter(|caller| caller.number == number)
    }

    fn at_mut(&mut self, number: u32) -> Option<&mut Caller> {
        let place = self.place(number)?;
        self.callers.get_mut(place).filter(|caller| caller.number == number)
    }

    fn place(&self, number: u32) -> Option<usize> {
        let place = number.checked_sub(self.former)?.checked_sub(1)? % MAX_CALLERS;
        usize::try_from(place).ok()
    }
}

fn length(Captures { path, host_label }: &Captures) -> usize {
    path.iter().chain(host_label).map(String::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);
    const KEYS: Option<KeyVersion> = Some(KeyVersion { issuer: 0, version: 1 });

    fn captures(org: &str) -> Captures {
        Captures { path: vec![org.to_owned()], host_label: None }
    }

    fn terms(route: RouteIndex, org: Option<&str>) -> Terms {
        Terms { number: 0, route, captures: org.map(captures), from: NOW, until: NOW.plus(1) }
    }

    fn number(grants: &Grants, caller: u32, route: RouteIndex, org: &str) -> Option<u32> {
        grants.find(caller, route, &captures(org)).map(|(terms, _)| terms.number)
    }

    #[test]
    fn a_grant_is_for_its_caller_route_and_captures() {
        let mut grants = Grants::default();
        let any = grants.give(None, KEYS, terms(7, None)).unwrap();
        let acme = grants.give(Some(any.caller), KEYS, terms(8, Some("acme"))).unwrap();
        let other = grants.give(None, KEYS, terms(7, None)).unwrap();
        assert_eq!(any.caller, acme.caller);
        assert_ne!(any.caller, other.caller);
        assert_eq!(number(&grants, any.caller, 7, "whatever"), Some(any.number));
        assert_eq!(number(&grants, any.caller, 8, "acme"), Some(acme.number));
        for (caller, route, org) in
            [(any.caller, 8, "other"), (other.caller, 8, "acme"), (ANONYMOUS, 7, ""), (99, 7, "")]
        {
            assert_eq!(number(&grants, caller, route, org), None, "{caller} {route} {org}");
        }
    }

    #[test]
    fn a_new_grant_for_the_same_replaces_the_old_one() {
        let mut grants = Grants::default();
        let old = grants.give(None, KEYS, terms(7, Some("acme"))).unwrap();
        let new = grants.give(Some(old.caller), KEYS, terms(7, Some("acme"))).unwrap();
        assert_eq!((old.caller, number(&grants, old.caller, 7, "acme")), (new.caller, Some(new.number)));
        assert_ne!(old.number, new.number);
    }

    #[test]
    fn numbers_are_given_once_across_policies() {
        let mut former = Grants::default();
        let old = former.give(None, KEYS, terms(7, None)).unwrap();
        let mut grants = Grants::after(&former);
        assert_eq!(number(&grants, old.caller, 7, ""), None);
        let new = grants.give(Some(old.caller), KEYS, terms(7, None)).unwrap();
        assert!(new.caller > old.caller && new.number > old.number);
    }

    #[test]
    fn callers_and_their_grants_are_bounded_and_the_oldest_go() {
        let mut grants = Grants::default();
        let first = grants.give(None, KEYS, terms(0, None)).unwrap();
        for route in 1..=MAX_GRANTS {
            grants.give(Some(first.caller), KEYS, terms(route, None)).unwrap();
        }
        assert_eq!(number(&grants, first.caller, 0, ""), None);
        assert!(number(&grants, first.caller, 1, "").is_some());
        for _ in 0..MAX_CALLERS {
            grants.give(None, KEYS, terms(0, None)).unwrap();
        }
        assert_eq!(number(&grants, first.caller, 1, ""), None);
        assert_eq!(grants.callers.len(), MAX_CALLERS as usize);
        for route in 0..2 * MAX_GRANTS {
            grants.give(None, None, terms(route, None)).unwrap();
        }
        assert_eq!(grants.anonymous.len(), MAX_GRANTS);
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_granted() {
        let mut grants = Grants::default();
        assert_eq!(grants.give(None, KEYS, terms(0, Some(&"x".repeat(MAX_CAPTURES + 1)))), None, "too long to keep");
        grants.last_grant = u32::MAX;
        assert_eq!(grants.give(None, KEYS, terms(0, None)), None, "no number is left");
    }

    #[test]
    fn other_keys_that_verify_the_same_token_take_the_place_of_the_old_ones() {
        let mut grants = Grants::default();
        let one = grants.give(None, KEYS, terms(7, None)).unwrap();
        let newer = KeyVersion { issuer: 0, version: 2 };
        grants.give(Some(one.caller), Some(newer), terms(8, None)).unwrap();
        assert_eq!(grants.find(one.caller, 7, &captures("")).unwrap().1, Some(newer));
    }
}
