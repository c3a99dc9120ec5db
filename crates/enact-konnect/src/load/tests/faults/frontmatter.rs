//! Faults of front matter.

use super::super::refused;

#[test]
fn it_must_be_closed() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: |
          ---
          title: x
"#,
        &[
            "7:11+3: front matter begins with `---` but does not end (close it with a line of `---`, or begin the text with another line)",
        ],
    );
}

#[test]
fn it_must_not_contradict() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        title: Two
        content: |
          ---
          title: One
          ---
"#,
        &["8:11+3: `title` is set to `Two`, but front matter says `One` (keep one of the two)"],
    );
}

#[test]
fn it_sets_known_fields_only() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: |
          ---
          titel: x
          description: [a]
          title: 5
          ---
"#,
        &[
            "7:11+3: front matter `description`: expected a single value without a tag (write the value out)",
            r#"7:11+3: front matter `title`: expected text, found number 5 (quote it: "5")"#,
            "7:11+3: warning: front matter of `content` does not set anything by `titel` (did you mean `title`?)",
        ],
    );
}

#[test]
fn it_is_yaml() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: |
          ---
          title: [x
          ---
      - ref: b
        slug: b
        content: |
          ---
          just words
          ---
"#,
        &[
            "7:11+3: front matter, line 2: this is not valid YAML: while parsing a flow sequence, expected ',' or ']' (check the indentation, quotes and brackets here and in the line before)",
            "13:11+3: front matter: expected a mapping, found text `just words` (write lines such as `title: …`)",
        ],
    );
}
