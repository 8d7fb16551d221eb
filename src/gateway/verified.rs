//! Tokens whose signature was found to hold, so that it need not be checked again.
//!
//! What is kept is one fact: these very characters are a token of this issuer, made with a key of this key set. All that
//! can change is looked at again on each use: the time, whether the set is still the one in use, what the route asks.
//! With a token the assertions about it are kept, and go with it.

use std::rc::Rc;

use lru::LruCache;

use crate::assertion::Assertion;
use crate::assertion::kept::Kept;
use crate::jose::json::ALLOCATION;
use crate::jwks::set::SetIdentity;
use crate::time::UnixSeconds;
use crate::token::verify::VerifiedClaims;

/// The most tokens. A caller has one or two, for an hour or so.
const MAX_TOKENS: usize = 10_000;

/// The most bytes of tokens and their claims. An isolate has 128 MB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What a token's place in the table takes: its node in the list of use, and its entry.
const PLACE: usize = 96;

/// The tokens that were verified and used last.
#[derive(Debug)]
pub struct VerifiedTokens<K> {
    tokens: LruCache<Box<str>, Verified<K>>,
    bytes: usize,
    max_tokens: usize,
    max_bytes: usize,
}

/// What is known of a token.
#[derive(Debug)]
pub struct Verified<K> {
    /// Whose it is, as an index into the policy's issuers.
    pub issuer: usize,
    /// The set whose key its signature holds under.
    pub set: SetIdentity<K>,
    /// Its claims.
    pub claims: VerifiedClaims,
    /// What the gate signed about it.
    pub assertions: Kept,
}

impl<K> Default for VerifiedTokens<K> {
    fn default() -> Self {
        Self::bounded(MAX_TOKENS, MAX_BYTES)
    }
}

impl<K> VerifiedTokens<K> {
    /// None yet, and never more than these.
    #[must_use]
    pub fn bounded(max_tokens: usize, max_bytes: usize) -> Self {
        // Unbounded for the crate, which would set aside the whole table at once; `keep` bounds it.
        Self { tokens: LruCache::unbounded(), bytes: 0, max_tokens, max_bytes }
    }

    /// What is known of exactly this token.
    pub fn find(&mut self, token: &str) -> Option<&Verified<K>> {
        self.tokens.get(token)
    }

    /// Keeps what was found out of a token. Those that were used least recently make room.
    pub fn keep(&mut self, token: &str, verified: Verified<K>) {
        self.bytes += weight(token, &verified);
        if let Some((token, replaced)) = self.tokens.push(token.into(), verified) {
            self.bytes -= weight(&token, &replaced);
        }
        self.make_room();
    }

    /// The assertion about exactly this token that is for this audience and organization, if there is a fresh one.
    #[must_use]
    pub fn assertion(
        &self,
        token: &str,
        audience: &str,
        organization: Option<&str>,
        now: UnixSeconds,
    ) -> Option<Rc<str>> {
        self.tokens.peek(token)?.assertions.find(audience, organization, now)
    }

    /// Keeps an assertion about exactly this token, if the token is kept.
    pub fn keep_assertion(&mut self, token: &str, assertion: Assertion) {
        let Some(Verified { assertions, .. }) = self.tokens.get_mut(token) else { return };
        let before = assertions.weight();
        assertions.keep(assertion);
        self.bytes = self.bytes + assertions.weight() - before;
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.tokens.len() > self.max_tokens || self.bytes > self.max_bytes {
            let Some((token, oldest)) = self.tokens.pop_lru() else { break };
            self.bytes -= weight(&token, &oldest);
        }
    }

    /// How many tokens are kept, and how many bytes they take, about.
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
    use crate::policy::Policy;
    use crate::token::claims::Claims;

    const POLICY: &str = r#"{"version":1,"issuers":{"i":{"issuer":"i","jwks_uri":"https://i"}},
        "routes":[{"path":"/","access":"deny"}]}"#;

    fn verified(payload: &str) -> Verified<()> {
        let policy = Policy::parse(POLICY).unwrap();
        let claims = Json::parse(payload).unwrap().as_object().unwrap().clone().into_owned();
        let claims = Claims::new(claims, payload, &policy.issuers[0]).unwrap();
        Verified {
            issuer: 0,
            set: SetIdentity::default(),
            claims: VerifiedClaims::trusted(claims),
            assertions: Kept::default(),
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
        // Small in the token, large once it is read.
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
