# The settings of the rules for actions. What is absent or null has the strict built-in value. Code: actions.malformed.
package enact.bundle

faults contains malformed("actions", "data.enact.settings.actions", "it must be an object") if {
	data.enact.settings.actions != null
	not is_object(data.enact.settings.actions)
}

faults contains malformed_action(key, "left out: there is no such setting") if {
	some key, _ in section("actions")
	not key in {
		"protected_namespaces",
		"executor_namespace",
		"node_name_heuristic",
		"max_patch_bytes",
		"allowed",
	}
}

faults contains malformed_action(key, "a list of names") if {
	some key in ["protected_namespaces", "allowed"]
	names := setting("actions", key)
	names != null
	not is_names(names)
}

faults contains malformed_action("executor_namespace", "a name") if {
	name := setting("actions", "executor_namespace")
	name != null
	not is_name(name)
}

faults contains malformed_action("node_name_heuristic", "true or false") if {
	not setting("actions", "node_name_heuristic") in {true, false, null}
}

faults contains malformed_action("max_patch_bytes", "a number of bytes above 0") if {
	bytes := setting("actions", "max_patch_bytes")
	bytes != null
	not is_size(bytes)
}

malformed_action(key, wanted) := malformed(
	"actions",
	sprintf("data.enact.settings.actions.%v", [key]),
	sprintf("it must be %s", [wanted]),
)

is_size(value) if {
	is_number(value)
	value > 0
}
