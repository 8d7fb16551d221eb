//! Logto's webhooks (<https://docs.logto.io/developers/webhooks/webhooks-request>): what they revoke.

use super::entry::Entry;
use crate::jose::json::{Json, Object};
use crate::policy::Issuer;
use crate::time::UnixSeconds;

/// The header with the signature of a webhook, in lower case.
pub const LOGTO_SIGNATURE: &str = "logto-signature-sha-256";

/// What an event revokes: nothing, if it is no event that takes something away from a user.
///
/// # Errors
/// What is wrong with the body. An event that lacks what it should name revokes nothing else in its place.
pub fn entries(body: &str, issuer: &Issuer, now: UnixSeconds) -> Result<Vec<Entry>, String> {
    let body = Json::parse(body).map_err(|error| format!("expected an event in JSON: {error}"))?;
    let event = body.as_object().ok_or("expected an event in JSON")?;
    let name = text(event, "event").ok_or("expected a name at event")?;
    // A clock ahead of this one must not revoke tokens of the time to come.
    let latest = now.plus(1);
    let before = text(event, "createdAt").and_then(UnixSeconds::from_iso).map_or(latest, |at| at.min(latest));
    let entry = |named: &[(&'static str, &str)]| {
        Entry::new(&issuer.issuer, named, before).ok_or_else(|| "an identifier is too long".to_owned())
    };
    match name {
        "User.Deleted" => {
            let user = user_of(event).ok_or("expected a user at params.userId")?;
            Ok(vec![entry(&[("sub", user)])?])
        }
        "User.SuspensionStatus.Updated" => match object(event, "data").and_then(|user| user.get("isSuspended")) {
            Some(Json::Bool(true)) => {
                let user = user_of(event).ok_or("expected a user at data.id")?;
                Ok(vec![entry(&[("sub", user)])?])
            }
            Some(Json::Bool(false)) => Ok(Vec::new()),
            _ => Err("expected true or false at data.isSuspended".to_owned()),
        },
        "Organization.Membership.Updated" => {
            let Some(removed) = event.get("removedUserIds") else { return Ok(Vec::new()) };
            let organization = text(event, "organizationId").ok_or("expected an organization at organizationId")?;
            let removed = removed.as_array().ok_or("expected a list at removedUserIds")?;
            let users = removed.iter().map(|user| user.as_str().filter(|user| !user.is_empty()));
            let entry = |user: Option<&str>| {
                entry(&[("sub", user.ok_or("expected users at removedUserIds")?), ("organization", organization)])
            };
            users.map(entry).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// The user that an event is about: in the path of the call that caused it, or as an entity.
fn user_of<'j>(event: &'j Object<'_>) -> Option<&'j str> {
    let of_path = object(event, "params").and_then(|params| text(params, "userId"));
    of_path.or_else(|| text(object(event, "data")?, "id"))
}

fn object<'j>(object: &'j Object<'_>, name: &str) -> Option<&'j Object<'j>> {
    object.get(name)?.as_object()
}

/// A member that is a text, and not empty.
fn text<'j>(object: &'j Object<'_>, name: &str) -> Option<&'j str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}
