//! The file that says whose keys are known, in the form of `ssh-keygen`. Source: ssh-keygen(1), ALLOWED SIGNERS.
//!
//! ```text
//! dana@example namespaces="approval@enact",valid-before="20271231Z" ssh-ed25519 AAAA… Dana's laptop
//! *@example cert-authority ssh-ed25519 AAAA…
//! ```

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

/// One line: whose a key is, what it may sign, and when.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: usize,
    principals: String,
    /// The key, or of whom who vouches for keys.
    pub key: KeyData,
    /// Does the key vouch for others (`cert-authority`)?
    pub is_authority: bool,
    namespaces: Option<String>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

impl Line {
    /// Is the key this principal's?
    pub fn is_of(&self, principal: &str) -> bool {
        matches_list(principal, &self.principals)
    }

    /// May it sign for this purpose?
    pub fn allows(&self, namespace: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_none_or(|list| matches_list(namespace, list))
    }

    /// Is it valid at this moment?
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.valid_after.is_none_or(|start| now >= start) && self.valid_before.is_none_or(|end| now <= end)
    }

    /// A principal that is named in full, without `*`, `?` or `!`.
    pub fn named(&self) -> Option<&str> {
        self.principals
            .split(',')
            .find(|name| !name.is_empty() && !name.contains(['*', '?', '!']))
    }
}

/// The whole file.
#[derive(Debug, Clone, Default)]
pub struct AllowedSigners {
    lines: Vec<Line>,
    faults: Vec<String>,
}

impl AllowedSigners {
    /// Reads the file's text. A line that cannot be read makes no key known; [`AllowedSigners::faults`] names it. Times
    /// without `Z` are meant in this time zone.
    pub fn parse(text: &str, zone: &TimeZone) -> Self {
        let mut signers = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse_line(number, line, zone) {
                Ok(line) => signers.lines.push(line),
                Err(problem) => signers.faults.push(format!("line {number}: {problem}")),
            }
        }
        signers
    }

    /// The lines, in the order of the file.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Lines that cannot be read, and why.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Whose a key is, by the first line that names its owner in full.
    pub fn owner(&self, key: &KeyData) -> Option<&str> {
        self.lines
            .iter()
            .filter(|line| !line.is_authority && line.key == *key)
            .find_map(Line::named)
    }
}

fn parse_line(number: usize, line: &str, zone: &TimeZone) -> Result<Line, String> {
    let (principals, rest) = principals(line)?;
    let mut found = Line {
        number,
        principals,
        key: KeyData::Ed25519(ssh_key::public::Ed25519PublicKey([0; 32])),
        is_authority: false,
        namespaces: None,
        valid_after: None,
        valid_before: None,
    };
    // As OpenSSH does: what is not a key is options, and a key follows them.
    found.key = match PublicKey::from_openssh(rest) {
        Ok(key) => key.key_data().clone(),
        Err(_) => {
            let (options, key) = split_options(rest)?;
            for option in options {
                found.set(&option, zone)?;
            }
            let key =
                PublicKey::from_openssh(key).map_err(|error| format!("the key is not readable: {error}"))?;
            key.key_data().clone()
        }
    };
    if found
        .valid_after
        .zip(found.valid_before)
        .is_some_and(|(start, end)| end <= start)
    {
        return Err("valid-before is not after valid-after".to_owned());
    }
    Ok(found)
}

impl Line {
    fn set(&mut self, option: &str, zone: &TimeZone) -> Result<(), String> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(unquoted(value)?)),
            None => (option, None),
        };
        let twice = |known: bool| {
            if known {
                Err(format!("{name} is given twice"))
            } else {
                Ok(())
            }
        };
        match (name.to_ascii_lowercase().as_str(), value) {
            ("cert-authority", None) => self.is_authority = true,
            ("namespaces", Some(list)) => {
                twice(self.namespaces.is_some())?;
                self.namespaces = Some(list);
            }
            ("valid-after", Some(time)) => {
                twice(self.valid_after.is_some())?;
                self.valid_after = Some(moment(&time, zone)?);
            }
            ("valid-before", Some(time)) => {
                twice(self.valid_before.is_some())?;
                self.valid_before = Some(moment(&time, zone)?);
            }
            _ => return Err(format!("option {name:?} is not known or has no value")),
        }
        Ok(())
    }
}

/// The first field, which may be quoted.
fn principals(line: &str) -> Result<(String, &str), String> {
    let (field, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("a quotation is not closed")?,
        None => line.split_once([' ', '\t']).ok_or("there is no key")?,
    };
    if field.is_empty() {
        return Err("there is no principal".to_owned());
    }
    Ok((field.to_owned(), rest.trim_start()))
}

/// The options, separated by commas outside of quotes, and what follows them.
fn split_options(text: &str) -> Result<(Vec<String>, &str), String> {
    let (mut options, mut option, mut in_quotes, mut escaped) = (Vec::new(), String::new(), false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => {
                options.push(std::mem::take(&mut option));
                continue;
            }
            ' ' | '\t' if !in_quotes => {
                options.push(option);
                return Ok((options, text.get(at..).unwrap_or_default().trim_start()));
            }
            _ => {}
        }
        option.push(character);
    }
    Err(if in_quotes {
        "a quotation is not closed"
    } else {
        "there is no key"
    }
    .to_owned())
}

fn unquoted(value: &str) -> Result<String, String> {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner
        .map(|inner| inner.replace("\\\"", "\""))
        .ok_or_else(|| format!("the value {value} is not in quotes"))
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, in UTC with a `Z` at the end.
fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let refused = || format!("{text:?} is not a time: YYYYMMDD[HHMM[SS]][Z]");
    let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, &TimeZone::UTC),
        None => (text, zone),
    };
    let form = match digits.len() {
        8 => "%Y%m%d",
        12 => "%Y%m%d%H%M",
        14 => "%Y%m%d%H%M%S",
        _ => return Err(refused()),
    };
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let padded = format!("{digits:0<14}");
    let parsed = DateTime::strptime("%Y%m%d%H%M%S", &padded);
    let time = parsed
        .ok()
        .filter(|_| all_digits && !form.is_empty())
        .ok_or_else(refused)?;
    zone.to_timestamp(time).map_err(|_outside| refused())
}

/// OpenSSH's pattern lists: `*` and `?`, names separated by commas, `!` in front of what is not meant.
pub(super) fn matches_list(text: &str, list: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches_pattern(text.as_bytes(), pattern.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches_pattern(text.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

/// Matches with going back to the last `*` only, so that no pattern takes long.
fn matches_pattern(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern + 1, at));
                in_pattern += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == text.get(at) => {
                in_pattern += 1;
                at += 1;
            }
            Some(_) | None => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                (in_pattern, at) = (after, from + 1);
            }
        }
    }
    pattern
        .get(in_pattern..)
        .unwrap_or_default()
        .iter()
        .all(|byte| *byte == b'*')
}
