package enact.bundle_test

test_malformed_settings_of_actions_are_faults if {
	every settings in [
		"strict",
		[],
		{"namespaces": ["a"]},
		{"protected_namespaces": "a"},
		{"protected_namespaces": [1]},
		{"executor_namespace": ""},
		{"executor_namespace": ["a"]},
		{"node_name_heuristic": "no"},
		{"max_patch_bytes": "1"},
		{"max_patch_bytes": 0},
		{"allowed": "DeletePod"},
		{"allowed": {"DeletePod": true}},
		{"allowed": [1]},
	] {
		faults({"actions": settings}) == {"actions.malformed"}
	}
}

test_the_malformed_setting_of_actions_is_named if {
	some msg in messages({"actions": {"allowed": "DeletePod"}})
	contains(msg, "data.enact.settings.actions.allowed is malformed: it must be a list of names.")
	some other in messages({"actions": {"namespaces": ["a"]}})
	contains(other, "data.enact.settings.actions.namespaces is malformed: it must be left out")
}

test_settings_of_actions_may_be_null_or_left_out if {
	every settings in [
		null,
		{},
		{
			"protected_namespaces": null,
			"executor_namespace": null,
			"node_name_heuristic": null,
			"max_patch_bytes": null,
			"allowed": null,
		},
		{"protected_namespaces": [], "allowed": []},
		{
			"protected_namespaces": ["a"],
			"executor_namespace": "b",
			"node_name_heuristic": false,
			"max_patch_bytes": 1,
			"allowed": ["DeletePod"],
		},
	] {
		faults({"actions": settings}) == set()
	}
}
