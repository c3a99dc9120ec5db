package enact.plan_test

by_effect := {"runbook_assurance": {"effects": {
	"read": {"approvals": 1},
	"write": {"assurance": "signed"},
	"destroy": {"assurance": "hardware", "approvals": 2},
}}}

by_risk := {"runbook_assurance": {"risks": {
	"medium": {"approvals": 1},
	"high": {"not_author": true},
	"critical": {"approvals": 2, "roles": ["dba"]},
}}}

# The levels whose demands are made.
levels_asked(found, extra, settings) := {level |
	some finding in runbook_asked(found, extra, settings)
	some level in ["read", "write", "destroy", "low", "medium", "high", "critical"]
	endswith(finding.msg, sprintf(".%s).", [level]))
}

test_the_furthest_effect_counts_and_those_below_it if {
	reading := step(1, {"effect": "read"})
	levels_asked([reading], {}, by_effect) == {"read"}
	levels_asked([reading, step(2, {})], {}, by_effect) == {"read", "write"}
	levels_asked([reading, step(2, {}), destroying_step({})], {}, by_effect) == {"read", "write", "destroy"}
	levels_asked([reading, change(2, "DELETE", "portal")], {}, by_effect) == {"read", "write", "destroy"}
	levels_asked([object.remove(step(1, {}), ["effect"])], {}, by_effect) == {"read", "write"}
	levels_asked([], {}, by_effect) == {"read"}
}

test_a_level_without_an_entry_is_asked_what_is_asked_below_it if {
	settings := {"runbook_assurance": {"effects": {"write": {"assurance": "signed"}}}}
	runbook_asked([destroying_step({})], {}, settings) == {{
		"code": "runbook_assurance.effect",
		"assurance": "signed",
		"msg": concat(" ", [
			"The runbook reaches destroy: a person must approve, with an assurance of signed at least",
			"(data.enact.settings.runbook_assurance.effects.write).",
		]),
	}}
	runbook_asked([step(1, {"effect": "read"})], {}, settings) == set()
}

test_blocked_changes_reach_nowhere if {
	levels_asked([object.union(destroying_step({}), blocked)], {}, by_effect) == {"read"}
}

test_the_risk_counts_and_those_below_it if {
	every level, expected in {
		"low": set(),
		"medium": {"medium"},
		"high": {"medium", "high"},
		"critical": {"medium", "high", "critical"},
	} {
		levels_asked([step(1, {})], {"risk": {"level": level}}, by_risk) == expected
	}
	some finding in runbook_asked([step(1, {})], {"risk": {"level": "medium"}}, by_risk)
	finding.code == "runbook_assurance.risk"
	finding.msg == concat(" ", [
		"The runbook's risk is medium: a person must approve",
		"(data.enact.settings.runbook_assurance.risks.medium).",
	])
}

test_a_risk_that_is_not_said_counts_as_critical if {
	every extra in [
		{},
		{"risk": {}},
		{"risk": {"worst": "x"}},
		{"risk": {"level": null}},
		{"risk": {"level": "none"}},
		{"risk": {"level": "LOW"}},
		{"risk": {"level": 0}},
		{"risk": "low"},
		{"risk": null},
	] {
		levels_asked([step(1, {})], extra, by_risk) == {"medium", "high", "critical"}
	}
	every extra in [{}, {"risk": {"level": "none"}}] {
		some finding in runbook_asked([step(1, {})], extra, by_risk)
		contains(finding.msg, "The runbook's risk is not said, which counts as critical: ")
	}
}

test_effect_and_risk_ask_by_themselves if {
	settings := {"runbook_assurance": {"effects": {"write": {"approvals": 1}}, "risks": {"low": {"approvals": 1}}}}
	{finding.code | some finding in runbook_asked([step(1, {})], {}, settings)} == {
		"runbook_assurance.effect",
		"runbook_assurance.risk",
	}
}

no_self_answers := {"runbook_assurance": {"self_answers": "denied"}}

question(extra) := object.union(
	{"id": "Q1", "text": "?", "blocking": true, "answer": "yes", "answered_by": "ann", "self_answered": true},
	extra,
)

test_answers_of_the_author_to_blocking_questions_are_denied if {
	some finding in runbook_denials([], {"questions": [question({})]}, no_self_answers)
	finding.code == "runbook_assurance.self_answered"
	startswith(finding.msg, `The question "Q1" was answered by the author of the runbook.`)
	contains(finding.msg, "data.enact.settings.runbook_assurance.self_answers")
	silent := object.remove(question({}), ["blocking"])
	runbook_denied([], {"questions": [silent]}, no_self_answers) == {"runbook_assurance.self_answered"}
	two := [question({}), question({"id": "Q2"}), question({"id": "Q3", "self_answered": false})]
	count(runbook_denials([], {"questions": two}, no_self_answers)) == 2
}

test_answers_of_nobody_to_blocking_questions_are_denied if {
	every extra in [{"answered_by": ""}, {"answered_by": null}] {
		unnamed := question(object.union({"self_answered": false}, extra))
		runbook_denied([], {"questions": [unnamed]}, no_self_answers) == {"runbook_assurance.self_answered"}
	}
	bare := object.remove(question({}), ["answered_by", "self_answered"])
	some finding in runbook_denials([], {"questions": [bare]}, no_self_answers)
	startswith(finding.msg, `The question "Q1" was answered by nobody who is named.`)
}

test_other_answers_pass if {
	every extra in [{"self_answered": false}, {"blocking": false}] {
		runbook_denied([], {"questions": [question(extra)]}, no_self_answers) == set()
	}
	runbook_denied([], {"questions": [object.remove(question({}), ["self_answered"])]}, no_self_answers) == set()
	runbook_denied([], {}, no_self_answers) == set()
}

test_no_settings_of_assurance_no_rule if {
	extra := {"risk": {"level": "critical"}, "questions": [question({})]}
	every section in [
		{},
		null,
		{"effects": {}, "risks": {}, "self_answers": "allowed"},
		{"effects": null, "risks": null, "self_answers": null},
		{"effects": {"read": {}}, "risks": {"low": {"approvals": null, "roles": []}}},
	] {
		runbook_asked([destroying_step({})], extra, {"runbook_assurance": section}) == set()
		runbook_denied([destroying_step({})], extra, {"runbook_assurance": section}) == set()
	}
}
