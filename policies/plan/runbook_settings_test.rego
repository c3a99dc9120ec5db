package enact.plan_test

pinned(key, value) := {"runbook_settings": {key: value}}

with_setting(key, value) := {"settings": {key: value}}

test_a_looser_setting_is_denied_and_a_strict_one_passes if {
	every key, strict in data.enact.plan.strict_values {
		runbook_denied([], with_setting(key, strict), pinned(key, strict)) == set()
		runbook_denied([], with_setting(key, not_(strict)), pinned(key, strict)) == {"runbook_settings.looser"}
	}
}

not_(value) := false if {
	value == true
} else := true

test_a_setting_that_is_pinned_to_its_loose_value_is_not_pinned if {
	every key, strict in data.enact.plan.strict_values {
		every value in [true, false] {
			runbook_denied([], with_setting(key, value), pinned(key, not_(strict))) == set()
			runbook_denied([], with_setting(key, value), pinned(key, null)) == set()
		}
	}
}

test_the_finding_names_the_setting_its_value_and_the_pinned_one if {
	findings := runbook_denials([], with_setting("require_approval", false), pinned("require_approval", true))
	findings == {{
		"code": "runbook_settings.looser",
		"msg": concat(" ", [
			"The runbook's setting require_approval is false;",
			"data.enact.settings.runbook_settings.require_approval pins it to true.",
		]),
	}}
}

test_a_setting_that_is_missing_or_no_truth_is_denied if {
	bare := object.remove(frozen_document, ["settings"])
	every settings in [
		null,
		{},
		{"require_approval": null},
		{"require_approval": "true"},
		{"require_approval": 1},
		{"require_user_approval": true},
	] {
		asked_about := object.union(document([]), {"plan": {
			"metadata": {"mode": "run"},
			"document": object.union(bare, {"settings": settings}),
		}})
		pins := pinned("require_approval", true)
		{finding.code | some finding in data.enact.plan.deny} == {"runbook_settings.looser"} with input as asked_about
			with data.enact.settings as pins
	}
}

test_more_steps_than_pinned_are_denied if {
	every number, expected in {1: set(), 50: set(), 51: {"runbook_settings.looser"}, 10000: {"runbook_settings.looser"}} {
		runbook_denied([], with_setting("max_plan_steps", number), pinned("max_plan_steps", 50)) == expected
	}
	every value in ["10", null, true] {
		runbook_denied([], with_setting("max_plan_steps", value), pinned("max_plan_steps", 50)) == {"runbook_settings.looser"}
	}
	some finding in runbook_denials([], {}, pinned("max_plan_steps", 30))
	startswith(finding.msg, "The runbook's setting max_plan_steps is 50; ")
	contains(finding.msg, "max_plan_steps pins it to 30.")
}

test_verification_that_is_pinned_cannot_be_declined if {
	every key, name in data.enact.plan.verifications {
		every verification, expected in {
			{"name": name, "wanted": true}: set(),
			{"name": name, "wanted": true, "check": check(exec(["true"]))}: set(),
			{"name": name, "wanted": false}: {"runbook_settings.looser"},
			{"name": name}: {"runbook_settings.looser"},
			{"name": "other", "wanted": true}: {"runbook_settings.looser"},
		} {
			runbook_denied([], {"verification": [verification]}, pinned(key, true)) == expected
			runbook_denied([], {"verification": [verification]}, pinned(key, false)) == set()
			runbook_denied([], {"verification": [verification]}, pinned(key, null)) == set()
		}
		runbook_denied([], {"verification": []}, pinned(key, true)) == {"runbook_settings.looser"}
	}
	some finding in runbook_denials([], {}, pinned("run_typecheck", true))
	startswith(finding.msg, "The runbook's setting run_typecheck is false; ")
}

test_each_looser_setting_is_named if {
	settings := {"runbook_settings": {
		"require_approval": true,
		"allow_skip": false,
		"max_plan_steps": 1,
		"run_typecheck": true,
	}}
	extra := {"settings": {"require_approval": false, "allow_skip": true}}
	count(runbook_denials([], extra, settings)) == 4
}

