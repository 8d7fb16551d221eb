//! What adds to the list of revocations: the API for operators, Logto's webhooks, logout tokens.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Gateway;
use crate::decision::{Decision, Document};
use crate::denial::Denial;
use crate::jose::json::quoted;
use crate::log::Seen;
use crate::platform::{BodyFault, Fault, Platform};
use crate::policy::{Issuer, LogoutTokens, LogtoWebhooks, Requirement};
use crate::request::{Request, Routed};
use crate::revocation::entry::{Entry, EntryKey};
use crate::revocation::page::Page;
use crate::revocation::store::{self, Added};
use crate::revocation::webhook::{self, LOGTO_SIGNATURE};
use crate::revocation::{API_PATH, LOGOUT_PATH, LOGTO_PATH};
use crate::route::table::Captures;
use crate::trace::{Observer, Step};

/// Maximum size of a body in bytes. The largest webhook names 5,000 users.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// After how many seconds a sender should try again if the list has no room for entries.
const RETRY_WHEN_FULL: u64 = 60;

/// Who adds to the list of revocations.
#[derive(Clone, Copy)]
pub(super) enum Feed<'p> {
    Api(&'p Requirement),
    Logto(&'p LogtoWebhooks),
    Logout(&'p LogoutTokens),
}

impl Feed<'_> {
    fn methods(self) -> &'static [&'static str] {
        if matches!(self, Self::Api(_)) { &["GET", "POST"] } else { &["POST"] }
    }
}

impl<P: Platform + Observer> Gateway<P> {
    /// Who adds to the list at this path.
    pub(super) fn feed_at(&self, path: &str) -> Option<Feed<'_>> {
        let settings = self.policy.revocation.as_ref()?;
        match path {
            API_PATH => settings.api.as_ref().map(Feed::Api),
            LOGTO_PATH => settings.logto.as_ref().map(Feed::Logto),
            LOGOUT_PATH => settings.logout.as_ref().map(Feed::Logout),
            _ => None,
        }
    }

    /// Does what a request to such a path asks for.
    pub(super) async fn feed(
        &self,
        feed: Feed<'_>,
        request: &Request<'_>,
        platform: &P,
    ) -> Result<Decision<'static>, Denial> {
        let methods = feed.methods();
        platform.observe(Step::Own(methods));
        if !methods.contains(&request.method) {
            return Err(Denial::MethodNotAllowed { allow: methods.iter().map(|&method| method.to_owned()).collect() });
        }
        if !self.is_in_force {
            return Ok(Decision::Done(204));
        }
        let mut signed = None;
        match feed {
            Feed::Api(requirement) => {
                self.admit_to_own(requirement, request, platform).await?;
                if request.method == "GET" {
                    return self.listed(request, platform).await.map(Decision::Serve);
                }
            }
            // What is not signed is not read.
            Feed::Logto(settings) => signed = Some(SignedBody::of(settings, request, platform)?),
            Feed::Logout(_) => {}
        }
        let body = read_body(platform).await?;
        if let Some(signed) = signed {
            signed.verify(&body)?;
        }
        let body = String::from_utf8(body).map_err(|_| Denial::bad_request("the body is not UTF-8"))?;
        let now = platform.now().seconds();
        let issuers = self.policy.issuers.iter().map(AsRef::as_ref);
        let entries = match feed {
            Feed::Api(_) => vec![Entry::read(&body, issuers, now).map_err(Denial::BadRequest)?],
            Feed::Logto(LogtoWebhooks { issuer, .. }) => {
                let issuer = self.policy.issuers.get(*issuer).ok_or(Denial::Misconfigured)?;
                webhook::entries(&body, issuer, now).map_err(Denial::BadRequest)?
            }
            Feed::Logout(settings) => self.entries_of_logout(&body, settings, platform).await?,
        };
        self.revoke(&entries, platform).await?;
        // OpenID Connect Back-Channel Logout 1.0 §2.8.
        Ok(Decision::Done(if matches!(feed, Feed::Logout(_)) { 200 } else { 204 }))
    }

    /// The caller may use one of the gate's own paths, which requires this of its token.
    pub(super) async fn admit_to_own(
        &self,
        requirement: &Requirement,
        request: &Request<'_>,
        platform: &P,
    ) -> Result<(), Denial> {
        let captures = Captures::default();
        let routed = Routed::without_route(request, &captures);
        let bearer = self.bearer(request, None, requirement, &routed, &mut Seen::default(), platform).await?;
        bearer.map(drop).ok_or(Denial::MissingAuthorization)
    }

    /// Adds entries to the store, then to the list of this isolate.
    async fn revoke(&self, entries: &[Entry], platform: &P) -> Result<(), Denial> {
        let (revocations, settings) = self.revocation().ok_or(Denial::Misconfigured)?;
        store::check_bound(settings, platform)?;
        if entries.is_empty() {
            return Ok(());
        }
        match store::add(entries, settings, platform).await {
            Ok(Added::Kept) => {
                revocations.honour(entries, platform.now());
                Ok(())
            }
            Ok(Added::Full) => {
                platform.log_once("revocation: the list is full, nothing more can be revoked");
                Err(Denial::RevocationsUnavailable { retry_after: RETRY_WHEN_FULL })
            }
            Err(fault) => Err(self.unavailable("written", &fault, platform)),
        }
    }

    async fn listed(&self, request: &Request<'_>, platform: &P) -> Result<Document<'static>, Denial> {
        let (_, settings) = self.revocation().ok_or(Denial::Misconfigured)?;
        store::check_bound(settings, platform)?;
        let query = request.url.query.unwrap_or_default();
        let cursor = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "cursor");
        let cursor = cursor.map(|(_, value)| value.into_owned()).unwrap_or_default();
        if !cursor.is_empty() && EntryKey::parse(&cursor).is_none() {
            return Err(Denial::bad_request("cursor: expected one of a former answer"));
        }
        let listed = store::listed(&cursor, settings, platform).await;
        let body = listed.and_then(|text| list_of(Page::parse(&text)?, &self.policy.issuers));
        let body = body.map_err(|fault| self.unavailable("read", &fault, platform))?;
        Ok(Document { media_type: "application/json", body: body.into(), is_public: false })
    }

    fn unavailable(&self, what: &str, fault: &Fault, platform: &P) -> Denial {
        let (binding, retry_after) =
            self.revocation().map_or(("", 1), |(_, settings)| (settings.store.binding(), settings.poll));
        platform.log(&format!("revocation: {binding} cannot be {what}: {fault}"));
        Denial::RevocationsUnavailable { retry_after }
    }
}

