package kubernetes_executor.safety_test

test_all_ten_actions_are_allowed_on_harmless_targets if {
	count(actions) == 10
	every action in actions {
		codes(question(action)) == set()
		allowed(question(action))
	}
}

test_one_reason_to_deny_is_enough if {
	asked := asking("DeletePod", {"target_resource": {"namespace": "kube-system"}})
	not allowed(asked)
	data.kubernetes_executor.safety.allow == false with input as asked
}

test_an_empty_question_is_denied if {
	not allowed({})
	not allowed({"action": null, "target_resource": null, "cluster": null, "typed": null, "claimed_labels": null})
}

test_without_settings_the_rules_are_as_strict_as_shipped if {
	every settings in [{}, null, {"allowed": null, "protected_namespaces": null, "max_patch_bytes": null}] {
		in_system := asking("DeletePod", {"target_resource": {"namespace": "kube-system"}})
		codes_with(in_system, settings) == {"namespace.protected"}
		codes_with(asking("DrainNode", {"target_resource": {"name": "master-1"}}), settings) == {"node.control_plane_name"}
		codes_with(asking("PatchSecret", {"cluster": {"preview_bytes": 1048577}}), settings) == {"patch.too_large"}
		codes_with(asking("FormatDisk", {}), settings) == {"action.not_allowed"}
		codes_with(question("DeletePod"), settings) == set()
	}
}

test_settings_that_are_missing_altogether_are_as_strict_too if {
	asked := asking("DeletePod", {"target_resource": {"namespace": "kube-public"}})
	not data.kubernetes_executor.safety.allow with input as asked with data.enact as {}
	harmless := question("DeletePod")
	data.kubernetes_executor.safety.allow with input as harmless with data.enact as {}
}
