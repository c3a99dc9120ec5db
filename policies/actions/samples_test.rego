# Questions that the tests share. Tests spell out data.kubernetes_executor.safety; see docs/policies/README.md.
package kubernetes_executor.safety_test

actions := {
	"CordonNode",
	"DeletePod",
	"DrainNode",
	"PatchConfigMap",
	"PatchSecret",
	"RestartDeployment",
	"RolloutStatus",
	"ScaleDeployment",
	"UncordonNode",
	"UpdateImage",
}

on_nodes := {"CordonNode", "DrainNode", "UncordonNode"}

# A harmless question for each action.
question(action) := {
	"action": action,
	"parameters": {},
	"target_resource": {"kind": "Deployment", "name": "shop", "namespace": "team-a", "labels": {}},
	"claimed_labels": {},
	"dry_run": false,
	"metadata": {"execution_name": "x", "execution_namespace": "team-a"},
	"typed": {"replicas": 3},
	"cluster": {
		"target": {"exists": true, "labels": {}, "annotations": {}, "replicas": 2},
		"namespace": {"labels": {}, "annotations": {}},
		"preview_bytes": 100,
	},
	"now": "2026-01-01T00:00:00Z",
} if {
	not action in on_nodes
} else := {
	"action": action,
	"parameters": {},
	"target_resource": {"kind": "Node", "name": "worker-1", "labels": {}},
	"claimed_labels": {},
	"dry_run": false,
	"metadata": {"execution_name": "x", "execution_namespace": "team-a"},
	"typed": {},
	"cluster": {"node": {"labels": {}, "taints": []}},
	"now": "2026-01-01T00:00:00Z",
}

# The question with `extra` put over it, member by member.
asking(action, extra) := object.union(question(action), extra)

# The question without what is at a path.
without(asked, path) := json.remove(asked, [path])

# What the bundle answers: codes of denials, their messages, whether the action is allowed. Without settings, unless
# they are named: the tests hold whatever data.yaml says.

codes(asked) := codes_with(asked, {})

codes_with(asked, settings) := {finding.code | some finding in findings} if {
	findings := data.kubernetes_executor.safety.deny with input as asked
		with data.enact.settings.actions as settings
}

messages(asked) := {finding.msg | some finding in findings} if {
	findings := data.kubernetes_executor.safety.deny with input as asked
		with data.enact.settings.actions as {}
}

allowed(asked) if {
	data.kubernetes_executor.safety.allow with input as asked with data.enact.settings.actions as {}
}
