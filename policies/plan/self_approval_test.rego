package enact.plan_test

not_the_author := {"self_approval": {"forbidden": true}}

test_a_plan_that_writes_needs_somebody_else if {
	every action in ["CREATE", "UPDATE", "DELETE", "RUN"] {
		findings := asked(changes(1, action, {}), not_the_author)
		count(findings) == 1
		some finding in findings
		finding.code == "self_approval.forbidden"
		finding.not_author == true
		finding.approvals == 1
		contains(finding.msg, "data.enact.settings.self_approval.forbidden")
	}
}

test_a_plan_that_only_reads_needs_nobody_else if {
	asked(changes(3, "RUN", {"effect": "read"}), not_the_author) == set()
	asked([], not_the_author) == set()
}

test_blocked_changes_need_nobody_else if {
	asked(changes(3, "DELETE", blocked), not_the_author) == set()
}

test_authors_may_approve_unless_it_is_forbidden if {
	asked(changes(1, "DELETE", {}), {"self_approval": {"forbidden": false}}) == set()
	asked(changes(1, "DELETE", {}), {"self_approval": {"forbidden": null}}) == set()
	asked(changes(1, "DELETE", {}), {"self_approval": {}}) == set()
	asked(changes(1, "DELETE", {}), {}) == set()
}
