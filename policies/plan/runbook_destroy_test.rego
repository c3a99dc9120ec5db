package enact.plan_test

destroying_step(extra) := step(1, object.union({"effect": "destroy"}, extra))

way_back := {"runbook_destroy": {"undo_or_hold": true}}

test_what_destroys_asks_for_what_is_set if {
	settings := {"runbook_destroy": {"approvals": 2, "assurance": "hardware", "roles": ["dba", "sre"], "not_author": true}}
	findings := runbook_asked([step(2, {}), destroying_step({})], {}, settings)
	findings == {{
		"code": "runbook_destroy.approval",
		"approvals": 2,
		"assurance": "hardware",
		"roles": ["dba", "sre"],
		"not_author": true,
		"msg": concat(" ", [
			`The runbook destroys (RUN step "Step 1"), so 2 people must approve,`,
			"with an assurance of hardware at least, with the roles dba, sre between them, the author not counted",
			"(data.enact.settings.runbook_destroy).",
		]),
	}}
}

test_only_what_is_set_is_asked_for if {
	every section, keys in {
		{"approvals": 2}: {"approvals"},
		{"assurance": "signed", "approvals": null}: {"assurance"},
		{"roles": ["dba"], "not_author": false}: {"roles"},
		{"not_author": true, "roles": []}: {"not_author"},
	} {
		some finding in runbook_asked([destroying_step({})], {}, {"runbook_destroy": section})
		object.keys(finding) == keys | {"code", "msg"}
	}
}

test_a_deletion_in_a_runbook_destroys if {
	found := [step(1, {}), change(2, "DELETE", "portal")]
	count(runbook_asked(found, {}, {"runbook_destroy": {"approvals": 2}})) == 1
	runbook_denied(found, {}, way_back) == {"runbook_destroy.no_way_back"}
}

test_what_reads_and_writes_is_not_asked_about if {
	settings := {"runbook_destroy": {"approvals": 2, "undo_or_hold": true}}
	found := [step(1, {}), step(2, {"effect": "read"})]
	runbook_asked(found, {}, settings) == set()
	runbook_denied(found, {}, settings) == set()
}

test_without_undo_and_hold_it_is_denied if {
	every undo in [{"kind": "impossible", "reason": "x"}, {"kind": "nothing"}, {"kind": "later"}, {}, null] {
		found := [object.union(object.remove(destroying_step({}), ["undo"]), {"undo": undo})]
		runbook_denied(found, {}, way_back) == {"runbook_destroy.no_way_back"}
	}
	bare := object.remove(destroying_step({}), ["undo", "handling"])
	runbook_denied([bare], {}, way_back) == {"runbook_destroy.no_way_back"}
	some finding in runbook_denials([destroying_step({})], {}, way_back)
	finding.change_id == "s1"
	startswith(finding.msg, `RUN step "Step 1" destroys, has no undo, and nobody confirms it.`)
	contains(finding.msg, "data.enact.settings.runbook_destroy.undo_or_hold")
}

test_an_undo_is_a_way_back if {
	every kind in ["run", "create_again", "restore_fields"] {
		runbook_denied([destroying_step({"undo": {"kind": kind}})], {}, way_back) == set()
	}
}

held(at) := {"handling": {"holds": [{"at": at, "count": 1}]}}

test_a_hold_before_it_is_enough_and_one_after_it_is_not if {
	runbook_denied([destroying_step(held("before"))], {}, way_back) == set()
	runbook_denied([destroying_step(held("after"))], {}, way_back) == {"runbook_destroy.no_way_back"}
	both := {"handling": {"holds": [{"at": "after", "count": 1}, {"at": "before", "count": 1}]}}
	runbook_denied([destroying_step(both)], {}, way_back) == set()
	runbook_denied([destroying_step({"handling": {"holds": []}})], {}, way_back) == {"runbook_destroy.no_way_back"}
}

test_a_hold_of_another_step_is_none if {
	found := [step(2, held("before")), destroying_step({})]
	runbook_denied(found, {}, way_back) == {"runbook_destroy.no_way_back"}
}

test_a_hold_before_the_first_change_of_a_step_is_for_all_of_them if {
	portals := [change(index, "DELETE", "portal") | some index in [1, 2, 3]]
	ids := [one.change_id | some one in portals]
	group := {"groups": [{"step": "s", "number": 1, "title": "S", "changes": ids}]}
	first_held := [object.union(portals[0], held("before")), portals[1], portals[2]]
	runbook_denied(first_held, group, way_back) == set()
	runbook_denied(first_held, {}, way_back) == {"runbook_destroy.no_way_back"}
	runbook_denied(portals, group, way_back) == {"runbook_destroy.no_way_back"}
	count(runbook_denials([portals[0], object.union(portals[1], held("before")), portals[2]], group, way_back)) == 1
	first_blocked := [object.union(first_held[0], blocked), portals[1], portals[2]]
	count(runbook_denials(first_blocked, group, way_back)) == 2
	beside := array.concat([step(9, held("before"))], portals)
	count(runbook_denials(beside, group, way_back)) == 3
}

test_no_settings_of_destroying_no_rule if {
	nothing := {"approvals": null, "assurance": null, "roles": [], "not_author": false, "undo_or_hold": false}
	every section in [{}, null, nothing] {
		runbook_asked([destroying_step({})], {}, {"runbook_destroy": section}) == set()
		runbook_denied([destroying_step({})], {}, {"runbook_destroy": section}) == set()
	}
}
