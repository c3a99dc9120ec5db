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

allowed_actions := data.enact.settings.actions.allowed if {
	data.enact.settings.actions.allowed != null
} else := catalog

named_action := action if {
	action != null
} else := "none is named"

deny contains {
	"code": "action.not_allowed",
	"msg": sprintf("Action not in allowlist: %v", [named_action]),
} if {
	not action in allowed_actions
}
