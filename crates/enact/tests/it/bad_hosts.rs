//! Tokens and hosts: nobody gets a token who should not, and what is missing is said before any request.

use std::net::TcpListener;

use crate::harness::Place;

const ONE: &str = "portals:\n  - { ref: a, name: a }\n";
const PLAN: [&str; 3] = ["plan", "-f", "portals.yaml"];
const APPLY: [&str; 4] = ["apply", "-f", "portals.yaml", "--auto-approve"];

fn place() -> Place {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
}

/// A second server, which must not be asked anything.
fn bystander() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/v3/portals", listener.local_addr().unwrap());
    (listener, url)
}

#[track_caller]
fn assert_nobody_came(listener: &TcpListener) {
    let came = listener.accept();
    let nobody = came
        .as_ref()
        .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(nobody, "{came:?}");
}

#[test]
fn without_a_token_the_ways_to_get_one_are_named() {
    let mut place = place();
    place
        .environment
        .retain(|(name, _)| name != "ENACT_KONNECT_TOKEN");
    place.run(&APPLY).expect(3).says(&[
        "error: there is no token: no login is stored at ",
        "/home/.config/enact/default-konnect-token.json\n",
        "  hint: log in with `enact login`, or set ENACT_KONNECT_TOKEN",
        "--konnect local",
    ]);
    assert_eq!(place.requests(), [""; 0]);
    // A file that is no login is not taken for one, and what it holds is not shown.
    place.write(
        "config/default-konnect-token.json",
        "{\"token\": \"kpat_secret\"}",
    );
    let folder = place.work().join("config");
    let ran = place
        .run_with(&[("ENACT_CONFIG_DIR", folder.to_str().unwrap())], &APPLY)
        .expect(3)
        .says(&["default-konnect-token.json is not readable: it is not a stored login"]);
    assert!(!ran.all().contains("kpat_secret"), "{}", ran.all());
    assert_eq!(place.requests(), [""; 0]);
}

#[test]
fn without_a_target_the_ways_to_name_one_are_named() {
    let mut place = place();
    place.environment.retain(|(name, _)| name != "ENACT_KONNECT");
    place
        .run(&APPLY)
        .expect(3)
        .says(&["error: no Konnect is named\n", "--konnect local", "--region eu"]);
}

#[test]
fn a_token_that_no_header_can_hold_is_invalid_input() {
    let place = place();
    for token in ["kpat_se\ncret", "kpat_se\rcret", "kpat_\u{7f}secret"] {
        let ran = place
            .run_with(&[("ENACT_KONNECT_TOKEN", token)], &APPLY)
            .expect(3)
            .says(&[
                "error: the token holds characters that no HTTP header can hold\n",
                "  hint: it must be one line: check ENACT_KONNECT_TOKEN",
            ]);
        assert!(!ran.all().contains("kpat_"), "{}", ran.all());
    }
    assert_eq!(place.requests(), [""; 0]);
    // The line break at the end of a file is no part of a token.
    place
        .run_with(&[("ENACT_KONNECT_TOKEN", "good\n")], &APPLY)
        .expect(0);
}

#[test]
fn a_token_goes_to_konnect_and_this_machine_only() {
    let place = place();
    for (url, host) in [
        (
            "http://eu.api.konghq.com",
            "plain http is for loopback addresses only",
        ),
        (
            "http://192.0.2.1:8000",
            "plain http is for loopback addresses only",
        ),
        (
            "http://127.0.0.1.example.com",
            "plain http is for loopback addresses only",
        ),
        ("https://example.com", "--allow-host example.com"),
        (
            "https://konghq.com.example.com",
            "--allow-host konghq.com.example.com",
        ),
        ("https://notkonghq.com", "--allow-host notkonghq.com"),
        (
            "https://example.com/eu.api.konghq.com",
            "--allow-host example.com",
        ),
        // What a browser makes of a backslash is a slash: the host is the part before it.
        (
            "https://example.com\\@eu.api.konghq.com",
            "--allow-host example.com",
        ),
        (
            "http://192.0.2.1\\@127.0.0.1",
            "plain http is for loopback addresses only",
        ),
        ("ftp://127.0.0.1", "use https://"),
    ] {
        let ran = place
            .run_with(&[("ENACT_KONNECT", url)], &PLAN)
            .expect(3)
            .says(&["error: the token is not sent to ", host]);
        assert!(!ran.stderr.contains("test-token"), "{}", ran.stderr);
    }
    assert_eq!(place.requests(), [""; 0]);
}

