# What data.yaml says as it is shipped. `enact policy init` leaves this file out: no other test looks at the settings.
package enact.plan_test

test_as_shipped_only_the_cap_on_deletions_acts_on_changes if {
	every action in ["CREATE", "UPDATE", "RUN"] {
		many := document(changes(200, action, {}))
		data.enact.plan.deny == set() with input as many
		data.enact.plan.require_approval == set() with input as many
		data.enact.plan.warn == set() with input as many
	}
	too_many := document(changes(51, "DELETE", {}))
	{finding.code | some finding in data.enact.plan.deny} == {"deletions.too_many"} with input as too_many
	data.enact.plan.require_approval == set() with input as too_many
	data.enact.plan.deny == set() with input as document(changes(50, "DELETE", {}))
}

test_as_shipped_a_sync_may_delete_half_of_what_is_managed if {
	half_of_it := sync(changes(10, "DELETE", {}), {"portal": 20})
	data.enact.plan.deny == set() with input as half_of_it
	more_than_half := sync(changes(10, "DELETE", {}), {"portal": 19})
	{finding.code | some finding in data.enact.plan.deny} == {"deletions.share"} with input as more_than_half
	a_few := sync(changes(9, "DELETE", {}), {"portal": 9})
	data.enact.plan.deny == set() with input as a_few
}

test_as_shipped_a_runbook_is_only_held_to_ask_for_approval if {
	found := array.concat(everywhere(run("x")), [
		step(10, {"effect": "destroy", "spec": request("POST", "http://a.example/")}),
		step(11, {"timeout": 86400000}),
	])
	extra := {
		"settings": {"allow_skip": true, "stop_on_error": false, "max_plan_steps": 1000},
		"risk": {"level": "critical"},
		"questions": [question({})],
		"parameters": {"token": {"type": "secret", "from": "env:TOKEN"}},
	}
	in_order := runbook_of(found, extra)
	data.enact.plan.deny == set() with input as in_order
	data.enact.plan.require_approval == set() with input as in_order
	data.enact.plan.warn == set() with input as in_order
	unapproved := runbook_of(found, {"settings": {"require_approval": false}})
	{finding.code | some finding in data.enact.plan.deny} == {"runbook_settings.looser"} with input as unapproved
}

test_as_shipped_actions_are_judged_by_the_built_in_values if {
	settings := data.enact.settings.actions
	settings.executor_namespace == "kubernetes-executor-system"
	settings.protected_namespaces == []
	settings.node_name_heuristic == true
	settings.max_patch_bytes == 1048576
	settings.allowed == null
}

test_as_shipped_no_setting_is_malformed if {
	data.enact.bundle.faults == set()
}
