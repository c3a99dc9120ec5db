# Runbooks that the tests share, in their frozen form, and what is true of all rules for them.
package enact.plan_test

step(number, extra) := object.union(
	{
		"change_id": sprintf("s%d", [number]),
		"action": "RUN",
		"resource_type": "step",
		"resource_ref": sprintf("s%d", [number]),
		"resource_name": sprintf("Step %d", [number]),
		"depends_on": [],
		"preconditions": [],
		"postconditions": [],
		"undo": {"kind": "impossible", "reason": "the runbook names no rollback"},
		"effect": "write",
		"timeout": 1800000,
		"handling": {"critical": true, "on_failure": "stop"},
		"spec": {
			"number": number,
			"kind": "exec",
			"action": {"argv": ["true"]},
			"repeat": "never",
			"step_hash": "sha256:0",
		},
	},
	extra,
)

exec(argv) := {"kind": "exec", "action": {"argv": argv}}

run(script) := {"kind": "run", "action": {"shell": ["bash", "-euo", "pipefail", "-c"], "script": script}}

request(method, url) := {"kind": "http", "action": {"method": method, "url": url}}

check(act) := object.union(act, {"expect": {}, "timeout": 30000, "attempts": 1, "delay": 1000})

template(parts) := {"template": parts}

# One step for each place where something can act; nothing else in it does.
everywhere(act) := array.concat(
	[step(1, {"spec": act})],
	[step(number, object.union({"spec": {"kind": "checkpoint", "action": {"message": "?"}}}, extra)) |
		some number, extra in [
			{"spec": {"kind": "wait", "action": {"until": check(act), "every": 10000}}},
			{"spec": {"probe": {"check": check(act)}}},
			{"spec": {"dry_run": act}},
			{"undo": {"kind": "run", "reason": "", "spec": object.union(act, {"timeout": 30000})}},
			{"postconditions": [{"kind": "check", "name": "c", "spec": check(act)}]},
			{"preconditions": [{"kind": "check", "name": "c", "spec": check(act)}]},
		]
	],
)

# The same for the document.
everywhere_in_document(act) := [
	{"assumptions": [{"id": "A1", "text": "", "check": check(act), "at_approve": false, "at_start": true}]},
	{"acceptance": [{"id": "C1", "text": "", "check": check(act)}]},
	{"verification": [{"name": "tests", "wanted": true, "check": check(act)}]},
]

frozen_document := {
	"format": "enact.runbook/v1",
	"name": "r",
	"title": "R",
	"settings": {
		"max_plan_steps": 50,
		"require_approval": true,
		"show_estimated_time": true,
		"allow_plan_revision": false,
		"checkpoint_between_steps": false,
		"stop_on_error": true,
		"log_progress": true,
		"allow_skip": false,
		"default_timeout": 1800000,
	},
	"requirements": [],
	"rollback": {"on_failure": "ask", "on_verify_failed": "never"},
	"acceptance": [],
	"verification": [
		{"name": "typecheck", "wanted": false},
		{"name": "lint", "wanted": true},
		{"name": "tests", "wanted": true},
	],
	"approvals": {"count": 1, "max_runs": 1},
	"environment_allowed": ["PATH"],
	"exec_hash": "sha256:0",
}

# A runbook of these changes; `extra` is put over its document.
runbook_of(found, extra) := object.union(document(found), {"plan": {
	"metadata": {"mode": "run"},
	"document": object.union(frozen_document, extra),
}})

# What the bundle answers to it: codes, or findings.

runbook_denied(found, extra, settings) := {finding.code | some finding in runbook_denials(found, extra, settings)}

runbook_denials(found, extra, settings) := answers if {
	asked_about := runbook_of(found, extra)
	answers := data.enact.plan.deny with input as asked_about with data.enact.settings as settings
}

runbook_asked(found, extra, settings) := answers if {
	asked_about := runbook_of(found, extra)
	answers := data.enact.plan.require_approval with input as asked_about with data.enact.settings as settings
}

