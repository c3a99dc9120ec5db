package kubernetes_executor.safety_test

scaling(replicas, extra) := object.union(asking("ScaleDeployment", {"typed": {"replicas": replicas}}), extra)

critical := {"target_resource": {"labels": {"critical": "true"}}}

test_a_critical_deployment_is_not_scaled_to_zero if {
	codes(scaling(0, critical)) == {"scale.critical_to_zero"}
	not allowed(scaling(0, critical))
	some message in messages(scaling(0, critical))
	contains(message, "scale-to-zero")
	contains(message, "to zero replicas")
}

test_one_replica_is_enough if {
	codes(scaling(1, critical)) == set()
	codes(scaling(1000, critical)) == set()
}

test_others_may_be_scaled_to_zero if {
	codes(scaling(0, {})) == set()
	codes(scaling(0, {"target_resource": {"labels": {"critical": "false"}}})) == set()
	codes(scaling(0, {"target_resource": {"labels": {"app": "critical"}}})) == set()
}

test_the_number_that_counts_is_the_one_that_is_used if {
	every text in ["00", "+0", "0", "3", "zero"] {
		codes(scaling(0, object.union(critical, {"parameters": {"replicas": text}}))) == {"scale.critical_to_zero"}
	}
	codes(scaling(2, object.union(critical, {"parameters": {"replicas": "0"}}))) == set()
}

test_live_labels_make_critical if {
	codes(scaling(0, {"cluster": {"target": {"labels": {"critical": "true"}}}})) == {"scale.critical_to_zero"}
}

test_claimed_labels_make_critical if {
	codes(scaling(0, {"claimed_labels": {"critical": "true"}})) == {"scale.critical_to_zero"}
	codes(scaling(0, {"claimed_labels": {"critical": true}})) == {"scale.critical_to_zero"}
}

test_claimed_labels_do_not_make_uncritical if {
	codes(scaling(0, object.union(critical, {"claimed_labels": {"critical": "false"}}))) == {"scale.critical_to_zero"}
}

test_an_unknown_number_of_replicas_is_denied if {
	every replicas in [null, "3", -1, true] {
		codes(scaling(replicas, {})) == {"scale.replicas_unknown"}
	}
	codes(without(question("ScaleDeployment"), "typed/replicas")) == {"scale.replicas_unknown"}
	codes(without(question("ScaleDeployment"), "typed")) == {"scale.replicas_unknown"}
	codes(asking("ScaleDeployment", {"typed": null})) == {"scale.replicas_unknown"}
	some message in messages(without(question("ScaleDeployment"), "typed"))
	contains(message, "scale-to-zero")
}

test_unknown_labels_may_be_critical_ones if {
	asked := without(scaling(0, {}), "cluster")
	codes(asked) == set()
	codes(without(asked, "target_resource/labels")) == {"scale.labels_unknown"}
	no_labels := object.union(asked, {"target_resource": {"labels": null}})
	codes(no_labels) == {"scale.labels_unknown"}
	codes(object.union(no_labels, {"claimed_labels": {"critical": "false"}})) == {"scale.labels_unknown"}
	codes(object.union(no_labels, {"typed": {"replicas": 1}})) == set()
}

test_the_live_labels_of_a_deployment_are_enough if {
	codes(scaling(0, {"target_resource": {"labels": null}})) == set()
}

test_only_scaling_is_about_replicas if {
	codes(asking("RestartDeployment", object.union(critical, {"typed": {"replicas": 0}}))) == set()
	codes(without(question("RestartDeployment"), "typed")) == set()
}
