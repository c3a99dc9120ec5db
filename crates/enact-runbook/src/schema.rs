//! The JSON Schema of the author's document, for editors. Kinds bring their own part.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::document::{PHASES, VERSION};
use crate::each::MOST_ITEMS;
use crate::kinds::KINDS;
use crate::lint::ADVICE;

/// The schema of the author's document. It knows shapes and words; names, order and expressions are what `enact check`
/// looks at.
pub fn runbook_schema() -> Schema {
    let mut definitions = common();
    let mut generator = SchemaGenerator::default();
    for kind in KINDS.iter().filter(|kind| kind.is_step() || kind.may_check()) {
        definitions.insert(kind.name().to_owned(), kind.schema(&mut generator).to_value());
    }
    definitions.insert("check".to_owned(), check());
    definitions.insert("step".to_owned(), step());
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": VERSION,
        "description": "A runbook: everything that is planned, approved, executed and verified.",
        "type": "object",
        "required": ["version", "kind", "name", "title", "requirements", "steps", "acceptance"],
        "additionalProperties": false,
        "patternProperties": {"^x-": true},
        "properties": document(),
        "$defs": definitions,
    })
}

/// A mapping with these keys and any that begin with `x-`.
fn mapping(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object", "required": required, "additionalProperties": false,
        "patternProperties": {"^x-": true}, "properties": properties,
    })
}

fn list(of: &str) -> Value {
    json!({"type": "array", "items": {"$ref": format!("#/$defs/{of}")}})
}

/// A single value that is taken as it is written.
fn text() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

/// A text that says something.
fn title() -> Value {
    json!({"type": ["string", "number", "boolean"], "pattern": "\\S"})
}

fn texts() -> Value {
    json!({"type": "array", "items": text()})
}

/// A list, or one that stands for a list of one.
fn one_or_more() -> Value {
    json!({"type": ["array", "string", "number", "boolean"], "items": text()})
}

fn document() -> Value {
    let verification = json!({"oneOf": [{"type": "boolean"}, {"$ref": "#/$defs/check"}]});
    json!({
        "version": {"const": VERSION},
        "kind": {"const": "Plan"},
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
        "title": title(),
        "description": text(),
        "labels": {"type": "object"},
        "risk": mapping(&[], json!({
            "worst": text(), "level": {"enum": ["low", "medium", "high", "critical"]}
        })),
        "settings": {"$ref": "#/$defs/settings"},
        "parameters": {"type": "object", "additionalProperties": {"$ref": "#/$defs/parameter"}},
        "requirements": list("requirement"),
        "questions": list("question"),
        "assumptions": list("assumption"),
        "steps": list("step"),
        "finally": list("step"),
        "downtime": {"anyOf": [
            mapping(&["from", "to"], json!({
                "from": {"type": "string"}, "to": {"type": "string"}, "limit": {"$ref": "#/$defs/duration"},
                "estimate": {"$ref": "#/$defs/duration"}, "on_overrun": {"enum": ["escalate", "warn", "rollback"]}
            })),
            mapping(&["estimate"], json!({"estimate": {"$ref": "#/$defs/duration"}}))
        ]},
        "rollback": mapping(&[], json!({
            "on": {"type": ["array", "string"], "items": {"enum": ["failure", "cancel", "verify_failed"]}},
            "mode": {"enum": ["ask", "auto", "never"]}, "point_of_no_return": {"type": "string"}
        })),
        "acceptance": list("criterion"),
        "verification": mapping(&[], json!({
            "run_tests": verification, "run_lint": verification, "run_typecheck": verification
        })),
        "approvals": mapping(&[], json!({
            "count": {"type": "integer", "minimum": 1}, "role": one_or_more(), "roles": one_or_more(),
            "not_author": {"type": "boolean"}, "expires": {"$ref": "#/$defs/duration"},
            "max_runs": {"type": "integer", "minimum": 1},
            "window": mapping(&[], json!({"not_before": {"type": "string"}, "not_after": {"type": "string"}}))
        })),
        "files": texts(),
        "estimate": {"$ref": "#/$defs/estimate"},
        "revises": {"type": "string"},
        "lint": {"$ref": "#/$defs/lint"},
    })
}

