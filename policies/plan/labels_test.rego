package enact.plan_test

team_and_owner := {"required_labels": {"portal": ["team", "owner"]}}

labelled(action, labels) := [object.union(change(1, action, "portal"), {"desired": {"labels": labels}})]

test_labels_that_are_there_pass if {
	every action in ["CREATE", "UPDATE"] {
		denied(labelled(action, {"team": "a", "owner": "b", "more": "c"}), team_and_owner) == set()
	}
}

test_one_label_too_few_is_denied_and_named if {
	every action in ["CREATE", "UPDATE"] {
		findings := denials(labelled(action, {"team": "a"}), team_and_owner)
		count(findings) == 1
		some finding in findings
		finding.code == "labels.missing"
		contains(finding.change_id, ":portal:1")
		contains(finding.msg, "lacks a label: owner.")
		contains(finding.msg, "data.enact.settings.required_labels.portal")
	}
}

test_all_missing_labels_are_named if {
	some finding in denials(labelled("CREATE", {}), team_and_owner)
	contains(finding.msg, "lacks 2 labels: owner, team.")
}

test_a_label_without_a_text_is_missing if {
	every value in ["", "  ", null, 5, true, {"$env": "TEAM"}] {
		denied(labelled("CREATE", {"team": value, "owner": "b"}), team_and_owner) == {"labels.missing"}
	}
}

test_labels_that_are_no_object_are_missing if {
	every labels in [null, "team", 5, ["team", "owner"]] {
		denied(labelled("CREATE", labels), team_and_owner) == {"labels.missing"}
	}
}

test_a_create_without_labels_is_denied if {
	denied(changes(1, "CREATE", {}), team_and_owner) == {"labels.missing"}
	denied(changes(1, "CREATE", {"desired": {"name": "x"}}), team_and_owner) == {"labels.missing"}
	denied(changes(1, "CREATE", {"desired": null}), team_and_owner) == {"labels.missing"}
}

test_an_update_that_leaves_labels_alone_is_judged_by_those_that_are_there if {
	seen := {"current": {"labels": {"team": "a", "owner": "b"}}, "desired": {"description": "new"}}
	denied(changes(1, "UPDATE", seen), team_and_owner) == set()
	bare := {"current": {"labels": {"team": "a"}}, "desired": {"description": "new"}}
	denied(changes(1, "UPDATE", bare), team_and_owner) == {"labels.missing"}
	denied(changes(1, "CREATE", seen), team_and_owner) == {"labels.missing"}
}

test_an_update_that_takes_labels_away_is_denied if {
	gone := {"current": {"labels": {"team": "a", "owner": "b"}}, "desired": {"labels": {}}}
	denied(changes(1, "UPDATE", gone), team_and_owner) == {"labels.missing"}
}

test_other_types_and_actions_need_no_labels if {
	denied([change(1, "CREATE", "portal_page")], team_and_owner) == set()
	denied(changes(1, "DELETE", {}), team_and_owner) == set()
	denied(changes(1, "RUN", {}), team_and_owner) == set()
}

test_blocked_changes_need_no_labels if {
	denied(changes(1, "CREATE", blocked), team_and_owner) == set()
}

test_no_required_labels_no_rule if {
	denied(changes(1, "CREATE", {}), {"required_labels": {}}) == set()
	denied(changes(1, "CREATE", {}), {"required_labels": {"portal": []}}) == set()
	denied(changes(1, "CREATE", {}), {}) == set()
}
