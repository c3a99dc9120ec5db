//! Who is asking: the middleware in front of every route.

use crate::jwt::{Claims, verify};

/// Takes the value of the `Authorization` header. The caller learns only that it was refused, not why.
pub fn authenticate(authorization: Option<&str>, secret: &[u8], now: u64) -> Option<Claims> {
    let (scheme, token) = authorization?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    verify(token.trim(), secret, now).ok()
}