every_runbook_rule := {
	"runbook_destroy": {"approvals": 2, "undo_or_hold": true},
	"runbook_assurance": {
		"effects": {"read": {"approvals": 1}},
		"risks": {"low": {"approvals": 1}},
		"self_answers": "denied",
	},
	"runbook_network": {"hosts": [], "plain_http": [], "methods": []},
	"runbook_programs": {"allowed": [], "denied": ["true"], "shell": false},
	"runbook_hours": {"windows": [{"weekdays": ["sunday"], "from": "00:00", "to": "00:01"}]},
	"runbook_settings": {"require_approval": true, "max_plan_steps": 1, "longest_timeout": "1s"},
	"runbook_secrets": {"sources": []},
}

test_plans_of_other_domains_are_no_concern_of_the_rules_for_runbooks if {
	every action in ["CREATE", "UPDATE", "DELETE", "RUN"] {
		denied(changes(60, action, {"spec": run("x"), "timeout": 9000000000}), every_runbook_rule) == set()
		asked(changes(60, action, {}), every_runbook_rule) == set()
	}
}

test_blocked_steps_are_no_concern_of_the_rules_for_steps if {
	settings := object.remove(every_runbook_rule, ["runbook_settings", "runbook_assurance"])
	found := [object.union(one, blocked) | some one in everywhere(run("x"))]
	runbook_denied(found, {}, settings) == set()
	runbook_asked(found, {}, settings) == set()
}

test_without_settings_nothing_happens_to_a_runbook if {
	loose := {"settings": {"require_approval": false}, "risk": {"level": "critical"}}
	nulls := {name: null | some name, _ in every_runbook_rule}
	empty := {name: {} | some name, _ in every_runbook_rule}
	every settings in [{}, null, nulls, empty] {
		runbook_denied(everywhere(run("x")), loose, settings) == set()
		runbook_asked([step(1, {"effect": "destroy"})], loose, settings) == set()
	}
}

test_what_acts_is_found_wherever_it_stands if {
	act := exec(["true"])
	steps := everywhere(act)
	found := data.enact.plan.acts with input as runbook_of(steps, {})
	{data.enact.plan.who(one) | some one in found; one.kind == "exec"} == {
		`RUN step "Step 1"`,
		`RUN step "Step 0" (what it waits for)`,
		`RUN step "Step 1" (its probe)`,
		`RUN step "Step 2" (its dry run)`,
		`RUN step "Step 3" (its undo)`,
		`RUN step "Step 4" (a check after it)`,
		`RUN step "Step 5" (a check before it)`,
	}
	of_document := {name |
		some extra in everywhere_in_document(act)
		asked_about := runbook_of([], extra)
		acts := data.enact.plan.acts with input as asked_about
		some one in acts
		name := data.enact.plan.who(one) with input as asked_about
	}
	of_document == {`The assumption "A1"`, `The criterion "C1"`, `The verification "tests"`}
}

test_a_place_that_nobody_thought_of_is_looked_at if {
	new_places := {"hooks": [{"first": exec(["true"])}]}
	hooked := step(1, {"spec": object.union(run("x"), new_places)})
	acts := data.enact.plan.acts with input as runbook_of([hooked], new_places)
	{data.enact.plan.who(one) | some one in acts} == {
		`RUN step "Step 1"`,
		`RUN step "Step 1" (a part of it)`,
		"The runbook",
	}
}

test_bodies_and_expected_values_are_no_acts if {
	body := {"json": {"kind": "exec", "action": {"argv": ["rm"]}}}
	sent := object.union(request("POST", "https://a.example/"), {"action": {"body": body}})
	expected := {"kind": "compare", "action": {"left": {"value": exec(["rm"])}, "op": "==", "right": {"value": 1}}}
	every act in [sent, expected] {
		acts := data.enact.plan.acts with input as runbook_of([step(1, {"spec": act})], {})
		count(acts) == 1
	}
}

test_values_of_the_document_are_no_acts if {
	checked := check({"kind": "compare", "action": {"left": {"value": exec(["rm"])}, "op": "=="}})
	extra := {
		"parameters": {"x": {"type": "json", "value": exec(["rm"])}},
		"acceptance": [{"id": "C1", "text": "", "check": checked}],
	}
	acts := data.enact.plan.acts with input as runbook_of([], extra)
	{act.kind | some act in acts} == {"compare"}
}

test_a_document_that_cannot_be_read_is_no_error if {
	settings := object.remove(every_runbook_rule, ["runbook_hours"])
	every found in [null, "x", 5, [], {}, {"format": null}, {"format": 5}, {"format": "enact.other/v1"}] {
		asked_about := object.union(object.remove(document([]), ["plan"]), {"plan": {"changes": [], "document": found}})
		data.enact.plan.deny == set() with input as asked_about with data.enact.settings as settings
	}
}

