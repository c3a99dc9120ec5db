//! The forms in which a value turns up in output: as it is, and as the usual tools write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Shorter forms are too common in ordinary output.
const SHORTEST: usize = 4;
/// Longer forms are looked for in pieces, so that neither the automaton nor what a stream holds back grows with a value.
const LONGEST: usize = 4096;
/// The pieces.
const PIECE: usize = 1024;
/// Where base64 tools break their lines: coreutils and MIME, PEM.
const WIDTHS: [usize; 2] = [76, 64];

/// Every form of a value, and of each of its lines where it has several.
pub(super) fn of(value: &str) -> impl Iterator<Item = Vec<u8>> {
    let mut values = vec![value];
    if value.contains('\n') {
        values.extend(value.lines());
    }
    // A value is often kept with a newline at its end and printed without.
    values.push(value.trim_end_matches(['\r', '\n']));
    values.sort_unstable();
    values.dedup();
    let mut forms = Vec::new();
    for value in values.into_iter().filter(|value| value.len() >= SHORTEST) {
        forms.push(value.as_bytes().to_vec());
        base64(value.as_bytes(), &mut forms);
        percent(value, &mut forms);
        hex(value, &mut forms);
        json(value, &mut forms);
        shell(value, &mut forms);
        ansi_c(value, &mut forms);
    }
    forms
        .into_iter()
        .flat_map(in_pieces)
        .filter(|form| form.len() >= SHORTEST)
}

fn in_pieces(form: Vec<u8>) -> Vec<Vec<u8>> {
    if form.len() <= LONGEST {
        return vec![form];
    }
    let mut pieces: Vec<Vec<u8>> = form.chunks(PIECE).map(<[u8]>::to_vec).collect();
    // A last piece of a byte or two would be dropped, or found everywhere: it goes with the one before.
    if let Some(last) = pieces.pop_if(|last| last.len() < SHORTEST)
        && let Some(before) = pieces.last_mut()
    {
        before.extend(last);
    }
    pieces
}

/// A value inside something longer stands at one of three places within base64's groups of three bytes. The characters at
/// either end that its neighbours have a share in are left off.
fn base64(value: &[u8], forms: &mut Vec<Vec<u8>>) {
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        let own = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        base64_variants(encoded.get(own).unwrap_or_default(), forms);
        if before == 0 {
            base64_variants(&encoded, forms);
            if !encoded.len().is_multiple_of(4) {
                let padding = "=".repeat(4 - encoded.len() % 4);
                base64_variants(&format!("{encoded}{padding}"), forms);
            }
        }
    }
}

fn base64_variants(encoded: &str, forms: &mut Vec<Vec<u8>>) {
    if encoded.len() < SHORTEST {
        return;
    }
    forms.push(encoded.as_bytes().to_vec());
    if encoded.contains(['+', '/']) {
        forms.push(encoded.replace('+', "-").replace('/', "_").into_bytes());
    }
    for width in WIDTHS {
        if encoded.len() > width {
            let lines: Vec<&[u8]> = encoded.as_bytes().chunks(width).collect();
            forms.push(lines.join(&b'\n'));
        }
    }
}

/// RFC 3986 with nothing but its unreserved characters left; what encodeURIComponent leaves too; and forms, with `+` for a space.
fn percent(value: &str, forms: &mut Vec<Vec<u8>>) {
    for also in ["", "!'()*", "'()", "/"] {
        let upper = percent_encode(value, also, false);
        if upper.contains("%20") {
            forms.push(upper.replace("%20", "+").into_bytes());
        }
        if upper.contains('%') {
            forms.push(upper.into_bytes());
            forms.push(percent_encode(value, also, true).into_bytes());
        }
    }
}

fn percent_encode(value: &str, also: &str, lower: bool) -> String {
    let mut out = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(character) || also.contains(character) {
            out.push(character);
        } else if lower {
            out.push_str(&format!("%{byte:02x}"));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hex(value: &str, forms: &mut Vec<Vec<u8>>) {
    let lower: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.push(lower.to_ascii_uppercase().into_bytes());
    forms.push(lower.into_bytes());
}

/// Inside a JSON string: as most libraries write it, with `/` escaped, and with nothing but ASCII.
fn json(value: &str, forms: &mut Vec<Vec<u8>>) {
    let quoted = serde_json::Value::from(value).to_string();
    let plain = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    for form in [plain.to_owned(), plain.replace('/', "\\/")] {
        if !form.is_ascii() {
            forms.push(ascii_only(&form).into_bytes());
        }
        forms.push(form.into_bytes());
    }
}

fn ascii_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

/// As `set -x`, `printf %q`, Python's `shlex` and double quotes write it.
fn shell(value: &str, forms: &mut Vec<Vec<u8>>) {
    forms.push(value.replace('\'', r"'\''").into_bytes());
    forms.push(value.replace('\'', r#"'"'"'"#).into_bytes());
    forms.push(escape(value, |character| "\"\\$`".contains(character)));
    forms.push(escape(value, |character| {
        character.is_ascii() && !character.is_ascii_alphanumeric() && !"-_./:=@%+,\n".contains(character)
    }));
    forms.push(escape(value, |character| {
        character.is_ascii() && !character.is_ascii_alphanumeric() && !"-_./:@%+\n".contains(character)
    }));
}

/// Between `$'` and `'`, as `printf %q` writes what has control characters in it; and between the quotes of Python's `repr`.
fn ansi_c(value: &str, forms: &mut Vec<Vec<u8>>) {
    for quote in ["'", ""] {
        let mut out = String::with_capacity(value.len());
        for character in value.chars() {
            match character {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                '\'' if !quote.is_empty() => out.push_str("\\'"),
                other => out.push(other),
            }
        }
        forms.push(out.into_bytes());
    }
}

fn escape(value: &str, special: impl Fn(char) -> bool) -> Vec<u8> {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        if special(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out.into_bytes()
}
