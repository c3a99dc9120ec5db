//! JSON Web Tokens with HS256 (RFC 7519, RFC 7515). No other algorithm is accepted, `none` least of all.

use crate::crypto::{base64url, equal, from_base64url, hmac_sha256};
use crate::json::{Json, parse};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whom the token speaks for.
    pub sub: String,
    /// Seconds since 1970 from which the token is no longer accepted.
    pub exp: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtError {
    Malformed,
    Algorithm,
    Signature,
    Expired,
}

pub fn sign(claims: &Claims, secret: &[u8]) -> String {
    let header = base64url(br#"{"alg":"HS256","typ":"JWT"}"#);
    let body = Json::Object(vec![
        ("sub".into(), Json::text(&claims.sub)),
        ("exp".into(), Json::Number(claims.exp as f64)),
    ]);
    let signed = format!("{header}.{}", base64url(body.to_string().as_bytes()));
    let signature = base64url(&hmac_sha256(secret, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Checks the signature before it believes anything that the token says.
pub fn verify(token: &str, secret: &[u8], now: u64) -> Result<Claims, JwtError> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, body, signature] = parts[..] else {
        return Err(JwtError::Malformed);
    };
    if object(header)?.get("alg").and_then(Json::as_text) != Some("HS256") {
        return Err(JwtError::Algorithm);
    }
    let expected = hmac_sha256(secret, format!("{header}.{body}").as_bytes());
    let given = from_base64url(signature).ok_or(JwtError::Malformed)?;
    if !equal(&given, &expected) {
        return Err(JwtError::Signature);
    }
    let body = object(body)?;
    let sub = body
        .get("sub")
        .and_then(Json::as_text)
        .ok_or(JwtError::Malformed)?;
    let exp = body
        .get("exp")
        .and_then(Json::as_u64)
        .ok_or(JwtError::Malformed)?;
    if exp <= now {
        return Err(JwtError::Expired);
    }
    Ok(Claims { sub: sub.into(), exp })
}

fn object(part: &str) -> Result<Json, JwtError> {
    let bytes = from_base64url(part).ok_or(JwtError::Malformed)?;
    let text = String::from_utf8(bytes).map_err(|_| JwtError::Malformed)?;
    match parse(&text) {
        Ok(object @ Json::Object(_)) => Ok(object),
        _ => Err(JwtError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_it_expires_and_for_one_secret() {
        let claims = Claims {
            sub: "ana".into(),
            exp: 1000,
        };
        let token = sign(&claims, b"secret");
        assert_eq!(verify(&token, b"secret", 999), Ok(claims));
        assert_eq!(verify(&token, b"secret", 1000), Err(JwtError::Expired));
        assert_eq!(verify(&token, b"other", 999), Err(JwtError::Signature));
    }
}
