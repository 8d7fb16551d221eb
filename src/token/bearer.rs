//! The token in a request's `Authorization` header (RFC 6750 §2.1, RFC 9110 §11.4), or in another one that a route names.

use crate::denial::Denial;
use crate::route::header::is_alike;
use crate::route::syntax::is_token_char;

/// Extracts the bearer token from the value of the `Authorization` header. Several headers arrive as one value, joined
/// by commas. `Ok(None)` if the header is absent or empty.
///
/// # Errors
/// [`Denial::UnsupportedScheme`] for another scheme; [`Denial::MalformedAuthorization`] for several headers, and for
/// `Bearer` that is not followed by one or more spaces and one `b64token`.
pub fn extract(authorization: Option<&str>) -> Result<Option<&str>, Denial> {
    let value = authorization.unwrap_or_default().trim_matches(' ');
    if value.is_empty() {
        return Ok(None);
    }
    if !is_bearer(value) {
        return Err(if is_several(value) { Denial::MalformedAuthorization } else { Denial::UnsupportedScheme });
    }
    let token = value.get("Bearer".len()..).unwrap_or_default();
    match token.strip_prefix(' ').map(|token| token.trim_start_matches(' ')) {
        Some(token) if is_b64token(token) => Ok(Some(token)),
        _ => Err(Denial::MalformedAuthorization),
    }
}

/// Extracts the token from the header of this lower-case name, which contains nothing else, no scheme either. `headers`
/// are those of the request, with their names in lower case. `Ok(None)` if the header is absent or empty.
///
/// # Errors
/// [`Denial::MalformedAuthorization`] for anything but one `b64token`, and for a header that an origin may take for this
/// one: it could read another token than the one that was checked.
pub fn extract_bare<'r>(headers: &[(&'r str, &'r str)], name: &str) -> Result<Option<&'r str>, Denial> {
    let mut alike = headers.iter().filter(|(known, _)| is_alike(known, name));
    let token = match (alike.next(), alike.next()) {
        (None, _) => return Ok(None),
        (Some((known, value)), None) if *known == name => value.trim_matches(' '),
        _ => return Err(Denial::MalformedAuthorization),
    };
    match token {
        "" => Ok(None),
        _ if is_b64token(token) => Ok(Some(token)),
        _ => Err(Denial::MalformedAuthorization),
    }
}

/// Whether a value's scheme is `Bearer`, in any case.
fn is_bearer(value: &str) -> bool {
    let (scheme, _) = split_token(value);
    scheme.eq_ignore_ascii_case("Bearer")
}

/// Whether several headers were joined: a comma is followed by a scheme, not by another parameter of the first.
fn is_several(value: &str) -> bool {
    // Commas inside quotes do not count.
    let unquoted: Vec<&str> = value.split('"').step_by(2).collect();
    unquoted.join("\"").split(',').skip(1).any(|next| {
        let (token, rest) = split_token(next.trim_start());
        !token.is_empty() && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// A token (RFC 9110 §5.6.2) at the start of a text, and what follows it.
fn split_token(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(|b| is_token_char(*b)).count())
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    // No early exit, which would cost more than it saves: nearly all tokens are valid to the end.
    !body.is_empty() && body.bytes().fold(true, |all, b| all & IS_B64.get(usize::from(b)).is_some_and(|is| *is))
}

/// Whether a byte may be in the body of a `b64token`: comparing each of a token's bytes with ranges takes longer than all
/// other checks of the token's form.
#[expect(clippy::indexing_slicing, reason = "the compiler computes it")]
const IS_B64: [bool; 256] = {
    let mut is_b64 = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        is_b64[byte] = matches!(
            byte as u8,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/'
        );
        byte += 1;
    }
    is_b64
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_and_an_empty_one_are_none() {
        assert_eq!(extract(None), Ok(None));
        assert_eq!(extract(Some("")), Ok(None));
        assert_eq!(extract(Some("  ")), Ok(None));
    }

    #[test]
    fn another_header_contains_one_bare_token() {
        let extract = |headers: &[(&'static str, &'static str)]| extract_bare(headers, "x-token");
        assert_eq!(extract(&[("authorization", "Bearer a"), ("x-tokens", "b"), ("xtoken", "c")]), Ok(None));
        for empty in ["", " "] {
            assert_eq!(extract(&[("x-token", empty)]), Ok(None));
        }
        for value in ["a.b-c_~+/==", " a.b-c_~+/== "] {
            assert_eq!(extract(&[("authorization", ""), ("x-token", value)]), Ok(Some("a.b-c_~+/==")), "{value}");
        }
        for value in ["Bearer a", "a b", "a,b", "a, b", "a, a", "=", "\"a\"", "é", "\ta", ","] {
            assert_eq!(extract(&[("x-token", value)]), Err(Denial::MalformedAuthorization), "{value}");
        }
        for other in ["x_token", "x.token", "x!token"] {
            for headers in [&[("x-token", "a"), (other, "b")][..], &[(other, "a"), ("x-token", "a")], &[(other, "")]] {
                assert_eq!(extract(headers), Err(Denial::MalformedAuthorization), "{headers:?}");
            }
        }
        assert_eq!(extract(&[("x-token", "a"), ("x-token", "a")]), Err(Denial::MalformedAuthorization));
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for value in ["Bearer a.b-c_~+/==", "bearer a.b-c_~+/==", "BEARER   a.b-c_~+/=="] {
            assert_eq!(extract(Some(value)), Ok(Some("a.b-c_~+/==")), "{value}");
        }
        for value in
            ["Basic YTpi", "Bearers x", "Bearerx", "Bear x", "Token x", "Digest a=\"b, c d\", e=\"f\"", "é", "DPoP x"]
        {
            assert_eq!(extract(Some(value)), Err(Denial::UnsupportedScheme), "{value}");
        }
    }

    #[test]
    fn one_token_follows_one_space_or_more() {
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer\tx",
            "Bearer x y",
            "Bearer x, Bearer y",
            "Bearer x,y",
            "Bearer =",
            "Bearer x=y",
            "Bearer \"x\"",
            "Bearer é",
            "Bearer,x",
            "Bearer \tx",
            "Bearer x\t",
            "Basic YTpi, Bearer x",
            "Basic YTpi,bearer x",
            "Basic YTpi, Basic YTpi",
            "Basic YTpi, Negotiate",
            "Bearer x, ",
        ] {
            assert_eq!(extract(Some(value)), Err(Denial::MalformedAuthorization), "{value}");
        }
    }
}
