package enact.plan_test

portals_stay := {"protected_types": {"portal": ["DELETE"], "portal_page": ["UPDATE", "DELETE"]}}

test_a_protected_action_is_denied_and_named if {
	findings := denials(changes(1, "DELETE", {}), portals_stay)
	count(findings) == 1
	some finding in findings
	finding.code == "protected_types.denied"
	finding.change_id == "delete:portal:1"
	contains(finding.msg, `DELETE portal "name 1" is not allowed`)
	contains(finding.msg, "data.enact.settings.protected_types.portal")
}

test_each_action_of_the_list_is_denied if {
	denied([change(1, "UPDATE", "portal_page")], portals_stay) == {"protected_types.denied"}
	denied([change(1, "DELETE", "portal_page")], portals_stay) == {"protected_types.denied"}
}

test_other_actions_and_types_pass if {
	denied(changes(1, "UPDATE", {}), portals_stay) == set()
	denied(changes(1, "CREATE", {}), portals_stay) == set()
	denied([change(1, "DELETE", "api")], portals_stay) == set()
}

test_blocked_changes_of_protected_types_pass if {
	denied(changes(1, "DELETE", blocked), portals_stay) == set()
}

test_no_protected_types_no_rule if {
	denied(changes(1, "DELETE", {}), {"protected_types": {}}) == set()
	denied(changes(1, "DELETE", {}), {"protected_types": {"portal": []}}) == set()
	denied(changes(1, "DELETE", {}), {}) == set()
}