#[test]
fn a_url_with_a_user_in_it_is_refused() {
    let place = place();
    let url = &place.environment[0].1;
    let address = url.strip_prefix("http://").unwrap();
    for url in [
        "https://eu.api.konghq.com@example.com".to_owned(),
        "https://example.com@eu.api.konghq.com".to_owned(),
        format!("http://user:word@{address}"),
        format!("http://eu.api.konghq.com@{address}"),
    ] {
        let ran = place
            .run_with(&[("ENACT_KONNECT", &url)], &PLAN)
            .expect(3)
            .says(&["the URL names a user; a token is the only credential", "  hint: "]);
        assert!(!ran.stderr.contains("word"), "{}", ran.stderr);
    }
    for (url, said) in [
        ("https://", "is not a URL"),
        ("https://eu.api.konghq.com:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://example.com?.konghq.com", "holds a query or a fragment"),
        ("https://example.com#.konghq.com", "holds a query or a fragment"),
    ] {
        place
            .run_with(&[("ENACT_KONNECT", url)], &PLAN)
            .expect(3)
            .says(&[said]);
    }
    assert_eq!(place.requests(), [""; 0]);
}

#[test]
fn a_settings_file_cannot_send_a_token_elsewhere_either() {
    let mut place = place();
    place.environment.retain(|(name, _)| name != "ENACT_KONNECT");
    place.write(
        "enact.toml",
        "[profiles.default]\nbase-url = \"https://example.com\"\n",
    );
    place
        .run(&PLAN)
        .expect(3)
        .says(&["error: the token is not sent to https://example.com\n"]);
}

#[test]
fn a_redirect_is_not_followed() {
    let place = place();
    let (listener, url) = bystander();
    let fault = |method: &str| {
        format!(
            r#"[{{"match": {{"method": "{method}"}}, "do": {{"kind": "redirect", "location": "{url}"}}}}]"#
        )
    };
    place.faults(&fault("GET"));
    place.run(&APPLY).expect(1).says(&[
        &format!("the server redirects to {url}; enact does not follow, so that no token goes there"),
        "hint: nothing was written",
    ]);
    place.faults(&fault("POST"));
    place.run(&APPLY).expect(1).says(&[
        "Creating portal: a... ✗ Error: POST /v3/portals: the server redirects to ",
        "- Failed: 1\n",
    ]);
    assert_nobody_came(&listener);
    assert_eq!(place.effects(), 0);
    place.faults("[]");
    place.run(&APPLY).expect(0);
}

#[test]
fn a_refused_token_says_what_to_do() {
    let place = place();
    place.faults(r#"[{"do": {"kind": "status", "status": 401}}]"#);
    place.run(&APPLY).expect(1).says(&[
        ": 401 unauthorized",
        "hint: the token is not valid or has expired: enact login, or a new ENACT_KONNECT_TOKEN",
    ]);
    // A token that is refused between planning and writing.
    place.faults(r#"[{"match": {"method": "POST"}, "do": {"kind": "status", "status": 401}}]"#);
    place
        .run(&APPLY)
        .expect(1)
        .says(&["✗ Error: POST /v3/portals: 401 unauthorized", "- Failed: 1\n"]);
    assert_eq!(place.effects(), 0);
}

#[test]
fn missing_rights_are_named_when_reading_and_when_writing() {
    let place = place();
    place
        .run_with(&[("ENACT_KONNECT_TOKEN", "forbidden")], &APPLY)
        .expect(1)
        .says(&[
            "GET /v3/portals: 403 forbidden: You do not have permission to perform this action",
            "hint: the token lacks the right to do this; ask for a role that has it",
        ]);
    place
        .run_with(&[("ENACT_KONNECT_TOKEN", "forbidden-write")], &APPLY)
        .expect(1)
        .says(&[
            "Creating portal: a... ✗ Error: POST /v3/portals: 403 forbidden: You do not have permission",
            "- Success: 0\n- Failed: 1\n",
            "plan again to go on",
        ]);
    assert_eq!(place.effects(), 0);
}

#[test]
fn a_server_that_is_not_there_is_named_and_nothing_is_begun() {
    let place = place();
    let (listener, _) = bystander();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    place
        .run_with(&[("ENACT_KONNECT", &url)], &APPLY)
        .expect(1)
        .says(&[
            "no good answer from http://127.0.0.1:",
            "yet, trying again: GET /v3/",
            "no connection to the server: ",
            "Connection refused",
            "hint: nothing was written",
        ]);
    assert_eq!(place.run(&["runs", "list"]).expect(0).stdout, "");
}
