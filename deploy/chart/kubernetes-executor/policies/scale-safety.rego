# A critical deployment keeps at least one replica.
# No settings. Codes: scale.critical_to_zero, scale.replicas_unknown, scale.labels_unknown.
package kubernetes_executor.safety

# The number as the executor will use it. The text in `parameters` is not looked at: "00" and "+0" are zero as well.
replicas := input.typed.replicas if {
	is_number(input.typed.replicas)
	input.typed.replicas >= 0
}

# The live labels decide. A label that is only claimed can add a reason to deny, never take one away.
target_labels := [
	object.get(input, ["cluster", "target", "labels"], null),
	object.get(input, ["target_resource", "labels"], null),
	object.get(input, "claimed_labels", null),
]

deny contains {
	"code": "scale.critical_to_zero",
	"msg": "Cannot scale critical deployment to zero replicas (scale-to-zero)",
} if {
	action == "ScaleDeployment"
	replicas == 0
	some labels in target_labels
	labels.critical in {"true", true}
}

deny contains {
	"code": "scale.replicas_unknown",
	"msg": "The number of replicas is not known, so this may be a scale-to-zero",
} if {
	action == "ScaleDeployment"
	not replicas
}

deny contains {
	"code": "scale.labels_unknown",
	"msg": "The labels of the deployment are not known, so this may be a scale-to-zero of a critical one",
} if {
	action == "ScaleDeployment"
	replicas == 0
	not is_object(target_labels[0])
	not is_object(target_labels[1])
}
