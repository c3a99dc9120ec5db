package kubernetes_executor.safety_test

in_namespace(action, namespace) := asking(action, {"target_resource": {"namespace": namespace}})

test_the_namespaces_of_the_cluster_are_protected_from_every_action if {
	every namespace in ["kube-system", "kube-public", "kube-node-lease"] {
		every action in actions {
			not allowed(in_namespace(action, namespace))
			messages(in_namespace(action, namespace)) == {sprintf(
				"Actions not allowed in protected namespace: %s",
				[namespace],
			)}
		}
	}
}

test_the_namespace_of_the_executor_is_protected if {
	codes(in_namespace("DeletePod", "kubernetes-executor-system")) == {"namespace.protected"}
	codes_with(in_namespace("DeletePod", "enact"), {"executor_namespace": "enact"}) == {"namespace.protected"}
	codes_with(in_namespace("DeletePod", "enact"), {}) == set()
}

test_more_namespaces_can_be_protected if {
	settings := {"protected_namespaces": ["istio-system"]}
	codes_with(in_namespace("DeletePod", "istio-system"), settings) == {"namespace.protected"}
	codes_with(in_namespace("DeletePod", "istio-system"), {"protected_namespaces": []}) == set()
}

test_settings_cannot_unprotect_the_namespaces_of_the_cluster if {
	settings := {"protected_namespaces": ["a"], "executor_namespace": "b"}
	codes_with(in_namespace("DeletePod", "kube-system"), settings) == {"namespace.protected"}
}

test_names_of_protected_namespaces_are_compared_whole if {
	codes(in_namespace("DeletePod", "kube-system-tools")) == set()
	codes(in_namespace("DeletePod", "my-kube-system")) == set()
}

test_a_namespaced_action_without_a_namespace_is_denied if {
	every action in actions - on_nodes {
		codes(without(question(action), "target_resource/namespace")) == {"namespace.missing"}
		codes(in_namespace(action, "")) == {"namespace.missing"}
		codes(in_namespace(action, null)) == {"namespace.missing"}
		codes(in_namespace(action, ["team-a"])) == {"namespace.missing"}
		"namespace.missing" in codes(without(question(action), "target_resource"))
	}
}

test_nodes_have_no_namespace if {
	every action in on_nodes {
		codes(question(action)) == set()
		codes(in_namespace(action, "")) == set()
		codes(in_namespace(action, null)) == set()
	}
}
