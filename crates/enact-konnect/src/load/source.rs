//! What `-f` values name.

use std::io;
use std::path::PathBuf;

use enact_core::diagnostic::Diagnostic;

/// One place that configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input, already read by the caller.
    Stdin(Vec<u8>),
    /// A file, or a directory of files.
    Path(PathBuf),
}

/// Takes `-f` values apart: each may hold a comma-separated list; `-` is standard input, read at most once.
///
/// # Errors
/// No source at all, a URL, `-` twice, or an empty or unreadable standard input.
pub fn sources(
    values: &[String],
    stdin: impl FnOnce() -> io::Result<Vec<u8>>,
) -> Result<Vec<Source>, Vec<Diagnostic>> {
    let mut stdin = Some(stdin);
    let mut found = Vec::new();
    let mut faults = Vec::new();
    let names = values.iter().flat_map(|value| value.split(','));
    for name in names.map(str::trim).filter(|name| !name.is_empty()) {
        let source = match name {
            "-" => read_stdin(stdin.take()),
            url if url.contains("://") => Err(no_urls(url)),
            path => Ok(Source::Path(PathBuf::from(path))),
        };
        match source {
            Ok(source) => found.push(source),
            Err(fault) => faults.push(fault),
        }
    }
    if found.is_empty() && faults.is_empty() {
        let fault = Diagnostic::error("no configuration is named");
        faults.push(fault.hint("name a file, a directory or `-` with `-f`"));
    }
    if faults.is_empty() { Ok(found) } else { Err(faults) }
}

fn read_stdin(stdin: Option<impl FnOnce() -> io::Result<Vec<u8>>>) -> Result<Source, Diagnostic> {
    let Some(stdin) = stdin else {
        return Err(Diagnostic::error("standard input is named twice").hint("keep one `-f -`"));
    };
    let bytes = stdin().map_err(|error| Diagnostic::error(format!("cannot read standard input: {error}")))?;
    if bytes.is_empty() {
        return Err(
            Diagnostic::error("standard input is empty").hint("pipe configuration into it, or name a file")
        );
    }
    Ok(Source::Stdin(bytes))
}

fn no_urls(url: &str) -> Diagnostic {
    Diagnostic::error(format!("`{url}` is a URL; enact reads files only"))
        .hint("download it first, look at it, then name the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str], stdin: &str) -> Result<Vec<Source>, Vec<String>> {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        sources(&values, || Ok(stdin.as_bytes().to_vec()))
            .map_err(|faults| faults.into_iter().map(|fault| fault.summary).collect())
    }

    #[test]
    fn values_repeat_and_hold_lists() {
        let found = parse(&["a.yaml, b.yaml", "-"], "x: 1").unwrap();
        let path = |name: &str| Source::Path(PathBuf::from(name));
        assert_eq!(
            found,
            [path("a.yaml"), path("b.yaml"), Source::Stdin(b"x: 1".to_vec())]
        );
    }

    #[test]
    fn what_is_no_source_is_refused_together() {
        assert_eq!(
            parse(&["https://example.com/a.yaml", "-,-"], "").unwrap_err(),
            [
                "`https://example.com/a.yaml` is a URL; enact reads files only",
                "standard input is empty",
                "standard input is named twice",
            ]
        );
        assert_eq!(parse(&[" , "], "").unwrap_err(), ["no configuration is named"]);
    }
}
