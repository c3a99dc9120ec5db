# Nothing is done in the namespaces of the cluster itself and of the executor, and nothing without knowing where.
# Settings: data.enact.settings.actions.protected_namespaces, executor_namespace.
# Codes: namespace.protected, namespace.missing.
package kubernetes_executor.safety

executor_namespace := data.enact.settings.actions.executor_namespace if {
	data.enact.settings.actions.executor_namespace != null
} else := "kubernetes-executor-system"

is_protected if {
	target_namespace in {"kube-system", "kube-public", "kube-node-lease", executor_namespace}
} else if {
	target_namespace in data.enact.settings.actions.protected_namespaces
}

has_namespace if {
	is_string(target_namespace)
	target_namespace != ""
}

deny contains {
	"code": "namespace.protected",
	"msg": sprintf("Actions not allowed in protected namespace: %s", [target_namespace]),
} if {
	is_protected
}

# Nodes have no namespace; everything else has one.
deny contains {
	"code": "namespace.missing",
	"msg": "The target has no namespace, so nobody knows whether it is protected",
} if {
	not has_namespace
	not is_on_node
}
