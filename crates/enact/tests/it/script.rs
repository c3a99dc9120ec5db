//! Text scripts: commands with their expected output, used by the scenarios and by the console blocks of the documents.
//!
//! ```text
//! # a comment
//! == portals.yaml                  a file of the working directory, up to the next line that starts with `==`, `$`, `>`
//! $ enact apply -f portals.yaml    a command; the lines below are its output (both streams in order)
//! ...                              any number of lines
//! - Run: [..]                      `[..]`: anything within the line
//! => 5                             its exit code, when it is not 0
//! > PATCH /v3/portals/{portal:harbor} {"display_name": "x"}     a request by somebody else
//! > FAULTS [{"do": {"kind": "status", "status": 502}}]          faults of the server from now on
//! > EFFECTS 3                      how many writes the server has committed so far
//! ```

use std::fmt::Write as _;
use std::fs::File;
use std::process::Stdio;

use crate::harness::Place;

/// Runs a script in a place and says what differs; `{p}` stands for a prefix of names.
pub(crate) fn run(place: &Place, name: &str, script: &str, prefix: &str) -> Result<(), String> {
    let script = script.replace("{p}", prefix);
    let lines: Vec<&str> = script.lines().collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let start = at + 1;
        let end = (start..lines.len())
            .find(|index| is_start(lines[*index]))
            .unwrap_or(lines.len());
        let block = &lines[start..end];
        let outcome = if let Some(file) = line.strip_prefix("== ") {
            place.write(file.trim(), format!("{}\n", block.join("\n").trim_end()));
            Ok(())
        } else if let Some(command) = line.strip_prefix("$ ") {
            run_command(place, command, block)
        } else if let Some(request) = line.strip_prefix("> ") {
            run_request(place, request)
        } else if line.trim().is_empty() || line.starts_with('#') {
            at += 1;
            continue;
        } else {
            Err("a line that is neither a file, a command nor a request".to_owned())
        };
        outcome.map_err(|problem| format!("{name}:{}: {line}\n{problem}", at + 1))?;
        at = end;
    }
    Ok(())
}

fn is_start(line: &str) -> bool {
    line.starts_with("== ") || line.starts_with("$ ") || line.starts_with("> ") || line.starts_with("# ")
}

fn run_command(place: &Place, command: &str, block: &[&str]) -> Result<(), String> {
    let mut expected: Vec<&str> = block.to_vec();
    while expected.last().is_some_and(|line| line.trim().is_empty()) {
        expected.pop();
    }
    let code = match expected.last().and_then(|line| line.strip_prefix("=> ")) {
        Some(code) => {
            expected.pop();
            code.trim()
                .parse()
                .map_err(|_| "an exit code that is no number".to_owned())?
        }
        None => 0,
    };
    let (found_code, output) = both_streams(place, command);
    if found_code != code {
        return Err(format!(
            "exit code {found_code} instead of {code}, and this output:\n{output}"
        ));
    }
    let found: Vec<&str> = output.lines().collect();
    if expected.is_empty() || matches(&expected, &found) {
        return Ok(());
    }
    Err(format!("expected:\n{}\nfound:\n{output}", expected.join("\n")))
}

/// Runs a command line with both streams into one file, as a terminal would show them. `enact` at its start (or after
/// `&&`, by the shell) is the binary under test.
fn both_streams(place: &Place, command: &str) -> (i32, String) {
    let path = place.work().join("../output");
    let file = File::create(&path).unwrap();
    let template = place.command(&[]);
    let folder = std::path::Path::new(crate::harness::ENACT).parent().unwrap();
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(command)
        .current_dir(place.work())
        .env_clear()
        .stdin(Stdio::null());
    shell.envs(
        template
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    shell.stdout(file.try_clone().unwrap()).stderr(file);
    let status = shell.status().unwrap();
    (
        status.code().unwrap_or(-1),
        std::fs::read_to_string(path).unwrap(),
    )
}

fn run_request(place: &Place, request: &str) -> Result<(), String> {
    let (word, rest) = request.split_once(' ').unwrap_or((request, ""));
    match word {
        "FAULTS" => place.faults(rest),
        "EFFECTS" => {
            let wanted: usize = rest
                .trim()
                .parse()
                .map_err(|_| "a count that is no number".to_owned())?;
            let found = place.effects();
            if found != wanted {
                return Err(format!("{found} effects instead of {wanted}"));
            }
        }
        method => {
            let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
            let path = fill_in(place, path);
            let body = (!body.is_empty()).then(|| serde_json::from_str(body).unwrap());
            let (status, answer) = place.call(method, &path, body);
            if !(200..300).contains(&status) {
                return Err(format!("the server answered {status}: {answer}"));
            }
        }
    }
    Ok(())
}

/// Replaces `{portal:NAME}` by that portal's id, and `{page:PORTAL/SLUG}` by that page's.
fn fill_in(place: &Place, path: &str) -> String {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').unwrap();
        filled.push_str(before);
        let id = match inside.split_once(':') {
            Some(("portal", name)) => place.portal(name),
            Some(("page", both)) => {
                let (portal, slug) = both.split_once('/').unwrap();
                let portal = place.portal(portal);
                let (_, tree) = place.call(
                    "GET",
                    &format!("/v3/portals/{portal}/pages?filter[slug][eq]={slug}"),
                    None,
                );
                tree["data"][0]["id"].as_str().unwrap().to_owned()
            }
            _ => panic!("unknown placeholder {inside}"),
        };
        filled.push_str(&id);
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Does the output match, with `...` for any lines and `[..]` for anything in a line?
fn matches(expected: &[&str], found: &[&str]) -> bool {
    match (expected.first(), found.first()) {
        (None, None) => true,
        (Some(&"..."), _) => (0..=found.len()).any(|skip| matches(&expected[1..], &found[skip..])),
        (Some(pattern), Some(line)) if line_matches(pattern.trim_end(), line.trim_end()) => {
            matches(&expected[1..], &found[1..])
        }
        _ => false,
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The console blocks of a Markdown text, with the text's ```yaml title="name"``` (or any other language's) blocks as files before them.
pub(crate) fn of_markdown(text: &str) -> String {
    let mut script = String::new();
    let mut inside: Option<bool> = None;
    for line in text.lines() {
        match (inside, line.trim_end()) {
            (None, "```console") => inside = Some(true),
            (None, fence) if fence.starts_with("```") && fence.contains(" title=") => {
                let (_, name) = fence.split_once(" title=").unwrap();
                let name = name.trim_matches('"');
                writeln!(script, "== {name}").unwrap();
                inside = Some(true);
            }
            (None, fence) if fence.starts_with("```") => inside = Some(false),
            (Some(_), "```") => {
                script.push_str("# end of block\n");
                inside = None;
            }
            (Some(true), _) => writeln!(script, "{line}").unwrap(),
            _ => {}
        }
    }
    script
}

#[test]
fn patterns_match_lines_and_gaps() {
    assert!(matches(&["a", "...", "c [..] e"], &["a", "x", "y", "c d e"]));
    assert!(!matches(&["a", "c"], &["a", "x", "c"]));
    assert!(line_matches("- Run: [..]", "- Run: 12ab"));
    assert!(!line_matches("- Run: [..]", "Run: 12ab"));
}
