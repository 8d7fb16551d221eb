//! The providers that `init` knows. What is particular about the tokens of each is in its example under
//! examples/policies, of which a new policy is made.

use clap::ValueEnum;
use serde_json::json;
use toml::{Table, Value};

/// The provider whose tokens a new policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// Logto, with its three permission models
    Logto,
    Auth0,
    /// Microsoft Entra ID
    Entra,
    Keycloak,
    /// Amazon Cognito; the audience is the id of the client
    Cognito,
    Okta,
    /// Supabase; the audience is `authenticated`
    Supabase,
    /// Any OpenID Connect provider
    Oidc,
}

/// What the first route asks of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) audience: String,
    /// Tests of other claims.
    pub(super) claims: Vec<(&'static str, serde_json::Value)>,
    /// What the comment of the route adds.
    pub(super) note: Option<&'static str>,
}

impl Asked {
    /// The same claims as a token has them.
    pub(super) fn of_a_token(&self) -> impl Iterator<Item = (&'static str, &serde_json::Value)> {
        self.claims.iter().map(|(name, test)| (*name, test.pointer("/any/0").unwrap_or(test)))
    }
}

impl Template {
    /// The template for an issuer.
    pub(super) fn of(issuer: &str) -> Self {
        let host = issuer.split('/').nth(2).unwrap_or_default();
        let is_in = |domain: &str| host.strip_suffix(domain).is_some_and(|name| name.ends_with('.'));
        match host {
            _ if is_in("auth0.com") => Self::Auth0,
            _ if host == "login.microsoftonline.com" || is_in("ciamlogin.com") => Self::Entra,
            _ if host.starts_with("cognito-idp.") && is_in("amazonaws.com") => Self::Cognito,
            _ if is_in("okta.com") || is_in("oktapreview.com") || is_in("okta-emea.com") => Self::Okta,
            _ if is_in("supabase.co") => Self::Supabase,
            _ if issuer.contains("/realms/") => Self::Keycloak,
            // Logto's end in `/oidc`, in its cloud and elsewhere.
            _ if issuer.ends_with("/oidc") => Self::Logto,
            _ => Self::Oidc,
        }
    }

    /// The name of the issuer in the policy.
    pub(super) fn issuer_name(self) -> &'static str {
        match self {
            Self::Logto => "logto",
            Self::Auth0 => "auth0",
            Self::Entra => "entra",
            Self::Keycloak => "keycloak",
            Self::Cognito => "cognito",
            Self::Okta => "okta",
            Self::Supabase => "supabase",
            Self::Oidc => "oidc",
        }
    }

    /// An issuer of this provider, to show how they look.
    pub(super) fn example_issuer(self) -> String {
        self.issuer().get("issuer").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// What to ask the user for.
    pub(super) fn question(self) -> &'static str {
        match self {
            Self::Cognito => "Which client's tokens? Its id, as in their client_id",
            Self::Entra => {
                "Which audience must they have? As in their aud: the API's id, or its URI in tokens of version 1"
            }
            Self::Supabase => "Which audience must they have? As in their aud, mostly authenticated",
            _ => "Which audience must they have? As in their aud, like https://api.example.com",
        }
    }

    /// The audience of the provider's own example.
    fn example_audience(self) -> &'static str {
        match self {
            Self::Logto => "https://api.yourapp.com",
            Self::Auth0 => "https://shop.example.com/api",
            Self::Entra => "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            Self::Keycloak => "shop-api",
            Self::Cognito => "1example23456789",
            Self::Okta => "api://default",
            Self::Supabase => "authenticated",
            Self::Oidc => "https://api.example.com",
        }
    }

    /// What the first route asks of a token for this audience: enough to keep the provider's other tokens out.
    pub(super) fn asks(self, audience: &str) -> Asked {
        let for_audience = |claims: Vec<(&'static str, serde_json::Value)>| Asked {
            audience: audience.to_owned(),
            claims,
            note: None,
        };
        match self {
            // Its access tokens name no audience.
            Self::Cognito => Asked {
                audience: "*".to_owned(),
                ..for_audience(vec![("token_use", json!("access")), ("client_id", json!(audience))])
            },
            // ID tokens can have the API's audience, but say nothing of how the client proved its identity.
            Self::Entra => Asked {
                note: Some(
                    "Access tokens of version 2 have azpacr (the API's manifest: requestedAccessTokenVersion 2).",
                ),
                ..for_audience(vec![("azpacr", json!({"any": ["0", "1", "2"]}))])
            },
            Self::Keycloak => for_audience(vec![("typ", json!("Bearer"))]),
            Self::Supabase => for_audience(vec![("role", json!("authenticated")), ("is_anonymous", json!(false))]),
            Self::Logto | Self::Auth0 | Self::Okta | Self::Oidc => for_audience(Vec::new()),
        }
    }

    /// The keys of the issuer in the policy, with another issuer in the place of the example's.
    pub(super) fn issuer_like(self, issuer: &str) -> Table {
        let example = self.example_issuer();
        let renamed = |value: Value| match value {
            Value::String(text) => Value::String(text.replace(&example, issuer)),
            other => other,
        };
        self.issuer().into_iter().map(|(key, value)| (key, renamed(value))).collect()
    }

    fn issuer(self) -> Table {
        let policy: Table = self.example().parse().unwrap_or_default();
        let issuers = policy.get("vars").and_then(|vars| vars.get("POLICY")?.get("issuers")?.get(self.issuer_name()));
        issuers.and_then(Value::as_table).cloned().unwrap_or_default()
    }

    /// Routes for such tokens, and what origins may be told, in TOML, for this audience.
    pub(super) fn examples(self, audience: &str) -> String {
        let is_example =
            |block: &&str| block.contains("[[vars.POLICY.routes]]") || block.contains("[vars.POLICY.identity");
        let is_public = |block: &&str| block.contains("access = \"public\"");
        let blocks = self.example().split("\n\n").filter(is_example).filter(|block| !is_public(block));
        blocks.map(|block| self.with_audience(block, audience)).collect::<Vec<_>>().join("\n\n")
    }

    /// An example in which this audience stands for the example's own.
    fn with_audience(self, block: &str, audience: &str) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        // Cognito's is the value of a claim.
        let key = if self == Self::Cognito { "claims = " } else { "audience = " };
        let line = |line: &str| match line.starts_with(key) {
            true => line.replace(&quoted(self.example_audience()), &quoted(audience)),
            false => line.to_owned(),
        };
        block.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The provider's example, whole.
    fn example(self) -> &'static str {
        match self {
            // The repository's own: Logto's three permission models.
            Self::Logto => include_str!("../../../wrangler.toml"),
            Self::Auth0 => include_str!("../../../examples/policies/auth0.toml"),
            Self::Entra => include_str!("../../../examples/policies/entra.toml"),
            Self::Keycloak => include_str!("../../../examples/policies/keycloak.toml"),
            Self::Cognito => include_str!("../../../examples/policies/cognito.toml"),
            Self::Okta => include_str!("../../../examples/policies/okta.toml"),
            Self::Supabase => include_str!("../../../examples/policies/supabase.toml"),
            Self::Oidc => include_str!("../../../examples/policies/oidc.toml"),
        }
    }
}
