//! Grants: decisions that hold for later requests. A grant says that one caller may use one route, and that until some
//! time nothing in such a request could change that.
//!
//! Who forwards a request remembers grants by number, with what the origin receives. Whether one applies to a request and
//! still holds is decided here, for each request. No number is given twice, so an old one never stands for another
//! grant, whichever policy it was given under.

use std::cell::Cell;
use std::thread::LocalKey;

use crate::jose::json::ALLOCATION;
use crate::route::table::{Captures, RouteIndex};
use crate::time::UnixMillis;

/// Maximum number of callers with grants. Another one takes the place of the oldest.
const MAX_CALLERS: u32 = 10_000;

/// Maximum size of all grants in bytes. One more, and all callers need another full decision.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Maximum number of grants of one caller: routes, or paths of routes whose rules depend on captures.
const MAX_GRANTS: usize = 256;

/// Maximum length of the captures of a grant in bytes.
const MAX_CAPTURES: usize = 256;

/// The number of all callers without a token.
pub(super) const ANONYMOUS: u32 = 0;

thread_local! {
    /// The last numbers that were given. All gateways share them: a decision of one that was replaced may arrive late.
    static LAST_CALLER: Cell<u32> = const { Cell::new(ANONYMOUS) };
    static LAST_GRANT: Cell<u32> = const { Cell::new(0) };
}

/// The name of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The number of the caller.
    pub(super) caller: u32,
    /// The number of the grant.
    pub(super) number: u32,
}

/// The captures of a request, and the name of the one in its host: a route may have hosts that name theirs differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Captured<'c> {
    pub(super) captures: &'c Captures,
    pub(super) host_label_name: Option<&'c str>,
}

/// The same, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptCaptures {
    captures: Captures,
    host_label_name: Option<String>,
}

/// What a grant is for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) route: RouteIndex,
    /// The captures that the rules of the route depend on; `None` if they depend on none, whoever calls.
    pub(super) captures: Option<KeptCaptures>,
    /// The time of the decision. An earlier time means that the clock was set back.
    pub(super) from: UnixMillis,
    /// The first time at which the token, its keys or an assertion have to be checked again.
    pub(super) until: UnixMillis,
}

/// The keys with which the token of a caller was verified, and the revocations that it was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyVersion {
    /// The issuer, as an index into those of the policy.
    pub(super) issuer: usize,
    /// The version of its key set.
    pub(super) version: u64,
    /// The version of the list of revocations; that of no list without one.
    pub(super) list: u64,
}

/// The grants of a gateway.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// A caller's place is its number modulo [`MAX_CALLERS`].
    callers: Vec<Caller>,
    /// Grants of callers without a token depend on the policy only, so they are as many as its routes.
    anonymous: Caller,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Caller {
    number: u32,
    /// `None` for callers without a token.
    keys: Option<KeyVersion>,
    /// Ordered by route.
    grants: Vec<(u32, Terms)>,
}

impl Captured<'_> {
    /// The same, to be kept.
    pub(super) fn kept(self) -> KeptCaptures {
        KeptCaptures { captures: self.captures.clone(), host_label_name: self.host_label_name.map(str::to_owned) }
    }
}

impl KeptCaptures {
    /// Whether a request has these captures.
    pub(super) fn are(&self, Captured { captures, host_label_name }: Captured<'_>) -> bool {
        self.captures == *captures && self.host_label_name.as_deref() == host_label_name
    }

    fn length(&self) -> usize {
        let Captures { path, host_label } = &self.captures;
        path.iter().chain(host_label).chain(&self.host_label_name).map(String::len).sum()
    }
}

impl Grants {
    /// Gives a grant, or the same again if its terms are. `known` is the caller's number, if it has one. `None` if the
    /// captures are too long, or all numbers are used up.
    pub(super) fn give(&mut self, known: Option<u32>, keys: Option<KeyVersion>, terms: Terms) -> Option<Grant> {
        if terms.captures.as_ref().is_some_and(|kept| kept.length() > MAX_CAPTURES) {
            return None;
        }
        let Some(keys) = keys else {
            return Some(Grant { caller: ANONYMOUS, number: self.anonymous.give(terms, usize::MAX)? });
        };
        let number = match known.filter(|number| self.at(*number).is_some()) {
            Some(number) => number,
            None => next(&LAST_CALLER)?,
        };
        if self.bytes > MAX_BYTES {
            self.callers.clear();
            self.bytes = 0;
        }
        let caller = self.place(number)?;
        let before = caller.weight();
        if caller.number != number {
            *caller = Caller { number, ..Caller::default() };
        }
        // Other keys that verify the same token change nothing else: grants depend on what is in the token.
        caller.keys = Some(keys);
        let granted = caller.give(terms, MAX_GRANTS);
        let after = caller.weight();
        self.bytes = self.bytes + after - before;
        Some(Grant { caller: number, number: granted? })
    }

    /// The caller's grants for this route, with their numbers, and the keys that they depend on. There are several if they
    /// depend on captures.
    pub(super) fn of(&self, caller: u32, route: RouteIndex) -> (&[(u32, Terms)], Option<KeyVersion>) {
        let caller = if caller == ANONYMOUS { Some(&self.anonymous) } else { self.at(caller) };
        caller.map_or((&[], None), |caller| (caller.of_route(route), caller.keys))
    }

