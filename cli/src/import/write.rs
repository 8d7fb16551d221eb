//! Writes a policy for people.

use serde::Serialize;
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::openapi::{Import, RemarkKind};
use crate::output::printable;
use crate::schema::spec::PolicySpec;

/// The table of wrangler.toml that contains the policy.
const VARIABLE: &str = "vars.POLICY";

/// Writes a policy in TOML: as a policy file, or as part of wrangler.toml. Comments say what is denied and what is left
/// out.
pub(super) fn toml(
    policy: &PolicySpec,
    import: &Import,
    name: &str,
    is_wrangler: bool,
) -> Result<String, toml::ser::Error> {
    let prefix = if is_wrangler { format!("{VARIABLE}.") } else { String::new() };
    let mut text = comment(&format!("Imported from {name} by `portcullis import openapi`."));
    text.extend(is_wrangler.then(|| format!("[{VARIABLE}]\n")));
    text.push_str("version = 1\n");
    text.extend(policy.origin.as_deref().map(|origin| format!("origin = {}\n", Value::from(origin))));
    for (name, issuer) in &policy.issuers {
        text.push_str(&format!("\n[{prefix}issuers.{}]\n{}", key(name), entries(issuer)?));
    }
    for (route, imported) in policy.routes.iter().zip(&import.routes) {
        text.push('\n');
        text.extend(imported.reasons.iter().map(|reason| comment(&format!("Denied: {reason}."))));
        text.push_str(&format!("[[{prefix}routes]]\n{}", entries(route)?));
    }
    for remark in import.remarks.iter().filter(|remark| remark.kind == RemarkKind::LeftOut) {
        text.push_str(&format!("\n{}", comment(&format!("Left out: {}:", remark.message))));
        text.extend(remark.places.iter().map(|place| comment(&format!("  {place}"))));
    }
    Ok(text)
}

/// The members of a table, one per line; nested tables are inline.
fn entries(table: &impl Serialize) -> Result<String, toml::ser::Error> {
    let table = Table::try_from(table)?;
    Ok(table.into_iter().map(|(name, value)| format!("{} = {value}\n", key(&name))).collect())
}

/// A key in TOML: bare if possible.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    // A JSON string is also a TOML string, except for an unescaped DEL.
    let quoted = || Json::from(name).to_string().replace('\u{7f}', "\\u007f");
    if is_bare { name.to_owned() } else { quoted() }
}

/// A comment line. Control characters are escaped, so nothing can end it early.
fn comment(text: &str) -> String {
    format!("# {}\n", printable(text))
}
