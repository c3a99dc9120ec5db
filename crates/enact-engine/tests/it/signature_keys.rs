//! Signatures of real keys, made by the real ssh-keygen, and of a security key that is played here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ed25519_dalek::Signer as _;
use enact_engine::signature::AllowedSigners;
use enact_engine::signature::check::{BadSignature, Signed, check};
use enact_engine::signature::sign::{SignError, sign};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ssh_key::{HashAlg, SshSig};

const WHO: &str = "dana@example";
const PURPOSE: &str = "approval@enact";
const MESSAGE: &[u8] = b"{\"plan_id\":\"sha256:00\"}";

/// A directory with keys.
struct Keys {
    folder: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make(&self, name: &str, options: &[&str]) -> String {
        let mut arguments = vec!["-q", "-N", "", "-C", "", "-f", name];
        arguments.extend(options);
        self.ssh_keygen(&arguments);
        std::fs::read_to_string(self.path(&format!("{name}.pub")))
            .unwrap()
            .trim()
            .to_owned()
    }

    #[track_caller]
    fn ssh_keygen(&self, arguments: &[&str]) {
        let ran = Command::new("ssh-keygen")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}

fn now() -> Timestamp {
    // Certificates are dated by the system's clock.
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_second(i64::try_from(since.as_secs()).unwrap()).unwrap()
}

fn known(lines: &str) -> AllowedSigners {
    let signers = AllowedSigners::parse(lines, &TimeZone::UTC);
    assert_eq!(signers.faults(), [] as [&str; 0]);
    signers
}

fn ask(signature: &str, message: &[u8], lines: &str) -> Result<Signed, BadSignature> {
    check(signature, message, WHO, PURPOSE, &known(lines), now())
}

/// Does the real ssh-keygen find the signature good?
fn ssh_keygen_agrees(keys: &Keys, signature: &str, message: &[u8], lines: &str) -> bool {
    std::fs::write(keys.path("signature"), signature).unwrap();
    std::fs::write(keys.path("allowed"), lines).unwrap();
    std::fs::write(keys.path("message"), message).unwrap();
    let status = Command::new("ssh-keygen")
        .args([
            "-Y",
            "verify",
            "-f",
            "allowed",
            "-I",
            WHO,
            "-n",
            PURPOSE,
            "-s",
            "signature",
        ])
        .current_dir(keys.folder.path())
        .stdin(std::fs::File::open(keys.path("message")).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.success()
}

#[test]
fn what_ssh_keygen_signs_counts_and_it_agrees_in_every_case() {
    let keys = Keys::new();
    let kinds: [(&str, &[&str], bool); 5] = [
        ("ed25519", &["-t", "ed25519"], true),
        ("rsa", &["-t", "rsa", "-b", "2048"], true),
        ("short", &["-t", "rsa", "-b", "1024"], false),
        ("p256", &["-t", "ecdsa", "-b", "256"], true),
        ("p384", &["-t", "ecdsa", "-b", "384"], false),
    ];
    for (name, options, counts) in kinds {
        let public = keys.make(name, options);
        let signature = sign(&keys.path(name), MESSAGE, "approval@enact").unwrap();
        let line = format!("{WHO} namespaces=\"{PURPOSE}\" {public}\n");
        let found = ask(&signature, MESSAGE, &line);
        assert_eq!(found.is_ok(), counts, "{name}: {found:?}");
        assert!(
            !found.is_ok_and(|signed| signed.touched),
            "{name} was not touched"
        );
        if counts {
            assert!(ssh_keygen_agrees(&keys, &signature, MESSAGE, &line), "{name}");
            let changed = ask(&signature, b"{\"plan_id\":\"sha256:01\"}", &line);
            assert!(
                matches!(changed, Err(BadSignature::Broken)),
                "{name}: {changed:?}"
            );
        }
    }
}

#[test]
fn a_key_counts_for_whom_and_what_the_file_says_only() {
    let keys = Keys::new();
    let public = keys.make("key", &["-t", "ed25519"]);
    let other = keys.make("other", &["-t", "ed25519"]);
    let signature = sign(&keys.path("key"), MESSAGE, "approval@enact").unwrap();
    assert!(ask(&signature, MESSAGE, &format!("{WHO} {public}")).is_ok());
    let refused = [
        ("", "no line of allowed_signers has it"),
        (&format!("{WHO} {other}"), "no line of allowed_signers has it"),
        (
            &format!("eva@example {public}"),
            "line 1 of allowed_signers is for somebody else",
        ),
        (
            &format!("{WHO} namespaces=\"git\" {public}"),
            "does not allow the namespace",
        ),
        (
            &format!("{WHO} valid-before=\"20200101Z\" {public}"),
            "is not valid at this time",
        ),
        (
            &format!("{WHO} cert-authority {public}"),
            "no line of allowed_signers has it",
        ),
    ] as [(&str, &str); 6];
    for (lines, why) in refused {
        let error = ask(&signature, MESSAGE, lines).unwrap_err().to_string();
        assert!(error.contains(why), "{lines}: {error}");
        assert!(!ssh_keygen_agrees(&keys, &signature, MESSAGE, lines), "{lines}");
    }
    let broken = AllowedSigners::parse("dana@example nothing", &TimeZone::UTC);
    let error = check(&signature, MESSAGE, WHO, PURPOSE, &broken, now()).unwrap_err();
    assert!(
        error.to_string().contains("one line could not be read"),
        "{error}"
    );
}

#[test]
fn a_signature_for_another_purpose_counts_for_nothing() {
    let keys = Keys::new();
    let public = keys.make("key", &["-t", "ed25519"]);
    std::fs::write(keys.path("message"), MESSAGE).unwrap();
    keys.ssh_keygen(&["-q", "-Y", "sign", "-n", "git", "-f", "key", "message"]);
    let signature = std::fs::read_to_string(keys.path("message.sig")).unwrap();
    let error = ask(&signature, MESSAGE, &format!("{WHO} {public}")).unwrap_err();
    assert!(matches!(error, BadSignature::Namespace { .. }), "{error}");
}

#[test]
fn certificates_count_when_their_authority_is_known_and_they_are_for_this_person_and_now() {
    let keys = Keys::new();
    let authority = keys.make("authority", &["-t", "ed25519"]);
    keys.make("key", &["-t", "ed25519"]);
    let lines = format!("*@example cert-authority,namespaces=\"{PURPOSE}\" {authority}\n");
    let certify = |options: &[&str]| {
        let mut arguments = vec!["-q", "-s", "authority", "-I", "id"];
        arguments.extend(options);
        arguments.push("key.pub");
        keys.ssh_keygen(&arguments);
        sign(&keys.path("key-cert.pub"), MESSAGE, "approval@enact").unwrap()
    };
    let good = certify(&["-n", WHO, "-V", "-1h:+1h"]);
    let signed = ask(&good, MESSAGE, &lines).unwrap();
    assert_eq!(signed.line, 1);
    assert!(ssh_keygen_agrees(&keys, &good, MESSAGE, &lines));
    let error = ask(&good, b"other", &lines).unwrap_err();
    assert!(matches!(error, BadSignature::Broken), "{error}");
    let other = keys.make("other", &["-t", "ed25519"]);
    for lines in [
        format!("{WHO} cert-authority {other}"),
        format!("{WHO} {authority}"),
        format!("eva@example cert-authority {authority}"),
    ] {
        assert!(ask(&good, MESSAGE, &lines).is_err(), "{lines}");
    }
    let bad: [(&[&str], &str); 6] = [
        (&["-n", "eva@example", "-V", "-1h:+1h"], "is not for dana@example"),
        (&["-V", "-1h:+1h"], "is not for dana@example"),
        (&["-n", WHO, "-V", "-2h:-1h"], "not valid at this time"),
        (
            &["-n", WHO, "-V", "-1h:+1h", "-O", "force-command=true"],
            "cannot be honoured",
        ),
        (&["-h", "-n", WHO, "-V", "-1h:+1h"], "is not a user's"),
        (&["-n", WHO], "never ends"),
    ];
    for (options, why) in bad {
        let error = ask(&certify(options), MESSAGE, &lines).unwrap_err().to_string();
        assert!(error.contains(why), "{options:?}: {error}");
    }
}

/// A security key in software: the public key's line, and a signature with these flags.
fn played(flags: u8, message: &[u8], application: &str) -> (String, String) {
    let secret = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let field = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let kind = b"sk-ssh-ed25519@openssh.com";
    let public = [
        field(kind),
        field(secret.verifying_key().as_bytes()),
        field(application.as_bytes()),
    ]
    .concat();
    let inner = SshSig::signed_data(PURPOSE, HashAlg::Sha512, message).unwrap();
    let trailer = [&[flags][..], &9_u32.to_be_bytes()].concat();
    let digest = |bytes: &[u8]| HashAlg::Sha256.digest(bytes);
    let signed = [digest(application.as_bytes()), trailer.clone(), digest(&inner)].concat();
    let blob = [field(kind), field(&secret.sign(&signed).to_bytes()), trailer].concat();
    let container = [
        b"SSHSIG\0\0\0\x01".to_vec(),
        field(&public),
        field(PURPOSE.as_bytes()),
        field(b""),
        field(b"sha512"),
        field(&blob),
    ];
    use base64::Engine as _;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let line = format!("{WHO} sk-ssh-ed25519@openssh.com {}", base64(&public));
    let packed = base64(&container.concat());
    let lines: Vec<&str> = packed
        .as_bytes()
        .chunks(70)
        .map(|part| std::str::from_utf8(part).unwrap())
        .collect();
    let armoured = format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        lines.join("\n")
    );
    (line, armoured)
}

#[test]
fn the_touch_of_a_security_key_is_what_its_signature_says() {
    let keys = Keys::new();
    for (flags, touched) in [(1, true), (5, true), (0, false), (4, false)] {
        let (line, signature) = played(flags, MESSAGE, "ssh:");
        let signed = ask(&signature, MESSAGE, &line).unwrap();
        assert_eq!(signed.touched, touched, "flags {flags}");
        assert!(ask(&signature, b"other", &line).is_err());
        if touched {
            assert!(ssh_keygen_agrees(&keys, &signature, MESSAGE, &line));
        }
    }
    // The flag is part of what is signed: turning it on afterwards breaks the signature.
    let (line, plain) = played(0, MESSAGE, "ssh:");
    let (_, touched) = played(1, MESSAGE, "ssh:");
    assert_ne!(plain, touched);
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let packed: String = plain.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut bytes = engine.decode(packed).unwrap();
    let at = bytes.len() - 5;
    assert_eq!(bytes[at], 0);
    bytes[at] = 1;
    let forged = format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        engine.encode(bytes)
    );
    assert!(matches!(ask(&forged, MESSAGE, &line), Err(BadSignature::Broken)));
}

