//! How the API says no: always the same shape, `{"error": {"code": …, "message": …}}`.

use crate::http::Response;
use crate::json::Json;

/// The code is for programs, the message for people.
pub fn response(status: u16, message: &str) -> Response {
    let code = match status {
        400 => "bad_request",
        401 => "unauthorized",
        404 => "not_found",
        405 => "method_not_allowed",
        411 => "length_required",
        413 => "too_large",
        422 => "invalid_field",
        431 => "too_large",
        _ => "internal",
    };
    let body = Json::Object(vec![(
        "error".into(),
        Json::Object(vec![
            ("code".into(), Json::text(code)),
            ("message".into(), Json::text(message)),
        ]),
    )]);
    let response = Response::json(status, &body);
    match status {
        401 => response.with_header("WWW-Authenticate", "Bearer"),
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_break_out_of_its_text() {
        let answer = response(422, "title \"x\"\nmust …");
        assert_eq!(
            answer.body,
            r#"{"error":{"code":"invalid_field","message":"title \"x\"\nmust …"}}"#
        );
    }
}
