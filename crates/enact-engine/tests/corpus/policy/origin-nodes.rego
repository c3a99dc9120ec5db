package kubernetes_executor.safety

deny[reason] {
    node_actions := ["CordonNode", "DrainNode", "UncordonNode"]
    input.action == node_actions[_]
    contains(input.target_resource.name, "master")
    reason := "Cannot perform node operations on control plane nodes (master)"
}

deny[reason] {
    node_actions := ["CordonNode", "DrainNode", "UncordonNode"]
    input.action == node_actions[_]
    contains(input.target_resource.name, "control-plane")
    reason := "Cannot perform node operations on control plane nodes (control-plane)"
}

allow {
    count(deny) == 0
}
