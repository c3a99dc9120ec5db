package enact.plan_test

everything_on := {
	"deletions": {"max": 0, "max_share": 0, "share_from": 0},
	"delete_namespaces": [],
	"freeze": {"namespaces": ["default"], "windows": [{"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}]},
	"required_labels": {"portal": ["team"]},
	"protected_types": {"portal": ["CREATE", "UPDATE", "DELETE", "RUN"]},
	"blast_radius": {"changes": 0, "destroys": 0, "namespaces": 0},
	"self_approval": {"forbidden": true},
}

test_everything_on_denies_each_action if {
	every action in ["CREATE", "UPDATE", "DELETE", "RUN"] {
		count(denied(changes(1, action, {}), everything_on)) >= 3
	}
}

test_blocked_changes_are_no_concern_of_any_rule if {
	every action in ["CREATE", "UPDATE", "DELETE", "RUN"] {
		denied(changes(60, action, blocked), everything_on) == set()
		asked(changes(60, action, blocked), everything_on) == set()
		warned(changes(60, action, blocked), everything_on) == set()
	}
}

test_only_true_means_blocked if {
	denied(changes(1, "DELETE", {"blocked": false}), everything_on) != set()
	denied(changes(1, "DELETE", {"blocked": "no"}), everything_on) != set()
}

test_an_empty_plan_passes_everything if {
	denied([], everything_on) == set()
	asked([], everything_on) == set()
}

test_without_settings_nothing_happens if {
	every settings in [{}, null] {
		denied(changes(60, "DELETE", {}), settings) == set()
		asked(changes(60, "DELETE", {}), settings) == set()
		warned(changes(60, "DELETE", {}), settings) == set()
	}
}

test_sections_may_be_null if {
	settings := {name: null | some name, _ in everything_on}
	denied(changes(60, "DELETE", {}), settings) == set()
	asked(changes(60, "DELETE", {}), settings) == set()
}

test_own_sections_are_nobodys_concern if {
	denied(changes(1, "CREATE", {}), {"our_rule": {"anything": true}}) == set()
}

test_a_plan_without_a_list_of_changes_is_denied if {
	every found in [null, {}, "x"] {
		input_document := document(found)
		"input.malformed" in {finding.code | some finding in data.enact.plan.deny} with input as input_document
			with data.enact.settings as {}
	}
	{finding.code | some finding in data.enact.plan.deny} == {"input.malformed"} with input as {}
		with data.enact.settings as {}
}

test_a_change_with_next_to_nothing_in_it_is_denied_not_forgotten if {
	denied([{"action": "DELETE"}], {"delete_namespaces": ["a"]}) == {"delete_namespaces.outside"}
	portals_stay_here := {"protected_types": {"portal": ["DELETE"]}}
	denied([{"action": "DELETE", "resource_type": "portal"}], portals_stay_here) == {"protected_types.denied"}
	teams_are_named := {"required_labels": {"portal": ["team"]}}
	denied([{"action": "CREATE", "resource_type": "portal"}], teams_are_named) == {"labels.missing"}
}

test_long_lists_of_findings_are_cut_and_counted if {
	findings := denials(changes(80, "DELETE", {}), {"delete_namespaces": []})
	some finding in findings
	startswith(finding.msg, "30 more deletions")
	every number, expected in {50: 50, 51: 51, 80: 51} {
		count(denials(changes(number, "DELETE", {}), {"delete_namespaces": []})) == expected
		count(denials(changes(number, "DELETE", {}), {"protected_types": {"portal": ["DELETE"]}})) == expected
		count(denials(changes(number, "CREATE", {}), {"required_labels": {"portal": ["team"]}})) == expected
	}
}

test_long_lists_of_names_are_cut_and_counted if {
	data.enact.plan.listed({"b", "a"}) == "a, b"
	data.enact.plan.listed({sprintf("n%d", [number]) | some number in numbers.range(10, 19)}) == concat(", ", [
		"n10, n11, n12, n13, n14",
		"n15, n16, n17, n18, n19",
	])
	data.enact.plan.listed({sprintf("n%d", [number]) | some number in numbers.range(10, 22)}) == concat(" ", [
		"n10, n11, n12, n13, n14, n15, n16, n17, n18, n19",
		"and 3 more",
	])
}

test_every_finding_has_a_code_and_a_message if {
	every finding in denials(changes(1, "DELETE", {}), everything_on) {
		is_string(finding.code)
		is_string(finding.msg)
		finding.msg != ""
	}
	every finding in asked(changes(1, "DELETE", {}), everything_on) {
		is_string(finding.code)
		is_string(finding.msg)
	}
}