fn common() -> Map<String, Value> {
    let mut found = Map::new();
    let mut define = |name: &str, schema: Value| {
        found.insert(name.to_owned(), schema);
    };
    define(
        "duration",
        json!({"type": "string", "pattern": "^([0-9]+(ms|d|h|m|s))+$", "examples": ["90s", "1h30m"]}),
    );
    define(
        "estimate",
        json!({"oneOf": [{"$ref": "#/$defs/duration"}, mapping(&["likely"], json!({
            "low": {"$ref": "#/$defs/duration"}, "likely": {"$ref": "#/$defs/duration"}, "high": {"$ref": "#/$defs/duration"}
        }))]}),
    );
    define(
        "quorum",
        mapping(
            &[],
            json!({
                "count": {"type": "integer", "minimum": 1}, "role": one_or_more(), "roles": one_or_more()
            }),
        ),
    );
    define(
        "lint",
        mapping(
            &["allow"],
            json!({
                "allow": {"oneOf": [{"enum": ADVICE}, {"type": "array", "items": {"enum": ADVICE}}]}, "reason": text()
            }),
        ),
    );
    define(
        "env",
        json!({"type": "object", "additionalProperties": {"oneOf": [
            {"type": ["string", "number", "boolean"]},
            mapping(&["secret_file"], json!({"secret_file": {
                "type": "string",
                "description": "The variable holds the path of a private file with this text, which is gone after the command."
            }}))
        ]}}),
    );
    define("parameter", parameter());
    define(
        "requirement",
        mapping(
            &["id", "text"],
            json!({
                "id": {"type": "string"}, "text": text(),
                "kind": {"enum": ["functional", "limit", "volume", "preserve"]},
                "limit": mapping(&["metric", "max"], json!({
                    "metric": {"enum": ["downtime", "duration"]}, "max": {"$ref": "#/$defs/duration"}
                })),
                "expect": mapping(&["value"], json!({"value": {"type": "integer"}, "tolerance": {"type": "string"}}))
            }),
        ),
    );
    define(
        "question",
        mapping(
            &["id", "text"],
            json!({
                "id": {"type": "string"}, "text": text(), "blocking": {"type": "boolean", "default": true},
                "answer": {"type": ["string", "number", "boolean"]}, "default": {"type": ["string", "number", "boolean"]},
                "answered_by": {"type": "string"}, "answered_at": {"type": "string"}
            }),
        ),
    );
    define(
        "assumption",
        mapping(
            &["id", "text"],
            json!({
                "id": {"type": "string"}, "text": text(), "check": {"$ref": "#/$defs/check"},
                "at": one_or_more(), "broken_when": list("matcher"), "freshness": {"$ref": "#/$defs/duration"}
            }),
        ),
    );
    define(
        "criterion",
        mapping(
            &["id", "text"],
            json!({
                "id": {"type": "string"}, "text": text(), "satisfies": one_or_more(),
                "check": {"$ref": "#/$defs/check"}, "manual": {"type": "boolean"}, "attest_by": {"type": "string"}
            }),
        ),
    );
    define(
        "exit_code",
        json!({"oneOf": [{"type": "integer"}, mapping(&["not"], json!({"not": {"type": "integer"}}))]}),
    );
    define(
        "text_expectation",
        mapping(
            &[],
            json!({
                "equals": {"type": ["string", "number", "boolean"]}, "matches": {"type": "string"},
                "contains": {"type": ["string", "number"]}, "empty": {"type": "boolean"}
            }),
        ),
    );
    define(
        "matcher",
        mapping(
            &[],
            json!({
                "exit_code": {"$ref": "#/$defs/exit_code"}, "stdout": {"$ref": "#/$defs/text_expectation"},
                "stderr": {"$ref": "#/$defs/text_expectation"}, "status": {"type": ["array", "integer"]}
            }),
        ),
    );
    define(
        "output",
        mapping(
            &[],
            json!({
                "from": {"type": "string"}, "json": {"type": "string"}, "regex": {"type": "string"},
                "trim": {"type": "boolean"}, "type": {"enum": ["string", "integer", "boolean", "json"]},
                "secret": {"type": "boolean"}
            }),
        ),
    );
    define("settings", settings());
    found
}

/// A secret has no default: it stands in no file of a runbook.
fn parameter() -> Value {
    let mut schema = mapping(
        &[],
        json!({
            "type": {"enum": ["string", "integer", "boolean", "enum", "ident", "secret"]},
            "default": {"type": ["string", "number", "boolean"]}, "required": {"type": "boolean"},
            "min": {"type": "integer"}, "max": {"type": "integer"}, "pattern": {"type": "string"},
            "values": {"type": "array"}, "from": {"type": ["string", "object"]}, "description": {"type": "string"}
        }),
    );
    if let Some(fields) = schema.as_object_mut() {
        let secret = json!({"properties": {"type": {"const": "secret"}}, "required": ["type"]});
        fields.insert("if".to_owned(), secret);
        fields.insert("then".to_owned(), json!({"properties": {"default": false}}));
    }
    schema
}

