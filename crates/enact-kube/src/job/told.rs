//! What a Job prints: a line of JSON for each stage of the action.

use crate::catalog::Stage;

/// The longest record of the way back, in bytes: it must have room in a status.
const MOST_RECORD: usize = 32 * 1024;

/// The way back that it told before its first write, as JSON; the last one counts. One that is too long is none.
pub fn told_rollback(output: &str) -> Option<String> {
    let stages = output.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut rollback = stages.filter_map(|stage| match stage {
        Stage::Rollback { rollback } => serde_json::to_string(&rollback).ok(),
        Stage::Note { .. } => None,
    });
    rollback.rfind(|record| record.len() <= MOST_RECORD)
}

/// What it printed for people: notes as they are, the way back left out, everything else shown harmlessly.
pub fn told_text(output: &str) -> String {
    let lines = output
        .lines()
        .filter_map(|line| match serde_json::from_str(line) {
            Ok(Stage::Rollback { .. }) => None,
            Ok(Stage::Note { message }) => Some(message),
            Err(_) => Some(line.to_owned()),
        });
    let text: Vec<String> = lines.map(|line| harmless(&line)).collect();
    text.join("\n")
}

/// Without characters that move a cursor or hide a text.
fn harmless(line: &str) -> String {
    line.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_taken_out_of_what_is_shown() {
        let output = "{\"stage\":\"note\",\"message\":\"hello\"}\n{\"stage\":\"rollback\",\"rollback\":{\"available\":true}}\nplain \u{1b}[2J";
        assert_eq!(told_text(output), "hello\nplain \u{fffd}[2J");
        assert_eq!(told_rollback(output).as_deref(), Some("{\"available\":true}"));
        assert_eq!(told_rollback("nothing"), None);
    }
}
