//! The first tests of a policy.

use toml::{Table, Value};

use super::template::Asked;

/// Writes tests of the policy that `init` writes.
pub(super) fn write(asked: &Asked) -> String {
    let head = "#:schema ./node_modules/portcullis/schema/tests.schema.json\n\n\
                # Tests of the policy: `npm test` runs them. Add one for each route.\n";
    let no_token = r#"[[tests]]
name = "without a token no one is let through"
url = "/"
expect = { status = 401, code = "auth.authorization_header_missing" }
"#;
    if asked.audience.contains('{') {
        return format!("{head}\n{no_token}");
    }
    let mut claims = Table::new();
    if asked.audience != "*" {
        claims.insert("aud".to_owned(), Value::from(asked.audience.as_str()));
    }
    claims.extend(asked.of_a_token().filter_map(|(name, is)| Some((name.to_owned(), Value::try_from(is).ok()?))));
    let allowed = r#"[[tests]]
name = "a token for this API is let through"
url = "/products/7"
claims = { sub = "user" }
expect = { decision = "allow", headers = { x-auth-subject = "user" } }
"#;
    let refused = match asked.claims.last() {
        _ if asked.audience != "*" => ("aud", "auth.invalid_audience"),
        Some((name, _)) => (*name, "auth.claim_mismatch"),
        None => return format!("{head}\n{allowed}\n{no_token}"),
    };
    format!(
        r#"{head}
[claims] # of every caller that has any; iss, iat and exp are added
{claims}
{allowed}
{no_token}
[[tests]]
name = "a token for something else is refused"
url = "/products/7"
claims = {{ {} = "https://other.example.com/" }}
expect = {{ status = 403, code = "{}" }}
"#,
        refused.0, refused.1
    )
}