#[test]
fn damaged_signatures_are_refused_and_never_panic() {
    let keys = Keys::new();
    let public = keys.make("key", &["-t", "ed25519"]);
    let lines = format!("{WHO} {public}");
    let signature = sign(&keys.path("key"), MESSAGE, "approval@enact").unwrap();
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let packed: String = signature
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let bytes = engine.decode(packed).unwrap();
    let armour = |bytes: &[u8]| {
        format!(
            "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----",
            engine.encode(bytes)
        )
    };
    assert!(ask(&armour(&bytes), MESSAGE, &lines).is_ok());
    for length in 0..bytes.len() {
        assert!(
            ask(&armour(&bytes[..length]), MESSAGE, &lines).is_err(),
            "cut to {length}"
        );
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(
            ask(&armour(&changed), MESSAGE, &lines).is_err(),
            "bit of byte {at}"
        );
    }
    let longer = [bytes.as_slice(), b"x"].concat();
    assert!(ask(&armour(&longer), MESSAGE, &lines).is_err());
    for text in [
        "",
        "yes",
        "-----BEGIN SSH SIGNATURE-----",
        "-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----",
    ] {
        assert!(ask(text, MESSAGE, &lines).is_err(), "{text}");
    }
}

#[test]
fn a_file_without_a_key_is_named() {
    let error = sign(Path::new("/nowhere/key"), MESSAGE, "approval@enact").unwrap_err();
    assert!(matches!(error, SignError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("/nowhere/key"), "{error}");
}
