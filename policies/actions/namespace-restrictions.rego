# Nothing is done in the namespaces of the cluster itself and of the executor, and nothing without knowing where.
# Settings: data.enact.settings.actions.protected_namespaces, executor_namespace.
# Codes: namespace.protected, namespace.missing.
package kubernetes_executor.safety

always_protected := {"kube-system", "kube-public", "kube-node-lease"}

protected_namespaces := (always_protected | also_protected) | {executor_namespace}

also_protected := {name | some name in list_or_none(also_protected_setting)}

also_protected_setting := setting("protected_namespaces", [])

executor_namespace := setting("executor_namespace", "kubernetes-executor-system")

deny contains {
	"code": "namespace.protected",
	"msg": sprintf("Actions not allowed in protected namespace: %s", [target_namespace]),
} if {
	target_namespace in protected_namespaces
}

# Nodes have no namespace; everything else has one.
deny contains {
	"code": "namespace.missing",
	"msg": "The target has no namespace, so nobody knows whether it is protected",
} if {
	not action in node_actions
	not is_name(target_namespace)
}

deny contains malformed("actions.protected_namespaces", "a list of names") if {
	not is_list_of_names(also_protected_setting)
}

deny contains malformed("actions.executor_namespace", "a name") if {
	not is_name(executor_namespace)
}
