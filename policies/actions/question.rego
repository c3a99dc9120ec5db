# What was asked for, and the settings of the action rules. A setting that is absent or null has the strict built-in
# value; what is malformed denies.
package kubernetes_executor.safety

settings := data.enact.settings.actions if {
	is_object(data.enact.settings.actions)
} else := {}

# What was asked for. Null where nothing is, so that a rule can look at it and deny.
action := object.get(input, "action", null)

target_name := object.get(input, ["target_resource", "name"], null)

target_namespace := object.get(input, ["target_resource", "namespace"], null)

# The value of a setting, or the built-in one.
setting(name, otherwise) := value if {
	value := settings[name]
	value != null
} else := otherwise

deny contains malformed("actions", "an object") if {
	data.enact.settings.actions != null
	not is_object(data.enact.settings.actions)
}

deny contains malformed(sprintf("actions.%v", [key]), "left out: there is no such setting") if {
	some key, _ in settings
	not key in {
		"protected_namespaces",
		"executor_namespace",
		"node_name_heuristic",
		"max_patch_bytes",
		"allowed",
	}
}

malformed(name, wanted) := {
	"code": "actions.malformed",
	"msg": sprintf("The setting data.enact.settings.%s is malformed: it must be %s. No action passes until it is.", [
		name,
		wanted,
	]),
}

is_list_of_names(value) if {
	is_array(value)
	every name in value {
		is_name(name)
	}
}

is_name(value) if {
	is_string(value)
	value != ""
}

# The list, or an empty one where something else stands.
list_or_none(value) := value if {
	is_array(value)
} else := []
