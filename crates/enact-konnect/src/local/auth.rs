//! Who may do what on the local Konnect: a bearer token, and token prefixes that stand for missing rights.

use axum::http::{HeaderMap, Method, StatusCode, header};

use super::problem::Problem;

/// Tokens with this prefix have no right to write; `forbidden-write` tokens may read, other `forbidden` tokens may not.
pub const FORBIDDEN_PREFIX: &str = "forbidden";

const READ_ONLY_PREFIX: &str = "forbidden-write";

/// What an operation asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// A known token is enough (identity).
    Token,
    /// The token must also carry the right to read or write the resource.
    Rights,
}

/// Checks the `Authorization` header.
///
/// # Errors
/// 401 without the expected token (any non-empty one when none is expected), 403 when rights are missing.
pub(super) fn admit(
    headers: &HeaderMap,
    expected: Option<&str>,
    method: &Method,
    access: Access,
) -> Result<(), Problem> {
    let token = bearer(headers).unwrap_or_default();
    // A forbidden token is known to the server, so it is told apart from a wrong one.
    let known = !token.is_empty()
        && expected.is_none_or(|expected| token == expected || token.starts_with(FORBIDDEN_PREFIX));
    if !known {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "Invalid credentials"));
    }
    let refused = if token.starts_with(READ_ONLY_PREFIX) {
        method != Method::GET
    } else {
        token.starts_with(FORBIDDEN_PREFIX)
    };
    if refused && access == Access::Rights {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "You do not have permission to perform this action",
        ));
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
