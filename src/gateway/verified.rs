//! The cache of verified tokens, whose signatures need not be verified again.
//!
//! A cache entry records one fact: exactly this text is a token of this issuer, signed with a key of this key set.
//! Everything that can change is checked on each use: the time, whether the set is still in use, what the route
//! requires. The assertions about a token are cached with it, and evicted with it.

use lru::LruCache;

use crate::assertion::Assertion;
use crate::assertion::kept::Kept;
use crate::jose::json::ALLOCATION;
use crate::jwks::set::SetIdentity;
use crate::time::UnixSeconds;
use crate::token::verify::VerifiedClaims;

/// Maximum number of tokens. A caller has one or two, for an hour or so.
const MAX_TOKENS: usize = 10_000;

/// Maximum size of all tokens and their claims in bytes. An isolate has 128 MB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Approximate overhead of a cache entry in bytes: its node in the LRU list, and its place in the hash table.
const PLACE: usize = 96;

/// The most recently used verified tokens.
#[derive(Debug)]
pub struct VerifiedTokens<K> {
    tokens: LruCache<Box<str>, Verified<K>>,
    bytes: usize,
    max_tokens: usize,
    max_bytes: usize,
}

/// A verified token.
#[derive(Debug)]
pub struct Verified<K> {
    /// Its issuer, as an index into those of the policy.
    pub issuer: usize,
    /// The key set that its signature was verified with.
    pub set: SetIdentity<K>,
    /// Its claims.
    pub claims: VerifiedClaims,
    /// The version of the list of revocations in which no entry concerned it.
    pub unrevoked_in: u64,
    /// The assertions that were signed about its caller, by audience and organization.
    pub assertions: Kept,
    /// Its bearer's number among the callers with grants, if it has one.
    pub caller: Option<u32>,
    /// Whether it was presented again since. Of many tokens, most are used once.
    pub is_used_again: bool,
}

impl<K> Default for VerifiedTokens<K> {
    fn default() -> Self {
        Self::bounded(MAX_TOKENS, MAX_BYTES)
    }
}

impl<K> VerifiedTokens<K> {
    /// An empty cache with these limits: number of tokens, and their approximate size in bytes.
    #[must_use]
    pub fn bounded(max_tokens: usize, max_bytes: usize) -> Self {
        // Unbounded for the crate, which would otherwise allocate the whole table at once; `keep` enforces the limits.
        Self { tokens: LruCache::unbounded(), bytes: 0, max_tokens, max_bytes }
    }

    /// The cache entry of exactly this token.
    pub fn find(&mut self, token: &str) -> Option<&Verified<K>> {
        let verified = self.tokens.get_mut(token)?;
        verified.is_used_again = true;
        Some(verified)
    }

    /// The same without counting as a use.
    #[must_use]
    pub fn peek(&self, token: &str) -> Option<&Verified<K>> {
        self.tokens.peek(token)
    }

    /// Caches a verified token, and evicts the least recently used ones if there are too many.
    pub fn keep(&mut self, token: &str, verified: Verified<K>) {
        self.bytes += weight(token, &verified);
        if let Some((token, replaced)) = self.tokens.push(token.into(), verified) {
            self.bytes -= weight(&token, &replaced);
        }
        self.make_room();
    }

    /// A fresh assertion about exactly this token for this audience and organization, if one is cached.
    #[must_use]
    pub fn assertion(
        &self,
        token: &str,
        audience: &str,
        organization: Option<&str>,
        now: UnixSeconds,
    ) -> Option<&Assertion> {
        self.tokens.peek(token)?.assertions.find(audience, organization, now)
    }

    /// Caches an assertion about exactly this token, if the token is cached.
    pub fn keep_assertion(&mut self, token: &str, assertion: Assertion) {
        let Some(Verified { assertions, .. }) = self.tokens.get_mut(token) else { return };
        let before = assertions.weight();
        assertions.keep(assertion);
        self.bytes = self.bytes + assertions.weight() - before;
        self.make_room();
    }

