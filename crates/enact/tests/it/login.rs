//! The device login against a login server of the test: every way it can go, and that no token shows anywhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use enact_engine::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::harness::{Place, Ran};
use crate::oauth::{Answer, OAuth, answer};

const CODE: &str = r#"{"device_code": "dc-secret", "user_code": "ABCD-EFGH", "verification_uri": "https://k.example/device",
    "verification_uri_complete": "https://k.example/device?user_code=ABCD-EFGH", "expires_in": 600, "interval": 1}"#;
const TOKEN: &str = r#"{"access_token": "at-secret", "refresh_token": "rt-secret", "token_type": "Bearer",
    "expires_in": 3600, "scope": "all"}"#;

fn code() -> Answer {
    answer("/device/authorize", 200, CODE)
}

fn refusal(word: &str) -> Answer {
    answer("/device/token", 400, &format!(r#"{{"error": "{word}"}}"#))
}

/// A place without a token in its environment.
fn place() -> Place {
    let mut place = Place::new();
    place
        .environment
        .retain(|(name, _)| name != "ENACT_KONNECT_TOKEN");
    let folder = place.work().join("../config").display().to_string();
    place.environment.push(("ENACT_CONFIG_DIR".to_owned(), folder));
    place
}

fn token_file(place: &Place) -> PathBuf {
    place.work().join("../config/default-konnect-token.json")
}

/// Runs a command with the most talkative log; no secret may be in what it prints.
#[track_caller]
fn run(place: &Place, url: &str, arguments: &[&str]) -> Ran {
    let arguments = [arguments, &["--log-level", "trace"]].concat();
    let ran = place.run_with(&[("ENACT_LOGIN_URL", url)], &arguments);
    assert!(!ran.all().contains("secret"), "{}", ran.all());
    ran
}

#[test]
fn a_login_waits_for_the_person_and_keeps_the_token_private() {
    let place = place();
    let server = OAuth::start(vec![
        code(),
        refusal("authorization_pending"),
        answer("/device/token", 200, TOKEN),
    ]);
    run(&place, &server.url, &["login"]).expect(0).says(&[
        "  https://k.example/device?user_code=ABCD-EFGH\n  code: ABCD-EFGH\n",
        "It is valid for 10 minutes.",
        "Logged in. The token is kept in ",
    ]);
    let metadata = std::fs::metadata(token_file(&place)).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let folder = std::fs::metadata(token_file(&place).parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(
        asked[0].starts_with("POST /v3/internal/oauth/device/authorize "),
        "{}",
        asked[0]
    );
    assert!(asked[2].contains("device_code=dc-secret"), "{}", asked[2]);
    // The stored login is what requests carry from now on.
    place.write("portals.yaml", "portals:\n  - { ref: a, name: a }\n");
    run(
        &place,
        &server.url,
        &["apply", "-f", "portals.yaml", "--auto-approve"],
    )
    .expect(0);
    // Logging out forgets it; a second time there is nothing to forget.
    run(&place, &server.url, &["logout"])
        .expect(0)
        .says(&["Logged out: the stored token is deleted."]);
    assert!(!token_file(&place).exists());
    run(&place, &server.url, &["logout"])
        .expect(0)
        .says(&["Nobody was logged in."]);
    run(&place, &server.url, &["plan", "-f", "portals.yaml"])
        .expect(3)
        .says(&["there is no token"]);
}

#[test]
fn the_former_name_of_the_product_is_a_warning() {
    let place = place();
    let server = OAuth::start(vec![code(), answer("/device/token", 200, TOKEN)]);
    run(&place, &server.url, &["login", "konnect"]).expect(0).says(&[
        "warning: `enact login konnect` is deprecated; use `enact login`\n",
        "Logged in.",
    ]);
    run(&place, &server.url, &["login", "gateway"])
        .expect(3)
        .says(&["invalid value 'gateway'"]);
}

#[test]
fn slow_down_makes_the_questions_rarer() {
    let place = place();
    let server = OAuth::start(vec![
        code(),
        refusal("slow_down"),
        answer("/device/token", 200, TOKEN),
    ]);
    let start = std::time::Instant::now();
    run(&place, &server.url, &["login"]).expect(0);
    // One second, then five more than that.
    assert!(
        start.elapsed() >= std::time::Duration::from_secs(7),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_login_that_is_refused_or_too_late_stores_nothing() {
    let place = place();
    let short = CODE.replace("600", "1");
    for (script, said) in [
        (
            vec![code(), refusal("access_denied")],
            "the login was not confirmed: it was refused",
        ),
        (
            vec![code(), refusal("expired_token")],
            "the login was not confirmed: its code has expired",
        ),
        (
            vec![answer("/device/authorize", 200, &short)],
            "the login was not confirmed: its code has expired",
        ),
    ] {
        let server = OAuth::start(script);
        run(&place, &server.url, &["login"])
            .expect(1)
            .says(&[&format!("error: {said}\n  hint: start again with `enact login`")]);
        assert!(!token_file(&place).exists());
    }
}

#[test]
fn answers_that_make_no_sense_store_nothing() {
    let place = place();
    let hint = "hint: a personal access token in ENACT_KONNECT_TOKEN works without a login";
    for (script, said) in [
        (
            vec![answer("/device/authorize", 200, "{")],
            "asking for a login code failed: the answer lacks a required member",
        ),
        (
            vec![answer("/device/authorize", 404, "")],
            "asking for a login code failed: the server answered 404",
        ),
        (
            vec![code(), answer("/device/token", 200, "{}")],
            "asking for the token failed: the answer holds no token",
        ),
        (
            vec![
                code(),
                answer("/device/token", 200, &TOKEN.replace("at-secret", "")),
            ],
            "asking for the token failed: the answer holds no token",
        ),
        (
            vec![
                code(),
                answer("/device/token", 200, &TOKEN.replace("at-secret", "at-sec\\nret")),
            ],
            "asking for the token failed: the answer holds no token",
        ),
        (
            vec![code(), answer("/device/token", 400, "nonsense")],
            "asking for the token failed: the server answered 400",
        ),
        (
            vec![code(), refusal("invalid_client")],
            "asking for the token failed: the server said \"invalid_client\"",
        ),
        (
            vec![answer("/device/authorize", 200, &" ".repeat(300_000))],
            "asking for a login code failed: the answer is too long",
        ),
    ] {
        let server = OAuth::start(script);
        run(&place, &server.url, &["login"])
            .expect(1)
            .says(&[&format!("error: {said}"), hint]);
        assert!(!token_file(&place).exists(), "{said}");
    }
}

#[test]
fn what_a_login_server_says_cannot_steer_the_terminal() {
    let place = place();
    let code = CODE.replace("ABCD-EFGH\",", "\\u001b[8mABCD\",");
    let server = OAuth::start(vec![
        answer("/device/authorize", 200, &code),
        refusal("access_denied"),
    ]);
    let ran = run(&place, &server.url, &["login"]).expect(1);
    assert!(!ran.stderr.contains('\x1b'), "{:?}", ran.stderr);
}

#[test]
fn a_login_goes_over_tls_or_stays_on_this_machine() {
    let place = place();
    for (url, said) in [
        ("http://192.0.2.1", "no login at http://192.0.2.1\n"),
        ("http://127.0.0.1@192.0.2.1", "the URL names a user"),
        ("nonsense", "is not a URL"),
    ] {
        run(&place, url, &["login"]).expect(3).says(&[said]);
    }
}

#[test]
fn a_place_that_cannot_keep_the_token_is_named() {
    let place = place();
    std::fs::write(place.work().join("../config"), "a file").unwrap();
    let server = OAuth::start(vec![code(), answer("/device/token", 200, TOKEN)]);
    run(&place, &server.url, &["login"]).expect(1).says(&[
        "error: the login cannot be stored at ",
        "hint: name another directory with ENACT_CONFIG_DIR",
    ]);
}

/// A stored login whose token was received just now and lives this long.
fn store(place: &Place, expires_in: i64) {
    let login = json!({
        "token": {"access_token": "old-secret", "refresh_token": "rt-secret", "token_type": "Bearer",
            "expires_in": expires_in, "scope": ""},
        "received_at": SystemClock.now().to_string(),
    });
    std::fs::create_dir_all(token_file(place).parent().unwrap()).unwrap();
    std::fs::write(token_file(place), login.to_string()).unwrap();
}

fn refreshed() -> Answer {
    Answer {
        path: "/kauth/api/v1/refresh",
        status: 200,
        headers: "set-cookie: konnectaccesstoken=new-secret; Path=/; HttpOnly\r\n\
                  set-cookie: konnectrefreshtoken=rt2-secret; Path=/; HttpOnly\r\n"
            .to_owned(),
        body: String::new(),
    }
}

const PORTALS: &str = r#"{"data": [], "meta": {"page": {"number": 1, "size": 100, "total": 0}}}"#;

/// The plan of one portal against a server of the script, with the stored login.
fn plan(place: &Place, server: &OAuth) -> Ran {
    place.write("portals.yaml", "portals:\n  - { ref: a, name: a }\n");
    let arguments = ["get", "portals", "--konnect", server.url.as_str()];
    run(place, &server.url, &arguments)
}

#[test]
fn a_token_that_is_refused_is_refreshed_once_and_the_request_sent_again() {
    let place = place();
    store(&place, 3600);
    let server = OAuth::start(vec![
        answer("/v3/portals?page%5Bsize%5D=100&page%5Bnumber%5D=1", 401, "{}"),
        refreshed(),
        answer("/v3/portals?page%5Bsize%5D=100&page%5Bnumber%5D=1", 200, PORTALS),
    ]);
    plan(&place, &server).expect(0);
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "{asked:#?}");
    assert!(asked[0].contains("Bearer old-secret"), "{}", asked[0]);
    assert!(
        asked[1].starts_with("POST /kauth/api/v1/refresh "),
        "{}",
        asked[1]
    );
    assert!(asked[1].contains("konnectrefreshtoken=rt-secret"), "{}", asked[1]);
    assert!(!asked[1].contains("old-secret"), "{}", asked[1]);
    assert!(asked[2].contains("Bearer new-secret"), "{}", asked[2]);
    // Both new tokens are kept, as privately as before.
    let kept: Value = serde_json::from_slice(&std::fs::read(token_file(&place)).unwrap()).unwrap();
    assert_eq!(kept["token"]["access_token"], "new-secret");
    assert_eq!(kept["token"]["refresh_token"], "rt2-secret");
    let mode = std::fs::metadata(token_file(&place))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_token_about_to_end_is_refreshed_before_it_is_sent() {
    let place = place();
    store(&place, 30);
    let server = OAuth::start(vec![
        refreshed(),
        answer("/v3/portals?page%5Bsize%5D=100&page%5Bnumber%5D=1", 200, PORTALS),
    ]);
    plan(&place, &server).expect(0);
    let asked = server.asked();
    assert_eq!(asked.len(), 2, "{asked:#?}");
    assert!(asked[1].contains("Bearer new-secret"), "{}", asked[1]);
}

#[test]
fn a_refresh_that_fails_says_to_log_in_again_and_keeps_the_stored_login() {
    let place = place();
    let (status, empty) = (
        answer("/kauth/api/v1/refresh", 401, "{\"leak\": \"rt-secret\"}"),
        answer("/kauth/api/v1/refresh", 200, ""),
    );
    for (refresh, said) in [
        (status, "refreshing the login failed: the server answered 401"),
        (empty, "refreshing the login failed: the answer holds no token"),
    ] {
        store(&place, 3600);
        let before = std::fs::read(token_file(&place)).unwrap();
        let server = OAuth::start(vec![
            answer("/v3/portals?page%5Bsize%5D=100&page%5Bnumber%5D=1", 401, "{}"),
            refresh,
        ]);
        plan(&place, &server)
            .expect(1)
            .says(&[said, "hint: log in again: enact login"]);
        assert_eq!(std::fs::read(token_file(&place)).unwrap(), before);
        assert_eq!(server.asked().len(), 2);
    }
}