fn settings() -> Value {
    let boolean = json!({"type": "boolean"});
    let mut keys = Map::new();
    for key in crate::document::SETTINGS {
        keys.insert(key.to_owned(), boolean.clone());
    }
    for (phase, _, known) in PHASES {
        let known = known.iter().map(|key| ((*key).to_owned(), setting_of_phase(key)));
        keys.insert(phase.to_owned(), mapping(&[], Value::Object(known.collect())));
    }
    keys.insert(
        "plan_execute_pattern".to_owned(),
        json!({"$ref": "#/$defs/settings"}),
    );
    keys.insert("max_plan_steps".to_owned(), setting_of_phase("max_plan_steps"));
    keys.insert("default_timeout".to_owned(), json!({"$ref": "#/$defs/duration"}));
    keys.insert("working_dir".to_owned(), json!({"type": "string"}));
    keys.insert("shell".to_owned(), json!({"type": ["string", "array"]}));
    keys.insert("env".to_owned(), json!({"$ref": "#/$defs/env"}));
    mapping(&[], Value::Object(keys))
}

fn setting_of_phase(key: &str) -> Value {
    if key == "max_plan_steps" {
        json!({"type": "integer", "minimum": 1})
    } else {
        json!({"type": "boolean"})
    }
}

/// One of the actions that `allowed` names must be there.
fn one_action(mut schema: Value, allowed: &dyn Fn(&dyn crate::kinds::Kind) -> bool) -> Value {
    let mut choices = Vec::new();
    for kind in KINDS.iter().filter(|kind| allowed(**kind)) {
        choices.push(json!({"required": [kind.name()]}));
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(
                kind.name().to_owned(),
                json!({"$ref": format!("#/$defs/{}", kind.name())}),
            );
        }
    }
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("oneOf".to_owned(), Value::Array(choices));
    }
    schema
}

fn check() -> Value {
    let schema = mapping(
        &[],
        json!({
            "for_each": {
                "type": ["array", "string"], "minItems": 1, "maxItems": MOST_ITEMS,
                "description": "It must hold for each entry, which is `item` in its expressions."
            },
            "expect": mapping(&[], json!({
                "exit_code": {"$ref": "#/$defs/exit_code"}, "status": {"type": ["array", "integer"]},
                "stdout": {"$ref": "#/$defs/text_expectation"}, "stderr": {"$ref": "#/$defs/text_expectation"},
                "body": {"$ref": "#/$defs/text_expectation"}, "json": {"type": ["array", "object"]}
            })),
            "timeout": {"$ref": "#/$defs/duration"}, "env": {"$ref": "#/$defs/env"}, "working_dir": {"type": "string"},
            "retry": mapping(&[], json!({"attempts": {"type": "integer", "minimum": 1}, "delay": {"$ref": "#/$defs/duration"}})),
            "partial": list("matcher")
        }),
    );
    one_action(schema, &|kind| kind.may_check())
}

fn step() -> Value {
    let action = one_action(
        mapping(
            &[],
            json!({
                "timeout": {"$ref": "#/$defs/duration"}, "env": {"$ref": "#/$defs/env"}, "working_dir": {"type": "string"}
            }),
        ),
        &|kind| kind.may_undo(),
    );
    let schema = mapping(
        &["id", "title"],
        json!({
            "id": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"}, "title": title(),
            "tasks": texts(), "needs": texts(), "when": {"type": ["string", "boolean"]},
            "effect": {"enum": ["read", "write", "destroy"]}, "repeat": {"enum": ["safe", "keyed", "never"]},
            "key": {"type": "string"}, "probe": {"$ref": "#/$defs/check"}, "estimate": {"$ref": "#/$defs/estimate"},
            "timeout": {"$ref": "#/$defs/duration"}, "timeout_total": {"$ref": "#/$defs/duration"},
            "retry": mapping(&["attempts"], json!({
                "attempts": {"type": "integer", "minimum": 1}, "delay": {"$ref": "#/$defs/duration"},
                "backoff": {"oneOf": [{"enum": ["constant", "exponential"]}, {"type": "number", "minimum": 1, "maximum": 10}]}, "max_delay": {"$ref": "#/$defs/duration"}, "on": list("matcher")
            })),
            "assume": texts(), "verify": list("check"),
            "outputs": {"type": "object", "additionalProperties": {"$ref": "#/$defs/output"}},
            "rollback": {"oneOf": [{"const": "none"}, action]},
            "on_failure": {"enum": ["stop", "escalate", "rollback", "continue"]}, "critical": {"type": "boolean"},
            "escalate_on": list("matcher"), "confirm": {"enum": ["before", "after", "none"]},
            "approvers": {"$ref": "#/$defs/quorum"}, "env": {"$ref": "#/$defs/env"}, "working_dir": {"type": "string"},
            "makes": texts(), "lock": {"type": "string"}, "satisfies": texts(), "dry_run": {"type": "object"},
            "lint": {"$ref": "#/$defs/lint"}
        }),
    );
    one_action(schema, &|kind| kind.is_step())
}