/// A page of entries as the API lists them.
fn list_of(page: Page<'_>, issuers: &[impl AsRef<Issuer>]) -> Result<String, Fault> {
    let mut last = None;
    let mut entries = Vec::new();
    for entry in page.entries() {
        let (key, before, named) = entry?;
        let open = named.and_then(|named| named.strip_suffix('}')).unwrap_or("{");
        entries.push(format!("{},\"before\":{}}}", by_name(open, issuers), before.0));
        last = Some(key);
    }
    let cursor = last.filter(|_| page.has_more).map(|key| format!(",\"cursor\":\"{key}\""));
    Ok(format!("{{\"entries\":[{}]{}}}", entries.join(","), cursor.unwrap_or_default()))
}

/// An entry of all tenants of an issuer names it by its name, as it was written.
fn by_name(entry: &str, issuers: &[impl AsRef<Issuer>]) -> String {
    let head = |issuer: &str| format!("{{\"issuer\":{}", quoted(issuer));
    let mut with_tenants = issuers.iter().map(AsRef::as_ref).filter(|issuer| issuer.tenants.is_some());
    let named = with_tenants.find_map(|issuer| Some(head(&issuer.name) + entry.strip_prefix(&head(&issuer.issuer))?));
    named.unwrap_or_else(|| entry.to_owned())
}

async fn read_body(platform: &impl Platform) -> Result<Vec<u8>, Denial> {
    platform.body(MAX_BODY_BYTES).await.map_err(|fault| match fault {
        BodyFault::TooLarge => Denial::TooLarge,
        BodyFault::Broken => Denial::bad_request("the body broke off, or took too long"),
        BodyFault::Busy => Denial::RevocationsUnavailable { retry_after: 1 },
    })
}

/// What the body of a webhook is verified with.
struct SignedBody {
    mac: Hmac<Sha256>,
    signature: Vec<u8>,
}

impl SignedBody {
    fn of(settings: &LogtoWebhooks, request: &Request<'_>, platform: &impl Platform) -> Result<Self, Denial> {
        let Some(secret) = platform.secret(&settings.secret).filter(|secret| !secret.is_empty()) else {
            platform.log_once(&format!("revocation.logto: the secret {} is absent", settings.secret));
            return Err(Denial::Misconfigured);
        };
        let mac = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| Denial::Misconfigured)?;
        let signature = request.header(LOGTO_SIGNATURE).and_then(signature_of).ok_or(Denial::BadSignature)?;
        Ok(Self { mac, signature })
    }

    /// Compares in constant time.
    fn verify(mut self, body: &[u8]) -> Result<(), Denial> {
        self.mac.update(body);
        self.mac.verify_slice(&self.signature).map_err(|_| Denial::BadSignature)
    }
}

/// The bytes of a signature in hexadecimal digits.
fn signature_of(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let are_digits = digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit);
    are_digits.then(|| digits.chunks(2).map(byte).collect())?
}
