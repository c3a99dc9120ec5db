package kubernetes_executor.safety

test_allow_user_namespace {
    allow with input as {
        "action": "ScaleDeployment",
        "target_resource": {"namespace": "user-app"}
    }
}

test_deny_kube_system {
    not allow with input as {
        "action": "ScaleDeployment",
        "target_resource": {"namespace": "kube-system"}
    }
    count(deny) > 0 with input as {
        "action": "ScaleDeployment",
        "target_resource": {"namespace": "kube-system"}
    }
}
