# What the rules for runbooks look at: the document, its steps, and everything in them that acts.
package enact.plan

# The document of a runbook. Steps run by no other.
runbook := input.plan.document if {
	is_object(input.plan.document)
	format := object.get(input.plan.document, "format", "")
	is_string(format)
	startswith(format, "enact.runbook/")
}

steps := [change |
	some change in executable
	change.resource_type == "step"
]

is_runbook if runbook

is_runbook if count(steps) > 0

# Everything that acts: actions of steps, undo actions, checks, dry runs, checks of the document, commands that print
# secrets. They are found by their form, not by their place, so that no place is forgotten. Right behind `walk` stands
# what almost nothing passes: a runbook has many thousand values.
acts := array.concat(array.concat(step_acts, document_acts), secret_acts)

step_acts := [{"change": change, "part": part, "path": path, "kind": found.kind, "action": found.action} |
	some change in steps
	some part in step_parts
	walk(change[part], [path, found])
	found.action
	is_act(path, found)
]

step_parts := ["spec", "undo", "preconditions", "postconditions"]

document_acts := [{"path": path, "kind": found.kind, "action": found.action} |
	walk(runbook, [path, found])
	found.action
	is_act(path, found)
]

secret_acts := [{"path": ["parameters", name], "kind": "exec", "action": {"argv": secret_command(parameter.from)}} |
	some name, parameter in runbook.parameters
	is_string(parameter.from)
	startswith(parameter.from, "exec:")
]

# What is sent to others or compared with may look like an action and is none.
is_act(path, found) if {
	is_string(found.kind)
	is_object(found.action)
	not is_content(path)
}

is_content(path) if "body" in path

is_content(path) if "value" in path

# No words where they cannot be read, so no program either.
secret_command(from) := words if {
	text := trim_prefix(from, "exec:")
	json.is_valid(text)
	words := json.unmarshal(text)
	is_array(words)
} else := []

# What a message calls the place of something.
who(found) := sprintf("%s%s", [described(found.change), place_in_step(found.part, found.path)]) if {
	found.change
} else := place_in_document(found.path)

place_in_step("spec", []) := ""

place_in_step("undo", _) := " (its undo)"

place_in_step("preconditions", _) := " (a check before it)"

place_in_step("postconditions", _) := " (a check after it)"

place_in_step("spec", path) := object.get(places_in_spec, path[0], " (a part of it)") if {
	count(path) > 0
}

places_in_spec := {
	"action": " (what it waits for)",
	"probe": " (its probe)",
	"dry_run": " (its dry run)",
}

place_in_document(path) := sprintf("The %s \"%s\"", [noun, name]) if {
	noun := nouns_in_document[path[0]]
	entry := runbook[path[0]][path[1]]
	name := object.get(entry, "id", object.get(entry, "name", "?"))
} else := sprintf("The parameter \"%s\"", [path[1]]) if {
	path[0] == "parameters"
} else := "The runbook"

nouns_in_document := {
	"assumptions": "assumption",
	"acceptance": "criterion",
	"verification": "verification",
}

# How far a change reaches. One that does not say counts as one that writes.
reach(change) := 2 if {
	destroys_something(change)
} else := 0 if {
	change.effect == "read"
} else := 1

destroys_something(change) if change.effect == "destroy"

destroys_something(change) if change.action == "DELETE"

# What a setting asks of the approvals, as a member of require_approval has it.
demanded(setting) := {key: value |
	some key in ["approvals", "assurance", "roles", "not_author"]
	value := object.get(setting, key, null)
	not value in [null, false, []]
}

demanded_words(demand) := concat(", ", array.concat(
	[sprintf("%s must approve", [people(object.get(demand, "approvals", 1))])],
	[words |
		some key in ["assurance", "roles", "not_author"]
		value := demand[key]
		words := demand_words(key, value)
	],
))

demand_words("assurance", value) := sprintf("with an assurance of %s at least", [value])

demand_words("roles", value) := sprintf("with the roles %s between them", [listed(value)])

demand_words("not_author", _) := "the author not counted"

# The first findings of a rule, and how many more there are.
cut(code, setting, found) := {object.union({"code": code}, finding) |
	some finding in array.slice(found, 0, named_at_most)
} | {{"code": code, "msg": msg} |
	count(found) > named_at_most
	msg := sprintf("%d more findings by data.enact.settings.%s.", [count(found) - named_at_most, setting])
}

# What a finding about something says, and of which change.
about(found, msg) := {"msg": msg, "change_id": object.get(found.change, "change_id", "")} if {
	found.change
} else := {"msg": msg}
