//! Does a reply hold what is expected of it? Pure: replies and expectations in, a verdict in words out.

use regex::Regex;
use serde_json::Value;

use super::reply::{End, Reply};
use crate::expression::{self, Datum, Values};
use crate::spec::{ExitExpectation, Expect, JsonExpectation, Matcher, TextExpectation};

/// The longest value that is shown in a message, in characters.
const SHOWN: usize = 120;

/// What does not hold, in words; or why it could not be found out.
pub(crate) type Unmet = String;

/// Checks everything that is expected; the first thing that does not hold.
pub(crate) fn judge(reply: &Reply, expect: &Expect, values: &dyn Values) -> Result<(), Unmet> {
    judge_end(reply, expect)?;
    let is_reply = matches!(reply.end, End::Status(_));
    let printed = if is_reply { "the body" } else { "standard output" };
    for expected in &expect.stdout {
        judge_text(printed, &reply.stdout, expected, values)?;
    }
    for expected in &expect.stderr {
        judge_text("standard error", &reply.stderr, expected, values)?;
    }
    if expect.json.is_empty() {
        return Ok(());
    }
    let document = read_json(reply)?;
    expect
        .json
        .iter()
        .try_for_each(|expected| judge_json(&document, expected, values))
}

fn judge_end(reply: &Reply, expect: &Expect) -> Result<(), Unmet> {
    let fits = match &reply.end {
        End::Exit(code) => fits(*code, expect.exit_code.unwrap_or(ExitExpectation::Is(0))),
        End::Status(status) if expect.status.is_empty() => (200..300).contains(status),
        End::Status(status) => expect.status.contains(status),
        End::Finished => true,
        End::Signal(_)
        | End::TimedOut
        | End::Stopped
        | End::Unmet(_)
        | End::Delegated(_)
        | End::NotStarted(_)
        | End::Lost(_) => false,
    };
    if fits {
        return Ok(());
    }
    let wanted = match (&reply.end, expect.exit_code) {
        (End::Exit(_), Some(ExitExpectation::Is(code))) => format!(", expected {code}"),
        (End::Exit(_), Some(ExitExpectation::Not(code))) => format!(", expected anything but {code}"),
        (End::Status(_), _) if !expect.status.is_empty() => format!(", expected one of {:?}", expect.status),
        _ => String::new(),
    };
    Err(match reply.last_line() {
        Some(line) => format!("{}{wanted}: {line}", reply.in_words()),
        None => format!("{}{wanted}", reply.in_words()),
    })
}

/// Did a look that does not hold say no, or could it not be made? A tool that failed itself has said nothing: one whose output is
/// expected to say it and that did not end as it does then, and whatever the codes are for of programs that cannot be run (126, 127:
/// POSIX shells) or reach nobody (255: ssh). A server that is out of order or lets nobody in has said nothing either.
pub(crate) fn says_no(reply: &Reply, expect: &Expect) -> bool {
    match &reply.end {
        End::Exit(_) if expect.reads_output() => judge_end(reply, expect).is_ok(),
        End::Exit(code) => !matches!(code, 126 | 127 | 255),
        End::Status(status) => !matches!(status, 401 | 403 | 407 | 408 | 429 | 500..=599),
        End::Finished | End::Unmet(_) => true,
        End::Signal(_)
        | End::TimedOut
        | End::Stopped
        | End::Lost(_)
        | End::NotStarted(_)
        | End::Delegated(_) => false,
    }
}

fn fits(code: i32, expected: ExitExpectation) -> bool {
    match expected {
        ExitExpectation::Is(wanted) => code == wanted,
        ExitExpectation::Not(unwanted) => code != unwanted,
    }
}

fn judge_text(what: &str, text: &str, expected: &TextExpectation, values: &dyn Values) -> Result<(), Unmet> {
    let text = text.trim_end_matches(['\n', '\r']);
    let (holds, wanted) = match expected {
        TextExpectation::Equals(wanted) => {
            let wanted = rendered(wanted, values)?;
            (
                text == wanted.trim_end_matches(['\n', '\r']),
                format!("equal {}", shown(&wanted)),
            )
        }
        TextExpectation::Contains(wanted) => {
            let wanted = rendered(wanted, values)?;
            (text.contains(&wanted), format!("contain {}", shown(&wanted)))
        }
        TextExpectation::Matches(pattern) => {
            let pattern = rendered(pattern, values)?;
            (
                pattern_of(&pattern)?.is_match(text),
                format!("match {}", shown(&pattern)),
            )
        }
        TextExpectation::Empty(wanted) => (
            text.is_empty() == *wanted,
            if *wanted { "be empty" } else { "not be empty" }.to_owned(),
        ),
    };
    if holds {
        Ok(())
    } else {
        Err(format!("{what} should {wanted}, and is {}", shown(text)))
    }
}

fn pattern_of(pattern: &str) -> Result<Regex, Unmet> {
    expression::compile_regex(pattern)
        .map_err(|fault| format!("the pattern {} is not valid: {fault}", shown(pattern)))
}

/// A text with its expressions put in. What is compared with may not be secret: it would show in messages.
fn rendered(text: &crate::spec::Text, values: &dyn Values) -> Result<String, Unmet> {
    let datum = expression::text(text, values).map_err(|error| error.to_string())?;
    match datum.open().and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err("a secret cannot be compared with".to_owned()),
    }
}

