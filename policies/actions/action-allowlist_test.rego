package kubernetes_executor.safety_test

test_an_unknown_action_is_denied if {
	codes(asking("DeleteNamespace", {})) == {"action.not_allowed"}
	messages(asking("DeleteNamespace", {})) == {"Action not in allowlist: DeleteNamespace"}
	not allowed(asking("DeleteNamespace", {}))
}

test_names_of_actions_are_compared_as_they_are if {
	every action in ["deletepod", "DeletePod ", "", "Delete"] {
		codes(asking(action, {})) == {"action.not_allowed"}
	}
}

test_a_missing_action_is_denied if {
	asked := without(question("DeletePod"), "action")
	codes(asked) == {"action.not_allowed"}
	messages(asked) == {"Action not in allowlist: none is named"}
	not allowed(asked)
}

test_an_action_that_is_no_text_is_denied if {
	every action in [null, 5, ["DeletePod"], {"DeletePod": true}] {
		codes(asking("DeletePod", {"action": action})) == {"action.not_allowed"}
	}
}

test_the_list_can_be_narrowed if {
	codes_with(question("RolloutStatus"), {"allowed": ["RolloutStatus"]}) == set()
	codes_with(question("DeletePod"), {"allowed": ["RolloutStatus"]}) == {"action.not_allowed"}
}

test_an_empty_list_allows_nothing if {
	every action in actions {
		codes_with(question(action), {"allowed": []}) == {"action.not_allowed"}
	}
}
