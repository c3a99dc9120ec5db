# Nodes of the control plane are left alone: not cordoned, not drained, and not uncordoned either.
# Setting: data.enact.settings.actions.node_name_heuristic.
# Codes: node.control_plane, node.control_plane_name, node.labels_unknown, node.name_missing.
package kubernetes_executor.safety

is_on_node if {
	action in {"CordonNode", "DrainNode", "UncordonNode"}
}

control_plane_labels := {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}

# The live labels decide. A label that is only claimed can add a reason to deny, never take one away.
node_labels := [
	object.get(input, ["cluster", "node", "labels"], null),
	object.get(input, ["target_resource", "labels"], null),
	object.get(input, "claimed_labels", null),
]

deny contains {
	"code": "node.control_plane",
	"msg": "Cannot perform node operations on control plane nodes",
} if {
	is_on_node
	some labels in node_labels
	is_object(labels)
	count(control_plane_labels & object.keys(labels)) > 0
}

deny contains {
	"code": "node.labels_unknown",
	"msg": "The labels of the node are not known, so it may be one of the control plane nodes",
} if {
	is_on_node
	not is_object(node_labels[0])
	not is_object(node_labels[1])
}

# A name proves nothing, but a node named so is one of the control plane more often than not.
names_do_not_count if {
	data.enact.settings.actions.node_name_heuristic == false
}

deny contains {
	"code": "node.control_plane_name",
	"msg": sprintf("Cannot perform node operations on control plane nodes (%s in the name)", [word]),
} if {
	is_on_node
	not names_do_not_count
	is_string(target_name)
	some word in ["master", "control-plane"]
	contains(target_name, word)
}

deny contains {
	"code": "node.name_missing",
	"msg": "The target has no name, so nobody knows which node is meant",
} if {
	is_on_node
	not has_name
}

has_name if {
	is_string(target_name)
	target_name != ""
}
