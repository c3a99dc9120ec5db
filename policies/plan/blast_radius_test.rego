package enact.plan_test

above(key, number) := {"blast_radius": {key: number, "approvals": 3}}

codes_asked(found, settings) := {finding.code | some finding in asked(found, settings)}

test_changes_at_the_number_need_nobody_more if {
	codes_asked(changes(4, "CREATE", {}), above("changes", 4)) == set()
}

test_one_change_above_needs_more_people if {
	findings := asked(changes(5, "CREATE", {}), above("changes", 4))
	count(findings) == 1
	some finding in findings
	finding.code == "blast_radius.changes"
	finding.approvals == 3
	finding.roles == []
	not "assurance" in object.keys(finding)
	contains(finding.msg, "5 writing changes; above 4, 3 people must approve")
	contains(finding.msg, "data.enact.settings.blast_radius.changes")
}

test_changes_that_only_read_do_not_count if {
	codes_asked(changes(9, "RUN", {"effect": "read"}), above("changes", 4)) == set()
}

test_a_change_of_unknown_effect_counts if {
	silent := [object.remove(found, ["effect"]) | some found in changes(5, "RUN", {})]
	codes_asked(silent, above("changes", 4)) == {"blast_radius.changes"}
}

test_destroys_at_the_number_need_nobody_more if {
	codes_asked(array.concat(changes(2, "DELETE", {}), changes(9, "CREATE", {})), above("destroys", 2)) == set()
}

test_one_destroy_above_needs_more_people if {
	codes_asked(changes(3, "DELETE", {}), above("destroys", 2)) == {"blast_radius.destroys"}
	found := array.concat(changes(2, "DELETE", {}), changes(1, "RUN", {"effect": "destroy"}))
	codes_asked(found, above("destroys", 2)) == {"blast_radius.destroys"}
}

in_namespaces(number) := [object.union(change(index, "CREATE", "portal"), {"namespace": sprintf("n%d", [index])}) |
	some index in numbers.range(1, number)
]

test_namespaces_at_the_number_need_nobody_more if {
	codes_asked(array.concat(in_namespaces(2), in_namespaces(2)), above("namespaces", 2)) == set()
}

test_one_namespace_above_needs_more_people if {
	codes_asked(in_namespaces(3), above("namespaces", 2)) == {"blast_radius.namespaces"}
}

test_changes_without_a_namespace_add_none if {
	bare := [object.remove(found, ["namespace"]) | some found in changes(9, "RUN", {})]
	codes_asked(bare, above("namespaces", 0)) == set()
}

test_blocked_changes_add_nothing_to_the_radius if {
	every key in ["changes", "destroys", "namespaces"] {
		codes_asked(changes(9, "DELETE", blocked), above(key, 0)) == set()
	}
}

test_each_number_asks_by_itself if {
	settings := {"blast_radius": {"changes": 0, "destroys": 0, "namespaces": 0}}
	codes_asked(changes(1, "DELETE", {}), settings) == {
		"blast_radius.changes",
		"blast_radius.destroys",
		"blast_radius.namespaces",
	}
}

test_who_must_approve_is_handed_on if {
	settings := {"blast_radius": {"changes": 0, "approvals": 1, "assurance": "signed", "roles": ["platform"]}}
	denied(changes(1, "CREATE", {}), settings) == set()
	some finding in asked(changes(1, "CREATE", {}), settings)
	finding.approvals == 1
	finding.assurance == "signed"
	finding.roles == ["platform"]
	contains(finding.msg, "a person must approve")
}

test_two_people_where_nobody_says_how_many if {
	every settings in [{"changes": 0}, {"changes": 0, "approvals": null, "roles": null}] {
		some finding in asked(changes(1, "CREATE", {}), {"blast_radius": settings})
		finding.approvals == 2
		finding.roles == []
		denied(changes(1, "CREATE", {}), {"blast_radius": settings}) == set()
	}
}

test_assurance_may_be_null if {
	settings := {"blast_radius": {"changes": 0, "assurance": null}}
	codes_asked(changes(1, "CREATE", {}), settings) == {"blast_radius.changes"}
	denied(changes(1, "CREATE", {}), settings) == set()
}

test_no_numbers_no_rule if {
	off := {"blast_radius": {"changes": null, "destroys": null, "namespaces": null, "approvals": 2}}
	codes_asked(changes(200, "DELETE", {}), off) == set()
	codes_asked(changes(200, "DELETE", {}), {"blast_radius": {}}) == set()
	codes_asked(changes(200, "DELETE", {}), {}) == set()
}