    /// Notes that no entry of the list of revocations with this version concerns exactly this token, if it is cached.
    pub fn keep_unrevoked(&mut self, token: &str, version: u64) {
        if let Some(verified) = self.tokens.peek_mut(token) {
            verified.unrevoked_in = version;
        }
    }

    /// Notes the number of the bearer of exactly this token, if the token is cached.
    pub fn keep_caller(&mut self, token: &str, caller: u32) {
        if let Some(verified) = self.tokens.peek_mut(token) {
            verified.caller = Some(caller);
        }
    }

    fn make_room(&mut self) {
        while self.tokens.len() > self.max_tokens || self.bytes > self.max_bytes {
            let Some((token, oldest)) = self.tokens.pop_lru() else { break };
            self.bytes -= weight(&token, &oldest);
        }
    }

    /// The number of tokens, and their approximate size in bytes.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.tokens.len(), self.bytes)
    }
}

fn weight<K>(token: &str, verified: &Verified<K>) -> usize {
    let claims = verified.claims.claims().weight();
    PLACE + size_of::<Verified<K>>() + ALLOCATION + token.len() + claims + verified.assertions.weight()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::json::Json;
    use crate::jwks::set::KeySet;
    use crate::policy::Policy;
    use crate::revocation::list::UNREAD;
    use crate::token::claims::Claims;

    const POLICY: &str = r#"{"version":1,"issuers":{"i":{"issuer":"i","jwks_uri":"https://i"}},
        "routes":[{"path":"/","access":"deny"}]}"#;

    fn verified(payload: &str) -> Verified<()> {
        let policy = Policy::parse(POLICY).unwrap();
        let claims = Json::parse(payload).unwrap().as_object().unwrap().clone().into_owned();
        let claims = Claims::new(claims, payload, &policy.issuers[0]).unwrap();
        Verified {
            issuer: 0,
            set: KeySet::new(Vec::new()).identity(),
            claims: VerifiedClaims::trusted(claims),
            unrevoked_in: UNREAD,
            assertions: Kept::default(),
            caller: None,
            is_used_again: false,
        }
    }

    #[test]
    fn finds_exactly_what_was_kept() {
        let mut tokens = VerifiedTokens::default();
        tokens.keep("a.b.c", verified(r#"{"exp":1}"#));
        assert!(tokens.find("a.b.c").is_some());
        for other in ["a.b.cd", "a.b", "", "A.b.c", "a.b.c "] {
            assert!(tokens.find(other).is_none(), "{other}");
        }
    }

    #[test]
    fn the_number_of_tokens_is_bounded_and_what_was_used_last_stays() {
        let mut tokens = VerifiedTokens::default();
        for i in 0..MAX_TOKENS + 500 {
            tokens.keep(&format!("token {i}"), verified(r#"{"exp":1}"#));
            assert!(tokens.find("token 0").is_some());
        }
        assert_eq!(tokens.size().0, MAX_TOKENS);
        assert!(tokens.find("token 1").is_none());
        assert!(tokens.find("token 501").is_some());
    }

    #[test]
    fn the_bytes_are_bounded_and_counted_rightly() {
        let mut tokens = VerifiedTokens::default();
        // Small in the token, large once it is parsed.
        let payload = format!(r#"{{"exp":1,"x":[{}0]}}"#, "0,".repeat(3000));
        let one = weight("token 1000", &verified(&payload));
        assert!(one > 3000 * size_of::<Json<'_>>(), "{one}");
        for i in 1000..1000 + 2 * MAX_BYTES / one {
            tokens.keep(&format!("token {i}"), verified(&payload));
            let (count, bytes) = tokens.size();
            assert_eq!(bytes, count * one);
            assert!(bytes <= MAX_BYTES);
        }
        assert_eq!(tokens.size().0, MAX_BYTES / one);
    }

    #[test]
    fn a_token_that_is_kept_again_counts_once() {
        let mut tokens = VerifiedTokens::default();
        tokens.keep("a", verified(r#"{"exp":1}"#));
        let size = tokens.size();
        tokens.keep("a", verified(r#"{"exp":1}"#));
        assert_eq!(tokens.size(), size);
    }
}
