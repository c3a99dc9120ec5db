package enact.plan_test

cap(number) := {"deletions": {"max": number}}

test_deletions_at_the_cap_pass if {
	denied(changes(3, "DELETE", {}), cap(3)) == set()
}

test_one_deletion_above_the_cap_is_denied if {
	denied(changes(4, "DELETE", {}), cap(3)) == {"deletions.too_many"}
}

test_the_message_says_how_many_how_many_may_and_where_to_change_it if {
	some finding in denials(changes(4, "DELETE", {}), cap(3))
	contains(finding.msg, "deletes 4 objects")
	contains(finding.msg, "at most 3")
	contains(finding.msg, "data.enact.settings.deletions.max")
}

test_a_cap_of_zero_denies_the_first_deletion if {
	denied(changes(1, "DELETE", {}), cap(0)) == {"deletions.too_many"}
	denied(changes(1, "CREATE", {}), cap(0)) == set()
}

test_other_actions_do_not_count_as_deletions if {
	denied(array.concat(changes(9, "CREATE", {}), changes(9, "UPDATE", {})), cap(3)) == set()
	denied(changes(9, "RUN", {"effect": "destroy"}), cap(3)) == set()
}

test_blocked_deletions_do_not_count if {
	denied(array.concat(changes(3, "DELETE", {}), changes(9, "DELETE", blocked)), cap(3)) == set()
}

test_no_cap_no_limit if {
	denied(changes(200, "DELETE", {}), cap(null)) == set()
	denied(changes(200, "DELETE", {}), {"deletions": {}}) == set()
}

test_more_than_half_of_the_cap_warns if {
	warned(changes(5, "DELETE", {}), cap(10)) == set()
	warned(changes(6, "DELETE", {}), cap(10)) == {"deletions.many"}
	warned(changes(10, "DELETE", {}), cap(10)) == {"deletions.many"}
	warned(changes(11, "DELETE", {}), cap(10)) == set()
	warned([], cap(0)) == set()
}

# The share.

sync(found, observed) := object.union(document(found), {"plan": {
	"metadata": {"mode": "sync"},
	"document": {"kind": "konnect", "observed": observed},
}})

denied_in_sync(found, observed, settings) := {finding.code | some finding in findings} if {
	findings := data.enact.plan.deny with input as sync(found, observed)
		with data.enact.settings as {"deletions": settings}
}

half := {"max_share": 0.5, "share_from": 10}

test_deletions_at_the_share_pass if {
	denied_in_sync(changes(20, "DELETE", {}), {"portal": 30, "portal_page": 10}, half) == set()
}

test_one_deletion_above_the_share_is_denied if {
	denied_in_sync(changes(21, "DELETE", {}), {"portal": 30, "portal_page": 10}, half) == {"deletions.share"}
	denied_in_sync(changes(20, "DELETE", {}), {"portal": 30, "portal_page": 9}, half) == {"deletions.share"}
}

test_the_message_says_how_many_of_how_many if {
	found := changes(21, "DELETE", {})
	findings := data.enact.plan.deny with input as sync(found, {"portal": 41})
		with data.enact.settings as {"deletions": half}
	some finding in findings
	contains(finding.msg, "deletes 21 of 41 managed objects")
	contains(finding.msg, "at most 20 are allowed, a share of 0.5")
	contains(finding.msg, "data.enact.settings.deletions.max_share")
}

test_the_share_counts_from_the_number_that_is_set if {
	denied_in_sync(changes(9, "DELETE", {}), {"portal": 9}, half) == set()
	denied_in_sync(changes(10, "DELETE", {}), {"portal": 10}, half) == {"deletions.share"}
}

test_without_that_number_the_share_counts_from_the_first if {
	every settings in [{"max_share": 0.5}, {"max_share": 0.5, "share_from": null}] {
		denied_in_sync(changes(1, "DELETE", {}), {"portal": 1}, settings) == {"deletions.share"}
	}
}

test_a_share_without_an_exact_form_is_not_off_by_one if {
	every percent in numbers.range(1, 100) {
		settings := {"max_share": percent / 100}
		denied_in_sync(changes(percent, "DELETE", {}), {"portal": 100}, settings) == set()
		denied_in_sync(changes(percent + 1, "DELETE", {}), {"portal": 100}, settings) == {"deletions.share"}
	}
}

test_only_numbers_count_as_found if {
	denied_in_sync(changes(10, "DELETE", {}), {"portal": 20, "page": "20"}, half) == set()
	denied_in_sync(changes(11, "DELETE", {}), {"portal": 20, "page": "20"}, half) == {"deletions.share"}
}

test_a_share_of_nothing_found_denies if {
	denied_in_sync(changes(10, "DELETE", {}), {}, half) == {"deletions.share"}
}

test_blocked_deletions_do_not_count_for_the_share if {
	found := array.concat(changes(20, "DELETE", {}), changes(9, "DELETE", blocked))
	denied_in_sync(found, {"portal": 40}, half) == set()
}

test_the_share_is_for_syncs_only if {
	every mode in ["apply", "delete", "run"] {
		other := {"plan": {"metadata": {"mode": mode}}}
		found := object.union(sync(changes(20, "DELETE", {}), {"portal": 20}), other)
		data.enact.plan.deny == set() with input as found with data.enact.settings as {"deletions": half}
	}
}

test_the_share_is_not_checked_where_the_plan_does_not_say_what_was_found if {
	found := object.union(document(changes(20, "DELETE", {})), {"plan": {"metadata": {"mode": "sync"}}})
	data.enact.plan.deny == set() with input as found with data.enact.settings as {"deletions": half}
}

test_no_share_no_limit if {
	denied_in_sync(changes(20, "DELETE", {}), {"portal": 20}, {"max_share": null, "share_from": 1}) == set()
	denied_in_sync(changes(20, "DELETE", {}), {"portal": 20}, {"share_from": 1}) == set()
}

# A runbook's step that syncs.

runbook_with(found, observed) := object.union(document(found), {"plan": {
	"metadata": {"mode": "run"},
	"document": {"groups": [
		{"step": "clean", "changes": ids_of(found), "observed": observed},
		{"step": "other", "changes": []},
	]},
}})

ids_of(found) := [entry.change_id | some entry in found]

denied_in_run(found, observed, settings) := {finding.code | some finding in findings} if {
	findings := data.enact.plan.deny with input as runbook_with(found, observed)
		with data.enact.settings as {"deletions": settings}
}

test_a_step_that_syncs_is_held_to_the_share_of_what_it_found if {
	denied_in_run(changes(20, "DELETE", {}), {"portal": 40}, half) == set()
	denied_in_run(changes(21, "DELETE", {}), {"portal": 40}, half) == {"deletions.share"}
	denied_in_run(changes(9, "DELETE", {}), {"portal": 9}, half) == set()
}

test_the_message_names_the_step if {
	findings := data.enact.plan.deny with input as runbook_with(changes(21, "DELETE", {}), {"portal": 40})
		with data.enact.settings as {"deletions": half}
	some finding in findings
	contains(finding.msg, "Step clean deletes 21 of 40 managed objects; at most 20 are allowed")
}
