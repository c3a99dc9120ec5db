//! A small runbook to begin with. It passes every rule, and says what to change.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::shown;

/// A runbook of this name in YAML.
///
/// # Errors
/// A name that no runbook can have.
pub fn yaml(name: &str) -> Result<String, Vec<Diagnostic>> {
    let title = title(name)?;
    Ok(YAML.replace("NAME", name).replace("TITLE", &title))
}

/// A runbook of this name in Markdown.
///
/// # Errors
/// A name that no runbook can have.
pub fn markdown(name: &str) -> Result<String, Vec<Diagnostic>> {
    let title = title(name)?;
    Ok(MARKDOWN.replace("NAME", name).replace("TITLE", &title))
}

/// `move-users` as `Move users`.
fn title(name: &str) -> Result<String, Vec<Diagnostic>> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 63 || name.starts_with('-') || !name.bytes().all(allowed) {
        let fault = Diagnostic::error(format!("{} cannot be the name of a runbook", shown(name)));
        return Err(vec![fault.hint(
            "small letters, digits and `-`, 63 at most, no `-` first: move-users",
        )]);
    }
    let words = name.replace('-', " ");
    Ok(words.get(..1).unwrap_or("").to_ascii_uppercase() + words.get(1..).unwrap_or(""))
}

const YAML: &str = r#"# A runbook for enact. Check it: enact check FILE. Plan it: enact plan -f FILE.
version: enact/v1
kind: Plan
name: NAME
title: TITLE
description: |
  Why this exists.
risk: { level: low, worst: "A folder is there that nobody needs" }

# What must be true in the end. Steps and criteria name what they serve.
requirements:
  - { id: R1, text: "The folder is there, with a note in it" }

# While a blocking question has no answer, nothing can be planned.
questions: []

# What the plan takes for granted; each is checked before anything runs.
assumptions:
  - { id: A1, text: "Files can be written here", check: { exec: [test, -w, "."] } }

# Steps run in this order. Each has one action: run, exec, http, manual, checkpoint, wait, plan, konnect, kubernetes.
steps:
  - id: make_folder
    title: Make the folder with its note
    run: |
      mkdir -p work
      echo "made by enact" > work/note.txt
    estimate: 5s
    repeat: safe                      # may run again after a crash
    verify:
      - { exec: [grep, -q, enact, work/note.txt] }
    rollback: { run: "rm -rf work" }  # how it is taken back
    satisfies: [R1]

# When it is good.
acceptance:
  - { id: C1, text: "The note can be read", satisfies: [R1], check: { exec: [cat, work/note.txt] } }
"#;

const MARKDOWN: &str = r#"---
version: enact/v1
kind: Plan
name: NAME
title: TITLE
# What stands below its end and in no section is for readers, and not part of the plan.
description: Why this exists.
risk: { level: low, worst: "A folder is there that nobody needs" }
# Check it: enact check FILE. Plan it: enact plan -f FILE.
---

# TITLE

## Requirements

- R1: The folder is there, with a note in it

## Assumptions

- A1: Files can be written here

  ```exec
  [test, -w, "."]
  ```

## Steps

### Step 1: Make the folder with its note

- Make the folder
- Write the note

```bash {id=make_folder estimate=5s repeat=safe satisfies=[R1]}
mkdir -p work
echo "made by enact" > work/note.txt
```

```bash verify
grep -q enact work/note.txt
```

```bash rollback
rm -rf work
```

## Acceptance criteria

- [ ] C1: The note can be read

  ```bash {satisfies=[R1]}
  cat work/note.txt
  ```
"#;
