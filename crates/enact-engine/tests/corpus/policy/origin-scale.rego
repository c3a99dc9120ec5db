package kubernetes_executor.safety

deny[reason] {
    input.action == "ScaleDeployment"
    to_number(input.parameters.replicas) == 0
    input.target_resource.labels.critical == "true"
    reason := "Cannot scale critical deployment to zero replicas"
}

allow {
    count(deny) == 0
}