    /// Forgets the grants of a caller that do not hold now, also for the case that the clock is set to when they would.
    pub(super) fn forget_all_but_held(&mut self, number: u32, now: UnixMillis) {
        let Some(caller) = self.callers.get_mut(place(number)).filter(|caller| caller.number == number) else { return };
        let before = caller.weight();
        caller.grants.retain(|(_, terms)| terms.from <= now && now < terms.until);
        self.bytes = self.bytes + caller.weight() - before;
    }

    fn at(&self, number: u32) -> Option<&Caller> {
        self.callers.get(place(number)).filter(|caller| caller.number == number)
    }

    /// The place of a caller, which another one may have.
    fn place(&mut self, number: u32) -> Option<&mut Caller> {
        let place = place(number);
        if place >= self.callers.len() {
            self.callers.resize_with(place + 1, Caller::default);
        }
        self.callers.get_mut(place)
    }
}

impl Caller {
    /// The number of the grant with these terms, a new one if there is none.
    fn give(&mut self, terms: Terms, max_grants: usize) -> Option<u32> {
        let mut known = self.of_route(terms.route).iter();
        if let Some((number, known)) = known.find(|(_, known)| known.captures == terms.captures) {
            // What the origin receives may differ once a time has come, or has not come yet.
            if known.until == terms.until && known.from <= terms.from {
                return Some(*number);
            }
        }
        let number = next(&LAST_GRANT)?;
        self.grants.retain(|(_, known)| known.route != terms.route || known.captures != terms.captures);
        if self.grants.len() >= max_grants {
            self.grants.clear();
        }
        let place = self.grants.partition_point(|(_, known)| known.route <= terms.route);
        self.grants.insert(place, (number, terms));
        Some(number)
    }

    fn of_route(&self, route: RouteIndex) -> &[(u32, Terms)] {
        let start = self.grants.partition_point(|(_, known)| known.route < route);
        let rest = self.grants.get(start..).unwrap_or_default();
        let end = rest.partition_point(|(_, known)| known.route == route);
        rest.get(..end).unwrap_or_default()
    }

    /// Approximate size of its grants in bytes.
    fn weight(&self) -> usize {
        if self.grants.is_empty() {
            return 0;
        }
        let captures = |terms: &Terms| terms.captures.as_ref().map_or(0, |kept| 4 * ALLOCATION + kept.length());
        let own = self.grants.iter().map(|(_, terms)| captures(terms));
        ALLOCATION + self.grants.capacity() * size_of::<(u32, Terms)>() + own.sum::<usize>()
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number % MAX_CALLERS).unwrap_or_default()
}

