package kubernetes_executor.safety

deny[reason] {
    protected_namespaces := ["kube-system", "kube-node-lease", "kube-public"]
    input.target_resource.namespace == protected_namespaces[_]
    reason := sprintf("Actions not allowed in protected namespace: %s", [input.target_resource.namespace])
}

allow {
    count(deny) == 0
}
