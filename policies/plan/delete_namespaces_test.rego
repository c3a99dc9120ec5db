package enact.plan_test

sandbox_only := {"delete_namespaces": ["sandbox", "tests"]}

test_deletions_in_the_named_namespaces_pass if {
	denied(changes(2, "DELETE", {"namespace": "sandbox"}), sandbox_only) == set()
	denied(changes(2, "DELETE", {"namespace": "tests"}), sandbox_only) == set()
}

test_a_deletion_elsewhere_is_denied_and_named if {
	findings := denials(changes(1, "DELETE", {"namespace": "prod"}), sandbox_only)
	count(findings) == 1
	some finding in findings
	finding.code == "delete_namespaces.outside"
	finding.change_id == "delete:portal:1"
	contains(finding.msg, `DELETE portal "name 1" is in namespace "prod"`)
	contains(finding.msg, "data.enact.settings.delete_namespaces")
}

test_names_of_namespaces_are_compared_whole if {
	denied(changes(1, "DELETE", {"namespace": "sandbox2"}), sandbox_only) == {"delete_namespaces.outside"}
}

test_a_deletion_without_a_namespace_is_denied if {
	findings := denials([object.remove(change(1, "DELETE", "portal"), ["namespace"])], sandbox_only)
	some finding in findings
	contains(finding.msg, "is in no namespace")
}

test_other_actions_may_happen_anywhere if {
	denied(array.concat(changes(1, "CREATE", {}), changes(1, "UPDATE", {})), sandbox_only) == set()
}

test_blocked_deletions_may_be_anywhere if {
	denied(changes(1, "DELETE", blocked), sandbox_only) == set()
}

test_an_empty_list_denies_every_deletion if {
	denied(changes(1, "DELETE", {"namespace": "sandbox"}), {"delete_namespaces": []}) == {"delete_namespaces.outside"}
}

test_no_list_allows_deletions_everywhere if {
	denied(changes(1, "DELETE", {}), {"delete_namespaces": null}) == set()
	denied(changes(1, "DELETE", {}), {}) == set()
}
