//! The first tests of a policy.

use std::path::Path;

use toml::Value;

/// The schema of files of tests, relative to the root of a checkout.
const SCHEMA: &str = "schema/tests.schema.json";

/// Writes tests of the policy that `init` writes.
pub(super) fn write(audience: &str, dir: &Path) -> String {
    let schema = if dir.join(SCHEMA).is_file() { format!("#:schema ./{SCHEMA}\n\n") } else { String::new() };
    let no_token = r#"[[tests]]
name = "without a token no one is let through"
url = "/"
expect = { status = 401, code = "auth.authorization_header_missing" }
"#;
    let head = "# Tests of the policy: `portcullis test` runs them. Add one for each route.\n";
    if audience == "*" || audience.contains('{') {
        return format!("{schema}{head}\n{no_token}");
    }
    let audience = Value::from(audience);
    format!(
        r#"{schema}{head}
[claims] # of every caller that has any; iss, iat and exp are added
aud = {audience}

[[tests]]
name = "a token for this audience is let through"
url = "/products/7"
claims = {{ sub = "user" }}
expect = {{ decision = "allow", headers = {{ x-auth-subject = "user" }} }}

{no_token}
[[tests]]
name = "a token for another audience is refused"
url = "/products/7"
claims = {{ aud = "https://other.example.com/" }}
expect = {{ status = 403, code = "auth.invalid_audience" }}
"#
    )
}