/// A number that was never given before; `None` after four billion of them.
fn next(last: &'static LocalKey<Cell<u32>>) -> Option<u32> {
    last.set(last.get().checked_add(1)?);
    Some(last.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);
    const KEYS: Option<KeyVersion> = Some(KeyVersion { issuer: 0, version: 1, list: 0 });

    fn captures(org: &str) -> Captures {
        Captures { path: vec![org.to_owned()], host_label: None }
    }

    fn captured(captures: &Captures) -> Captured<'_> {
        Captured { captures, host_label_name: None }
    }

    fn terms(route: RouteIndex, org: Option<&str>) -> Terms {
        Terms { route, captures: org.map(|org| captured(&captures(org)).kept()), from: NOW, until: NOW.plus(1) }
    }

    fn number(grants: &Grants, caller: u32, route: RouteIndex, org: &str) -> Option<u32> {
        let captures = captures(org);
        let is_for = |terms: &Terms| terms.captures.as_ref().is_none_or(|kept| kept.are(captured(&captures)));
        let (given, _) = grants.of(caller, route);
        given.iter().find(|(_, terms)| is_for(terms)).map(|(number, _)| *number)
    }

    #[test]
    fn a_grant_is_for_its_caller_route_and_captures() {
        let mut grants = Grants::default();
        let any = grants.give(None, KEYS, terms(7, None)).unwrap();
        let acme = grants.give(Some(any.caller), KEYS, terms(8, Some("acme"))).unwrap();
        let initech = grants.give(Some(any.caller), KEYS, terms(8, Some("initech"))).unwrap();
        let other = grants.give(None, KEYS, terms(7, None)).unwrap();
        let anonymous = grants.give(None, None, terms(9, None)).unwrap();
        assert_eq!((any.caller, any.caller, anonymous.caller), (acme.caller, initech.caller, ANONYMOUS));
        assert_ne!(any.caller, other.caller);
        for (caller, route, org, expected) in [
            (any.caller, 7, "whatever", Some(any.number)),
            (any.caller, 8, "acme", Some(acme.number)),
            (any.caller, 8, "initech", Some(initech.number)),
            (any.caller, 8, "other", None),
            (any.caller, 9, "", None),
            (other.caller, 7, "", Some(other.number)),
            (other.caller, 8, "acme", None),
            (ANONYMOUS, 9, "", Some(anonymous.number)),
            (ANONYMOUS, 7, "", None),
            (u32::MAX, 7, "", None),
        ] {
            assert_eq!(number(&grants, caller, route, org), expected, "{caller} {route} {org}");
        }
    }

    #[test]
    fn a_host_label_of_another_name_is_another_capture() {
        let captures = Captures { path: Vec::new(), host_label: Some("acme".to_owned()) };
        let of = |name: &'static str| Captured { captures: &captures, host_label_name: Some(name) };
        let mut grants = Grants::default();
        let terms = Terms { captures: Some(of("org").kept()), ..terms(7, None) };
        let grant = grants.give(None, KEYS, terms).unwrap();
        let kept = grants.of(grant.caller, 7).0[0].1.captures.as_ref().unwrap();
        assert!(kept.are(of("org")) && !kept.are(of("team")));
    }

    #[test]
    fn the_same_terms_are_the_same_grant_and_others_replace_it() {
        let mut grants = Grants::default();
        let old = grants.give(None, KEYS, terms(7, Some("acme"))).unwrap();
        let later = Terms { from: NOW.plus(1), ..terms(7, Some("acme")) };
        assert_eq!(grants.give(Some(old.caller), KEYS, later), Some(old));
        for changed in [
            Terms { from: UnixMillis(0), ..terms(7, Some("acme")) },
            Terms { until: NOW.plus(2), ..terms(7, Some("acme")) },
        ] {
            let new = grants.give(Some(old.caller), KEYS, changed.clone()).unwrap();
            assert_eq!(new.caller, old.caller);
            assert_ne!(new.number, old.number);
            assert_eq!(grants.of(old.caller, 7).0, [(new.number, changed)]);
        }
    }

    #[test]
    fn no_number_is_given_twice_whichever_gateway_gives_it() {
        let (mut former, mut grants) = (Grants::default(), Grants::default());
        let (mut callers, mut numbers) = (Vec::new(), Vec::new());
        for route in 0..3 {
            for grants in [&mut former, &mut grants] {
                let Grant { caller, number } = grants.give(None, KEYS, terms(route, None)).unwrap();
                assert!(caller != ANONYMOUS && !callers.contains(&caller) && !numbers.contains(&number));
                callers.push(caller);
                numbers.push(number);
            }
        }
    }

    #[test]
    fn callers_and_their_grants_are_bounded_and_the_oldest_go_first() {
        let mut grants = Grants::default();
        let first = grants.give(None, KEYS, terms(0, None)).unwrap();
        let second = grants.give(None, KEYS, terms(0, None)).unwrap();
        for _ in 0..MAX_CALLERS - 1 {
            grants.give(None, KEYS, terms(0, None)).unwrap();
        }
        assert_eq!(number(&grants, first.caller, 0, ""), None);
        assert_eq!(number(&grants, second.caller, 0, ""), Some(second.number));
        for route in 1..=MAX_GRANTS {
            grants.give(Some(second.caller), KEYS, terms(route, None)).unwrap();
        }
        assert_eq!(number(&grants, second.caller, 0, ""), None);
        assert!(number(&grants, second.caller, MAX_GRANTS, "").is_some());
        let long = "x".repeat(MAX_CAPTURES);
        let mut most = 0;
        for _ in 0..MAX_CALLERS {
            let new = grants.give(None, KEYS, terms(0, Some(&long))).unwrap();
            for route in 1..8 {
                grants.give(Some(new.caller), KEYS, terms(route, Some(&long))).unwrap();
            }
            most = most.max(grants.bytes);
        }
        let counted: usize = grants.callers.iter().map(Caller::weight).sum();
        assert_eq!(grants.bytes, counted);
        assert!((MAX_BYTES - 4096..MAX_BYTES + 4096).contains(&most), "{most}");
    }

    #[test]
    fn every_public_route_has_its_grant() {
        let mut grants = Grants::default();
        let given: Vec<_> = (0..2 * MAX_GRANTS).map(|route| grants.give(None, None, terms(route, None))).collect();
        for (route, grant) in given.into_iter().enumerate() {
            assert_eq!(number(&grants, ANONYMOUS, route, ""), grant.map(|grant| grant.number));
        }
    }

    #[test]
    fn what_cannot_be_kept_or_numbered_is_not_granted() {
        let mut grants = Grants::default();
        assert_eq!(grants.give(None, KEYS, terms(0, Some(&"x".repeat(MAX_CAPTURES + 1)))), None);
        for last in [&LAST_GRANT, &LAST_CALLER] {
            last.set(u32::MAX);
            assert_eq!(grants.give(None, KEYS, terms(0, None)), None);
        }
    }

    #[test]
    fn other_keys_that_verify_the_same_token_take_the_place_of_the_old_ones() {
        let mut grants = Grants::default();
        let one = grants.give(None, KEYS, terms(7, None)).unwrap();
        let newer = Some(KeyVersion { issuer: 0, version: 2, list: 0 });
        grants.give(Some(one.caller), newer, terms(8, None)).unwrap();
        assert_eq!(grants.of(one.caller, 7).1, newer);
    }
}
