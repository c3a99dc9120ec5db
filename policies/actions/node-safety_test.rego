package kubernetes_executor.safety_test

control_plane := "node-role.kubernetes.io/control-plane"

test_a_node_of_the_control_plane_is_left_alone_whatever_its_name if {
	every action in on_nodes {
		every label in [control_plane, "node-role.kubernetes.io/master"] {
			asked := asking(action, {"target_resource": {"name": "cp-1"}, "cluster": {"node": {"labels": {label: ""}}}})
			codes(asked) == {"node.control_plane"}
			messages(asked) == {"Cannot perform node operations on control plane nodes"}
			not allowed(asked)
		}
	}
}

test_workers_may_be_worked_on if {
	every action in on_nodes {
		labels := {"node-role.kubernetes.io/worker": "", "app": "control-plane"}
		codes(asking(action, {"cluster": {"node": {"labels": labels}}})) == set()
	}
}

test_the_labels_of_the_target_count_too if {
	codes(asking("DrainNode", {"target_resource": {"labels": {control_plane: ""}}})) == {"node.control_plane"}
}

test_a_claimed_label_can_only_make_it_stricter if {
	codes(asking("DrainNode", {"claimed_labels": {control_plane: ""}})) == {"node.control_plane"}
	live := {
		"cluster": {"node": {"labels": {control_plane: ""}}},
		"claimed_labels": {"node-role.kubernetes.io/worker": ""},
	}
	codes(asking("DrainNode", live)) == {"node.control_plane"}
}

test_claims_may_be_missing_or_null if {
	codes(without(question("DrainNode"), "claimed_labels")) == set()
	codes(asking("DrainNode", {"claimed_labels": null})) == set()
}

test_a_node_without_known_labels_is_left_alone if {
	every action in on_nodes {
		asked := without(question(action), "cluster")
		codes(asked) == set()
		codes(without(asked, "target_resource/labels")) == {"node.labels_unknown"}
		codes(object.union(asked, {"target_resource": {"labels": null}})) == {"node.labels_unknown"}
		no_labels := {"cluster": {"node": {"labels": null}}, "target_resource": {"labels": null}}
		codes(asking(action, no_labels)) == {"node.labels_unknown"}

		# What is only claimed does not make labels known.
		codes(asking(action, object.union(no_labels, {"claimed_labels": {"a": "b"}}))) == {"node.labels_unknown"}
	}
}

named(action, name) := asking(action, {"target_resource": {"name": name}})

test_the_live_labels_are_enough if {
	asked := asking("DrainNode", {"target_resource": {"labels": null}})
	codes(asked) == set()
	codes(object.union(asked, {"cluster": {"node": {"labels": {control_plane: ""}}}})) == {"node.control_plane"}
}

test_a_name_of_the_control_plane_is_left_alone if {
	every name in ["master-1", "k8s-master", "my-control-plane-2"] {
		every action in on_nodes {
			codes(named(action, name)) == {"node.control_plane_name"}
		}
	}
	some message in messages(named("DrainNode", "master-1"))
	contains(message, "Cannot perform node operations on control plane nodes")
}

test_the_look_at_names_errs_and_can_be_switched_off if {
	codes(named("DrainNode", "webmaster-pool-1")) == {"node.control_plane_name"}
	codes_with(named("DrainNode", "webmaster-pool-1"), {"node_name_heuristic": true}) == {"node.control_plane_name"}
	codes_with(named("DrainNode", "webmaster-pool-1"), {"node_name_heuristic": false}) == set()
}

test_labels_count_with_names_switched_off if {
	asked := asking("DrainNode", {"cluster": {"node": {"labels": {control_plane: ""}}}})
	codes_with(asked, {"node_name_heuristic": false}) == {"node.control_plane"}
}

test_a_node_without_a_name_is_denied if {
	every name in [null, "", 5] {
		codes(named("CordonNode", name)) == {"node.name_missing"}
	}
	codes(without(question("CordonNode"), "target_resource/name")) == {"node.name_missing"}
}

test_other_actions_may_be_named_master if {
	codes(named("DeletePod", "master-1")) == set()
	codes(asking("DeletePod", {"target_resource": {"labels": {control_plane: ""}}})) == set()
}
