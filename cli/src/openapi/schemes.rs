//! Security schemes: which of them are tokens that the gate verifies, and who issues them.

use portcullis::policy::url::discovery_url;

use super::tree::TreeNode;

/// What OpenID Connect Discovery 1.0 §4 appends to an issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A security scheme of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SecurityScheme {
    /// A bearer token.
    Token(TokenScheme),
    /// Something else, described in words.
    Other(String),
    /// Why it cannot be read.
    Unreadable(String),
}

/// A security scheme with bearer tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TokenScheme {
    /// The issuer; `None` if the document does not name it.
    pub(super) issuer: Option<String>,
    /// A hint at the issuer, from the document.
    pub(super) hint: Option<String>,
    /// The format of its tokens, if the document names one that is not JWT.
    pub(super) format: Option<String>,
    /// The scopes that it declares; `None` if it cannot declare any.
    pub(super) declared: Option<Vec<String>>,
}

impl SecurityScheme {
    /// Reads a member of `securitySchemes` whose references have been followed.
    pub(super) fn read(scheme: &TreeNode<'_>) -> Self {
        match scheme.text_of("type") {
            Some("oauth2") => Self::Token(oauth2(scheme)),
            Some("openIdConnect") => Self::Token(open_id_connect(scheme)),
            Some("http") => http(scheme),
            Some("apiKey") => Self::Other(format!(
                "is an API key in a {}",
                scheme.text_of("in").unwrap_or("place that it does not name")
            )),
            Some("mutualTLS") => Self::Other("is mutual TLS".to_owned()),
            Some(other) => Self::Other(format!("has the type {other:?}")),
            None => Self::Other("has no type".to_owned()),
        }
    }
}

fn http(scheme: &TreeNode<'_>) -> SecurityScheme {
    let name = scheme.text_of("scheme").unwrap_or_default();
    if !name.eq_ignore_ascii_case("bearer") {
        return SecurityScheme::Other(format!("is HTTP authentication with the scheme {name:?}"));
    }
    let format = scheme.text_of("bearerFormat").filter(|format| !format.eq_ignore_ascii_case("jwt"));
    SecurityScheme::Token(TokenScheme { format: format.map(str::to_owned), ..TokenScheme::default() })
}

fn open_id_connect(scheme: &TreeNode<'_>) -> TokenScheme {
    let url = scheme.text_of("openIdConnectUrl");
    let issuer = url.and_then(|url| url.strip_suffix(WELL_KNOWN)).filter(|issuer| discovery_url(issuer).is_ok());
    let hint = url.map(|url| format!("its openIdConnectUrl is {url}"));
    TokenScheme { issuer: issuer.map(str::to_owned), hint, ..TokenScheme::default() }
}

fn oauth2(scheme: &TreeNode<'_>) -> TokenScheme {
    let flows: Vec<TreeNode<'_>> = scheme
        .member("flows")
        .into_iter()
        .flat_map(|flows| flows.members().map(|(_, flow)| flow).collect::<Vec<_>>())
        .collect();
    let url = |name: &str| Some(format!("its {name} is {}", flows.iter().find_map(|flow| flow.text_of(name))?));
    let scopes = flows.iter().filter_map(|flow| flow.member("scopes"));
    let declared = scopes.flat_map(|scopes| scopes.members().map(|(name, _)| name.to_owned()).collect::<Vec<_>>());
    TokenScheme {
        issuer: None,
        hint: url("tokenUrl").or_else(|| url("authorizationUrl")),
        declared: Some(declared.collect()),
        ..TokenScheme::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::yaml;
    use super::*;

    fn read(text: &str) -> SecurityScheme {
        SecurityScheme::read(&TreeNode::root(&yaml(text)))
    }

    fn token(text: &str) -> TokenScheme {
        match read(text) {
            SecurityScheme::Token(scheme) => scheme,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_discovery_url_tells_the_issuer() {
        let issuer = |url: &str| token(&format!("{{type: openIdConnect, openIdConnectUrl: '{url}'}}")).issuer;
        let issuer_of = |url: &str| issuer(&format!("{url}/.well-known/openid-configuration"));
        assert_eq!(issuer_of("https://t.logto.app/oidc"), Some("https://t.logto.app/oidc".to_owned()));
        assert_eq!(issuer_of("http://localhost:1/oidc"), Some("http://localhost:1/oidc".to_owned()));
        for url in ["http://a.com", "/oidc", "", "https://u@a.com", "https://a.com?x="] {
            assert_eq!(issuer_of(url), None, "{url}");
        }
        assert_eq!(issuer("https://t.logto.app/oidc"), None, "no discovery URL");
        assert_eq!(token("{type: openIdConnect}"), TokenScheme::default());
    }

    #[test]
    fn oauth2_only_hints_at_the_issuer() {
        let scheme = token(
            "{type: oauth2, flows: {implicit: {authorizationUrl: https://a, scopes: {x: '', y: ''}},
             clientCredentials: {tokenUrl: https://t, scopes: {z: ''}}}}",
        );
        let declared = ["x", "y", "z"].map(str::to_owned).to_vec();
        let hint = Some("its tokenUrl is https://t".to_owned());
        assert_eq!(scheme, TokenScheme { hint, declared: Some(declared), ..TokenScheme::default() });
        assert_eq!(token("{type: oauth2}"), TokenScheme { declared: Some(vec![]), ..TokenScheme::default() });
    }

    #[test]
    fn what_is_no_bearer_token_is_not_checked() {
        assert_eq!(token("{type: http, scheme: Bearer}"), TokenScheme::default());
        assert_eq!(token("{type: http, scheme: bearer, bearerFormat: JWT}"), TokenScheme::default());
        assert_eq!(token("{type: http, scheme: bearer, bearerFormat: opaque}").format.as_deref(), Some("opaque"));
        for text in [
            "{type: http, scheme: basic}",
            "{type: http}",
            "{type: apiKey, in: cookie}",
            "{type: mutualTLS}",
            "{type: OAuth2}",
            "{}",
            "x",
        ] {
            assert!(matches!(read(text), SecurityScheme::Other(_)), "{text}");
        }
    }
}
