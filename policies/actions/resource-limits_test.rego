package kubernetes_executor.safety_test

patches := {"PatchConfigMap", "PatchSecret"}

of_size(action, bytes) := asking(action, {"cluster": {"preview_bytes": bytes}})

test_a_patch_at_the_limit_passes if {
	every action in patches {
		codes(of_size(action, 1048576)) == set()
	}
}

test_one_byte_above_the_limit_is_denied if {
	every action in patches {
		codes(of_size(action, 1048577)) == {"patch.too_large"}
		some message in messages(of_size(action, 1048577))
		contains(message, "Patch exceeds size limit")
		contains(message, "1048577 bytes; at most 1048576")
	}
}

test_the_limit_can_be_set if {
	codes_with(of_size("PatchSecret", 64), {"max_patch_bytes": 64}) == set()
	codes_with(of_size("PatchSecret", 65), {"max_patch_bytes": 64}) == {"patch.too_large"}
	codes_with(of_size("PatchSecret", 1048577), {"max_patch_bytes": 2000000}) == set()
}

test_a_patch_of_unknown_size_is_denied if {
	every action in patches {
		codes(without(question(action), "cluster/preview_bytes")) == {"patch.size_unknown"}
		codes(without(question(action), "cluster")) == {"patch.size_unknown"}
		codes(of_size(action, null)) == {"patch.size_unknown"}
		codes(of_size(action, "100")) == {"patch.size_unknown"}
	}
}

test_a_patch_that_is_new_to_the_rule_is_measured_too if {
	asked := of_size("PatchService", 1048577)
	codes_with(asked, {"allowed": ["PatchService"]}) == {"patch.too_large"}
}

test_other_actions_have_no_size if {
	codes(without(question("UpdateImage"), "cluster/preview_bytes")) == set()
	codes(of_size("UpdateImage", 1048577)) == set()
}
