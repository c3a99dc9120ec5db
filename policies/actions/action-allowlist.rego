# Only actions that are named may run; whatever no rule denies is allowed.
# Setting: data.enact.settings.actions.allowed. Code: action.not_allowed.
package kubernetes_executor.safety

# No other file says what is allowed: the rules of all files add to `deny`, and one denial is enough.
default allow := false

allow if count(deny) == 0

catalog := [
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
]

allowed_actions := setting("allowed", catalog)

deny contains {
	"code": "action.not_allowed",
	"msg": sprintf("Action not in allowlist: %v", [object.get(input, "action", "none is named")]),
} if {
	not input.action in allowed_actions
}

deny contains malformed("actions.allowed", "a list of names") if {
	not is_list_of_names(allowed_actions)
}