longest(length) := pinned("longest_timeout", length)

test_longer_attempts_than_allowed_are_denied if {
	every length, expected in {
		"30m": set(),
		"1h": set(),
		"1h30m": set(),
		"1800s": set(),
		"29m59s": {"runbook_settings.timeout"},
		"1s": {"runbook_settings.timeout"},
	} {
		runbook_denied([step(1, {})], {}, longest(length)) == expected
	}
}

test_every_bound_is_looked_at if {
	act := exec(["true"])
	short := {"settings": {"default_timeout": 1000}}
	quick := object.union(step(1, {}), {"timeout": 1000})
	runbook_denied([quick], short, longest("1m")) == set()
	slow := object.union(check(act), {"timeout": 61000})
	every extra in [
		{"timeout": 60001},
		{"spec": {"probe": {"check": slow}}},
		{"spec": {"kind": "wait", "action": {"until": slow}}},
		{"undo": {"kind": "run", "spec": object.union(act, {"timeout": 61000})}},
		{"postconditions": [{"kind": "check", "name": "c", "spec": slow}]},
		{"preconditions": [{"kind": "check", "name": "c", "spec": slow}]},
		{"timeout": "1s"},
		{"timeout": null},
	] {
		findings := runbook_denials([object.union(quick, extra)], short, longest("1m"))
		{finding.code | some finding in findings} == {"runbook_settings.timeout"}
		{finding.change_id | some finding in findings} == {"s1"}
	}
	every extra in [
		{"settings": {"default_timeout": 60001}},
		{"acceptance": [{"id": "C1", "check": slow}]},
		{"assumptions": [{"id": "A1", "check": slow}]},
		{"verification": [{"name": "tests", "check": slow}]},
	] {
		runbook_denied([quick], object.union(short, extra), longest("1m")) == {"runbook_settings.timeout"}
	}
	runbook_denied([object.remove(quick, ["timeout"])], short, longest("1m")) == {"runbook_settings.timeout"}
}

test_what_is_only_called_timeout_is_no_bound if {
	quick := object.union(step(1, {}), {"timeout": 1000})
	body := {"action": {"body": {"json": {"timeout": 9000000}}}}
	found := [
		object.union(quick, {"spec": {"env": {"timeout": "9000000"}}}),
		object.union(quick, {"spec": {"outputs": {"timeout": {"from": "stdout"}}}}),
		object.union(quick, {"spec": object.union(request("POST", "https://a.example/"), body)}),
		object.union(quick, {"spec": {"timeout_total": 9000000}}),
	]
	extra := {"settings": {"default_timeout": 1000}, "parameters": {"timeout": {"type": "integer", "value": 9000000}}}
	runbook_denied(found, extra, longest("1m")) == set()
}

test_the_finding_names_the_step_and_both_lengths if {
	every milliseconds, words in {7200000: "2h", 5400000: "90m", 61000: "61s", 60001: "60001ms"} {
		found := [object.union(step(1, {}), {"timeout": milliseconds})]
		some finding in runbook_denials(found, {"settings": {"default_timeout": 1}}, longest("1m"))
		finding.msg == concat(" ", [
			sprintf(`RUN step "Step 1" may take %s;`, [words]),
			"data.enact.settings.runbook_settings.longest_timeout is 1m.",
		])
	}
}

test_pins_are_for_runbooks_only if {
	settings := {"runbook_settings": {"require_approval": true, "longest_timeout": "1s"}}
	denied(changes(3, "RUN", {"timeout": 9000000}), settings) == set()
}

test_no_pins_no_rule if {
	loose := {"settings": {key: not_(strict) | some key, strict in data.enact.plan.strict_values}}
	every section in [{}, null, {"require_approval": null, "longest_timeout": null, "max_plan_steps": null}] {
		runbook_denied([step(1, {})], loose, {"runbook_settings": section}) == set()
	}
}
