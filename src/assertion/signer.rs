//! The gate's own keys, ready for signing and publishing.

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::json::Json;
use crate::jose::private_key::PrivateKey;
use crate::platform::Platform;
use crate::policy::Assertions;

/// What each key signs, to show that its public part matches.
const PROBE: &[u8] = b"portcullis";

/// The signing key, and the key set with the public parts of all keys.
pub struct Signer<S> {
    algorithm: Algorithm,
    key: S,
    /// The header of every assertion, in base64url.
    header: String,
    key_set: String,
}

impl<S> Signer<S> {
    /// Reads the keys from their secrets and imports them. A signature of each key is verified with its public part, so
    /// that the published keys are known to work.
    ///
    /// # Errors
    /// What is wrong with which secret, as a message for the log.
    pub async fn load<P: Platform<SigningKey = S>>(settings: &Assertions, platform: &P) -> Result<Self, String> {
        let (mut signing, mut published) = (None, Vec::<String>::new());
        for name in &settings.keys {
            let about = |problem: &str| format!("identity.assertion: the secret {name} {problem}");
            let secret = platform.secret(name).ok_or_else(|| about("is absent"))?;
            let key = PrivateKey::parse(&secret, settings.algorithm).map_err(|problem| about(&problem.to_string()))?;
            let imported = import(&key, platform).await.map_err(about)?;
            let public = key.public_jwk();
            if published.contains(&public) {
                return Err(about("is the same key as the one before it"));
            }
            published.push(public);
            signing.get_or_insert_with(|| (imported, key.kid()));
        }
        let (key, kid) = signing.ok_or("identity.assertion: there is no key")?;
        let members = [("alg", settings.algorithm.name()), ("kid", kid.as_str()), ("typ", "JWT")];
        let header = Json::object(members.map(|(name, text)| (name, Some(Json::text(text)))));
        Ok(Self {
            algorithm: settings.algorithm,
            key,
            header: segment(&header),
            key_set: format!(r#"{{"keys":[{}]}}"#, published.join(",")),
        })
    }

    /// The public keys, as they are published (RFC 7517 §5).
    #[must_use]
    pub fn key_set(&self) -> &str {
        &self.key_set
    }

    /// Signs claims as a compact JWS (RFC 7515 §7.1). `None` if signing fails.
    pub async fn sign<P: Platform<SigningKey = S>>(&self, claims: &Json<'_>, platform: &P) -> Option<String> {
        let signed = format!("{}.{}", self.header, segment(claims));
        let signature = platform.sign(&self.key, self.algorithm, signed.as_bytes()).await?;
        let is_whole = self.algorithm.signature_bytes().is_none_or(|bytes| bytes == signature.len());
        is_whole.then(|| format!("{signed}.{}", base64url::encode(&signature)))
    }
}

async fn import<P: Platform>(key: &PrivateKey, platform: &P) -> Result<P::SigningKey, &'static str> {
    const REFUSED: &str = "is refused by the platform's cryptography";
    let algorithm = key.algorithm;
    let imported = platform.import_private(key).await.ok_or(REFUSED)?;
    let signature = platform.sign(&imported, algorithm, PROBE).await.ok_or(REFUSED)?;
    let holds = match key.public() {
        Some(public) => match platform.import(&public, algorithm).await {
            Some(public) => platform.verify(&public, algorithm, &signature, PROBE).await,
            None => false,
        },
        None => false,
    };
    if holds { Ok(imported) } else { Err("has a public part (x, y) that does not match its private part (d)") }
}

/// JSON in base64url.
fn segment(value: &Json<'_>) -> String {
    base64url::encode(value.to_string().as_bytes())
}