fn read_json(reply: &Reply) -> Result<Value, Unmet> {
    if !reply.is_whole {
        return Err("the output is too long to be read as JSON".to_owned());
    }
    serde_json::from_str(&reply.stdout)
        .map_err(|error| format!("the output is not JSON ({error}): {}", shown(reply.stdout.trim())))
}

fn judge_json(document: &Value, expected: &JsonExpectation, values: &dyn Values) -> Result<(), Unmet> {
    let path = rendered(&expected.path, values)?;
    let found = find(document, &path)?;
    let value = match &expected.value {
        None => None,
        Some(value) => Some(open(expression::json_value(value, values))?),
    };
    let holds = holds(&found, &expected.op, value.as_ref())?;
    if holds {
        return Ok(());
    }
    let wanted = value.map_or_else(String::new, |value| format!(" {}", shown(&value.to_string())));
    let seen = match found.as_slice() {
        [] => "nothing".to_owned(),
        [one] => shown(&one.to_string()),
        many => format!("{} values", many.len()),
    };
    Err(format!("{path} should be {}{wanted}, and is {seen}", expected.op))
}

fn open(datum: Result<Datum, expression::EvaluateError>) -> Result<Value, Unmet> {
    let datum = datum.map_err(|error| error.to_string())?;
    datum
        .open()
        .cloned()
        .ok_or_else(|| "a secret cannot be compared with".to_owned())
}

/// The values at an RFC 9535 path.
pub(crate) fn find<'a>(document: &'a Value, path: &str) -> Result<Vec<&'a Value>, Unmet> {
    let parsed = serde_json_path::JsonPath::parse(path)
        .map_err(|error| format!("the path {} is not valid: {error}", shown(path)))?;
    Ok(parsed.query(document).all())
}

fn holds(found: &[&Value], op: &str, value: Option<&Value>) -> Result<bool, Unmet> {
    let wanted = || value.ok_or_else(|| format!("`{op}` needs a value"));
    Ok(match op {
        "exists" => !found.is_empty(),
        "absent" => found.is_empty(),
        "empty" => found.iter().all(|value| is_empty(value)),
        "absent_or" => {
            let wanted = wanted()?;
            found.iter().all(|value| value.is_null() || *value == wanted)
        }
        "all==" => {
            let wanted = wanted()?;
            !found.is_empty() && found.iter().all(|value| *value == wanted)
        }
        "any==" => {
            let wanted = wanted()?;
            found.contains(&wanted)
        }
        _ => {
            let [one] = found else { return Ok(false) };
            compare(op, one, wanted()?, None)?
        }
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Compares two values with an operator of checks.
pub(crate) fn compare(
    op: &str,
    left: &Value,
    right: &Value,
    tolerance_ppm: Option<u64>,
) -> Result<bool, Unmet> {
    use expression::Operator;
    let operator = match op {
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "in" => Operator::In,
        "~" => return nearly(left, right, tolerance_ppm.unwrap_or(0)),
        "matches" => {
            let (Some(text), Some(pattern)) = (left.as_str(), right.as_str()) else {
                return Err("`matches` compares a text with a pattern".to_owned());
            };
            return Ok(pattern_of(pattern)?.is_match(text));
        }
        other => return Err(format!("there is no operator `{other}`")),
    };
    expression::compare(operator, left, right).map_err(|fault| fault.message)
}

/// Equal within so many parts per million of the right side.
fn nearly(left: &Value, right: &Value, tolerance_ppm: u64) -> Result<bool, Unmet> {
    let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else {
        return Err("`~` compares numbers".to_owned());
    };
    #[expect(clippy::cast_precision_loss, reason = "a tolerance is a small number")]
    let tolerance = right.abs() * tolerance_ppm as f64 / 1_000_000.0;
    Ok((left - right).abs() <= tolerance)
}

/// Does a reply look like this? Everything that the matcher names must fit; one that names nothing fits nothing.
pub(crate) fn matches(reply: &Reply, matcher: &Matcher, values: &dyn Values) -> bool {
    let names_nothing = matcher.exit_code.is_none()
        && matcher.status.is_empty()
        && matcher.stdout.is_empty()
        && matcher.stderr.is_empty();
    let end = match (&reply.end, matcher.exit_code) {
        (_, None) => true,
        (End::Exit(code), Some(expected)) => fits(*code, expected),
        (_, Some(_)) => false,
    };
    let answered = |wanted: &u16| reply.end == End::Status(*wanted);
    let status = matcher.status.is_empty() || matcher.status.iter().any(answered);
    let texts = |text: &str, expected: &[TextExpectation]| {
        expected
            .iter()
            .all(|expected| judge_text("", text, expected, values).is_ok())
    };
    !names_nothing
        && end
        && status
        && texts(&reply.stdout, &matcher.stdout)
        && texts(&reply.stderr, &matcher.stderr)
}

/// A text for a message: quoted, without control characters, cut.
pub(crate) fn shown(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// A value for a message; only text is quoted.
pub(crate) fn shown_value(value: &Value) -> String {
    value.as_str().map_or_else(|| cut(&value.to_string()), shown)
}

fn cut(text: &str) -> String {
    let clean = crate::process::display(text.as_bytes());
    let mut cut: String = clean.chars().take(SHOWN).collect();
    if clean.chars().count() > SHOWN {
        cut.push('…');
    }
    cut
}
