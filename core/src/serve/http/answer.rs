//! What goes back: `{"success", "data", "error"}`, and the status of each kind of error (`docs/errors.md`).

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// The header that names the kind of an error.
const KIND: HeaderName = HeaderName::from_static("headwater-kind");

/// What a handler gives.
pub(super) type Answer = Result<Response, Refused>;

/// Why a request was not done.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

/// It was done, and this is what it came to.
pub(super) fn done(data: impl Serialize) -> Response {
    envelope(StatusCode::OK, &Envelope { success: true, data: Some(data), error: None })
}

/// What is around every answer.
#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    data: Option<T>,
    error: Option<&'a str>,
}

/// An object of these fields.
pub(super) fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn envelope<T: Serialize>(status: StatusCode, body: &Envelope<'_, T>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

impl Refused {
    fn of(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> Refused {
        Refused { status, kind, message: message.into(), retry_after: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Refused {
        Refused::of(StatusCode::BAD_REQUEST, ErrorKind::Invalid, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Refused {
        Refused::of(StatusCode::NOT_FOUND, ErrorKind::NotFound, message)
    }

    /// Nobody knows who asks.
    pub(super) fn unknown(message: impl Into<String>) -> Refused {
        Refused::of(StatusCode::UNAUTHORIZED, ErrorKind::Invalid, message)
    }

    /// Who asks is known, and may not.
    pub(super) fn forbidden(message: impl Into<String>) -> Refused {
        Refused::of(StatusCode::FORBIDDEN, ErrorKind::Invalid, message)
    }

    pub(super) fn method() -> Refused {
        let message = "this path has no such method: /api/openapi.json names those that there are";
        Refused::of(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::Invalid, message)
    }

    pub(super) fn too_large(max: usize) -> Refused {
        let message = format!("a body has {max} bytes at the most here");
        Refused::of(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::Invalid, message)
    }

    pub(super) fn too_slow(patience: Duration) -> Refused {
        let message = format!("the body took more than {} s to come", patience.as_secs());
        Refused::of(StatusCode::REQUEST_TIMEOUT, ErrorKind::Timeout, message)
    }

    pub(super) fn too_often(after: Duration) -> Refused {
        let refused = Refused::of(StatusCode::TOO_MANY_REQUESTS, ErrorKind::Limit, "these are too many requests");
        Refused { retry_after: Some(after), ..refused }
    }

    pub(super) fn full(message: impl Into<String>) -> Refused {
        let refused = Refused::of(StatusCode::SERVICE_UNAVAILABLE, ErrorKind::Limit, message);
        Refused { retry_after: Some(Duration::from_secs(5)), ..refused }
    }
}

/// The status of a kind, as `docs/errors.md` has it.
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Limit => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Closed => StatusCode::GONE,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Io | ErrorKind::Corrupt | ErrorKind::Misuse | ErrorKind::Internal => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::of(status_of(error.kind()), error.kind(), error.message())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response =
            envelope::<()>(self.status, &Envelope { success: false, data: None, error: Some(&self.message) });
        let headers = response.headers_mut();
        headers.insert(KIND, HeaderValue::from_static(self.kind.name()));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs_f64().ceil() as u64));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_table() {
        let table = include_str!("../../../../docs/errors.md");
        for kind in ErrorKind::ALL {
            let row = table.lines().find(|line| line.starts_with(&format!("| `{}` |", kind.name())));
            let row = row.expect("each kind has a row");
            let status = row.split('|').nth(7).expect("a column").trim();
            assert_eq!(status, status_of(kind).as_str(), "{row}");
        }
    }
}