test_parts_of_a_runbook_that_cannot_be_read_are_no_acts if {
	odd := [
		{"spec": {"kind": 5, "action": {"argv": []}}},
		{"spec": {"kind": "exec", "action": "rm"}},
		{"spec": "x", "undo": null, "preconditions": 5},
	]
	every extra in odd {
		acts := data.enact.plan.acts with input as runbook_of([object.union(object.remove(step(1, {}), ["spec"]), extra)], {
			"parameters": {"a": {"from": 5}, "b": {"from": null}},
		})
		acts == []
	}
}

test_long_lists_of_findings_about_runbooks_are_cut_and_counted if {
	every number, expected in {50: 50, 51: 51, 80: 51} {
		found := [step(index, {}) | some index in numbers.range(1, number)]
		count(runbook_denials(found, {}, {"runbook_programs": {"allowed": []}})) == expected
	}
	found := [step(index, {}) | some index in numbers.range(1, 80)]
	some finding in runbook_denials(found, {}, {"runbook_programs": {"allowed": []}})
	finding.msg == "30 more findings by data.enact.settings.runbook_programs.allowed."
}

# Rules for all plans, asked about steps.

test_steps_are_no_deletions if {
	destroying := [step(index, {"effect": "destroy"}) | some index in numbers.range(1, 60)]
	settings := {"deletions": {"max": 0, "max_share": 0, "share_from": 0}, "delete_namespaces": []}
	runbook_denied(destroying, {}, settings) == set()
}

test_steps_carry_no_labels if {
	runbook_denied([step(1, {})], {}, {"required_labels": {"step": ["team"], "portal": ["team"]}}) == set()
}

test_a_type_of_step_can_be_ruled_out if {
	runbook_denied([step(1, {})], {}, {"protected_types": {"step": ["RUN"]}}) == {"protected_types.denied"}
	runbook_denied([step(1, {})], {}, {"protected_types": {"step": ["CREATE", "UPDATE", "DELETE"]}}) == set()
}

test_steps_count_by_their_effect if {
	settings := {"blast_radius": {"changes": 2, "destroys": 0, "namespaces": 0}}
	reading := [step(index, {"effect": "read"}) | some index in numbers.range(1, 9)]
	runbook_asked(array.concat(reading, [step(10, {}), step(11, {})]), {}, settings) == set()
	three := array.concat(reading, [step(10, {}), step(11, {}), step(12, {})])
	{finding.code | some finding in runbook_asked(three, {}, settings)} == {"blast_radius.changes"}
	destroying := array.concat(reading, [step(10, {"effect": "destroy"})])
	{finding.code | some finding in runbook_asked(destroying, {}, settings)} == {"blast_radius.destroys"}
}

test_a_freeze_stops_steps_that_write_and_no_others if {
	settings := {"freeze": {"namespaces": ["default"], "windows": [turn_of_the_year]}}
	runbook_denied([step(1, {})], {}, settings) == {"freeze.window"}
	runbook_denied([step(1, {"effect": "read"})], {}, settings) == set()
	of_a_namespace := {"freeze": {"windows": [object.union(turn_of_the_year, {"namespaces": ["default"]})]}}
	runbook_denied([step(1, {})], {}, of_a_namespace) == set()
}

test_an_author_of_a_runbook_that_writes_needs_somebody_else if {
	{finding.code | some finding in runbook_asked([step(1, {})], {}, not_the_author)} == {"self_approval.forbidden"}
	runbook_asked([step(1, {"effect": "read"})], {}, not_the_author) == set()
}

test_changes_of_konnect_in_a_runbook_are_judged_as_everywhere if {
	portals := [change(index, "DELETE", "portal") | some index in numbers.range(1, 3)]
	found := array.concat([step(1, {})], portals)
	runbook_denied(found, {}, {"deletions": {"max": 2}}) == {"deletions.too_many"}
	runbook_denied(found, {}, {"delete_namespaces": []}) == {"delete_namespaces.outside"}
	runbook_denied(found, {}, {"protected_types": {"portal": ["DELETE"]}}) == {"protected_types.denied"}
}
