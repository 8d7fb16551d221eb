//! Documents by HTTP, as the Worker fetches them: one answer within a time, no redirects, a bounded body in UTF-8.

use std::time::Duration;

use portcullis::platform::{Fault, Fetched, Get};
use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::{Agent, Body};

/// Gets a document.
pub(crate) fn get(request: Get<'_>) -> Result<Fetched, Fault> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_millis(request.timeout_ms.into())))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .into();
    let mut call = agent.get(request.url).header(header::ACCEPT, "application/json");
    if let Some(etag) = request.etag {
        call = call.header(header::IF_NONE_MATCH, etag);
    }
    let answer = call.call().map_err(|error| Fault(error.to_string()))?;
    read(answer, request.max_bytes)
}

fn read(mut answer: Response<Body>, max_bytes: usize) -> Result<Fetched, Fault> {
    let cache_control = text(answer.headers(), header::CACHE_CONTROL);
    match answer.status() {
        StatusCode::OK => {
            let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
            // The reader counts a body of just so many bytes as too long.
            let body = answer.body_mut().with_config().limit(limit.saturating_add(1)).read_to_vec();
            let body = body.map_err(|error| match error {
                ureq::Error::BodyExceedsLimit(_) => Fault(format!("the body is over {max_bytes} bytes")),
                error => Fault(error.to_string()),
            })?;
            let body = String::from_utf8(body).map_err(|_| Fault("the body is not UTF-8".to_owned()))?;
            Ok(Fetched::Document { body, etag: text(answer.headers(), header::ETAG), cache_control })
        }
        StatusCode::NOT_MODIFIED => Ok(Fetched::NotModified { cache_control }),
        status => Err(Fault(format!("status {}", status.as_u16()))),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
