//! Lengths of time as Kubernetes writes them: `90s`, `5m`, `1h30m`, `500ms`.

use std::time::Duration;

use crate::catalog::MOST_TIME;

/// Reads a length: numbers with units, the larger first, each once.
///
/// # Errors
/// When it is not one.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "{:?} is not a duration like 90s or 5m",
            text.chars().take(32).collect::<String>()
        )
    };
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut last = u64::MAX;
    if rest.is_empty() || rest.len() > 16 {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let milliseconds = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        if milliseconds >= last {
            return Err(wrong());
        }
        last = milliseconds;
        let length = number.checked_mul(milliseconds).ok_or_else(wrong)?;
        total = total
            .checked_add(Duration::from_millis(length))
            .ok_or_else(wrong)?;
        rest = after;
    }
    Ok(total)
}

/// How long an action may take: what is asked for, from a second to a quarter of an hour, or the catalog's own.
///
/// # Errors
/// When what is asked for is no duration, or out of bounds.
pub fn time_limit(asked: Option<&str>, usual: Duration) -> Result<Duration, String> {
    let Some(text) = asked else {
        return Ok(usual);
    };
    let length = parse_duration(text)?;
    if length < Duration::from_secs(1) || length > MOST_TIME {
        return Err(format!(
            "timeout {text} is out of bounds: from 1s to {}m",
            MOST_TIME.as_secs() / 60
        ));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_kubernetes_writes_them() {
        let seconds = |text| parse_duration(text).map(|length| length.as_secs());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("1h30m"), Ok(5400));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in [
            "",
            "5",
            "s",
            "-5s",
            "+5s",
            "5 s",
            "5s5m",
            "5m5m",
            "1.5s",
            "5d",
            "99999999999999h",
            "٣s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert!(time_limit(Some("0s"), Duration::from_secs(1)).is_err());
        assert!(time_limit(Some("16m"), Duration::from_secs(1)).is_err());
        assert_eq!(
            time_limit(None, Duration::from_secs(7)),
            Ok(Duration::from_secs(7))
        );
    }
}
