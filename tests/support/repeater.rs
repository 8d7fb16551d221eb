//! Who forwards requests by grants, as `src/edge/grants.js` does.

use std::collections::{HashMap, HashSet};

use portcullis::decision::Decision;
use portcullis::gateway::repeat::{Again, HeaderRule};
use portcullis::platform::Runtime;
use portcullis::upstream::{Forward, Granted};

use super::World;

/// What is remembered of grants. Nothing is ever forgotten, unlike in `grants.js`: numbers must be enough.
#[derive(Default)]
pub struct Repeater {
    /// By the value of `Authorization`; `None` for callers without a token.
    callers: HashMap<Option<String>, Caller>,
}

#[derive(Default)]
struct Caller {
    number: u32,
    grants: HashMap<u32, Remembered>,
}

#[derive(Clone)]
struct Remembered {
    granted: Granted,
    forward: Forward<'static>,
    /// The values of `Origin` with which requests were allowed, and none; `None` where the route has no `cors`.
    pages: Option<HashSet<Option<String>>>,
}

impl Repeater {
    pub fn remember(&mut self, world: &World, headers: &[(&str, &str)], decision: &Decision<'static>) {
        let Decision::Allow(forward) = decision else { return };
        let Some(granted) = forward.grant.clone() else { return };
        let authorization = if granted.caller == 0 { None } else { Some(value(headers, "authorization").unwrap()) };
        let caller = self.callers.entry(authorization.map(str::to_owned)).or_default();
        if caller.number != granted.caller {
            *caller = Caller { number: granted.caller, grants: HashMap::new() };
        }
        let known = caller.grants.remove(&granted.number).and_then(|known| known.pages);
        let has_cors =
            world.gateway().policy().routes.iter().any(|own| own.name == forward.route && own.cors.is_some());
        let pages = has_cors.then(|| {
            let mut pages = known.unwrap_or_default();
            pages.insert(value(headers, "origin").map(str::to_owned));
            pages
        });
        caller.grants.insert(granted.number, Remembered { granted, forward: forward.clone(), pages });
    }

    /// The changes that a grant makes to a request; `None` if none holds.
    pub fn repeat(&self, world: &World, method: &str, url: &str, headers: &[(&str, &str)]) -> Option<Forward<'static>> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let authority = rest.split('/').next().unwrap();
        let remove = removals(world, authority, headers)?;
        let authorization = value(headers, "authorization");
        let known = authorization.and_then(|value| self.callers.get(&Some(value.to_owned())));
        let number = known.map_or(0, |caller| caller.number);
        let again = Again { caller: number, has_authorization: authorization.is_some(), method, url };
        let found = world.gateway().repeat(again, world.platform().now())?;
        let anonymous = self.callers.get(&None);
        let grant = |caller: &Caller| caller.grants.get(&found.grant).cloned();
        let Remembered { granted, forward, pages } = known.and_then(grant).or_else(|| anonymous.and_then(grant))?;
        let page = value(headers, "origin").map(str::to_owned);
        if pages.is_some_and(|pages| !pages.contains(&page)) {
            return None;
        }
        let kept = forward.set.iter().filter(|(name, _)| !name.starts_with("x-forwarded-")).cloned();
        let mut set = vec![
            ("x-forwarded-host".into(), authority.to_owned().into()),
            ("x-forwarded-proto".into(), scheme.to_owned().into()),
        ];
        set.extend(found.cut.map(|_| ("x-forwarded-prefix".into(), granted.prefix.into())));
        set.extend(kept);
        let start = scheme.len() + "://".len() + authority.len();
        let rest = &url[start + found.cut.unwrap_or_default()..];
        let base = if granted.base.is_empty() { format!("{scheme}://{authority}") } else { granted.base };
        Some(Forward { url: format!("{base}{rest}"), grant: None, remove, set, ..forward })
    }
}

fn removals(world: &World, authority: &str, headers: &[(&str, &str)]) -> Option<Vec<std::borrow::Cow<'static, str>>> {
    let mut removed = Vec::new();
    for (name, value) in headers {
        match world.gateway().header_rule(name) {
            HeaderRule::Forward => {}
            HeaderRule::Host if *value == authority => {}
            HeaderRule::Connection if !["keep-alive", "close", "Keep-Alive"].contains(value) => return None,
            HeaderRule::Connection | HeaderRule::Remove => removed.push((*name).to_owned().into()),
            HeaderRule::Decide | HeaderRule::Host => return None,
        }
    }
    Some(removed)
}

fn value<'v>(headers: &[(&str, &'v str)], name: &str) -> Option<&'v str> {
    headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}
