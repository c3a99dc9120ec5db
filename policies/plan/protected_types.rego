# Actions that are denied for a type.
# Setting: data.enact.settings.protected_types. Codes: protected_types.denied, protected_types.malformed.
package enact.plan

protected_types := section("protected_types") if {
	not protected_types_are_malformed
} else := {}

on_protected_types := [change |
	count(protected_types) > 0
	some change in executable
	change.action in protected_types[change.resource_type]
]

deny contains {
	"code": "protected_types.denied",
	"change_id": object.get(change, "change_id", ""),
	"msg": sprintf("%s is not allowed: %s of a %s is ruled out by data.enact.settings.protected_types.%s.", [
		described(change),
		change.action,
		change.resource_type,
		change.resource_type,
	]),
} if {
	some change in named(on_protected_types)
}

deny contains {
	"code": "protected_types.denied",
	"msg": sprintf("%d more changes are ruled out by data.enact.settings.protected_types.", [
		unnamed(on_protected_types),
	]),
} if {
	unnamed(on_protected_types) > 0
}

deny contains malformed("protected_types", "it must map types to lists of CREATE, UPDATE, DELETE and RUN") if {
	protected_types_are_malformed
}

protected_types_are_malformed if {
	settings.protected_types != null
	not is_object(settings.protected_types)
}

protected_types_are_malformed if {
	some actions in section("protected_types")
	not is_array(actions)
}

protected_types_are_malformed if {
	some actions in section("protected_types")
	is_array(actions)
	some action in actions
	not action in {"CREATE", "UPDATE", "DELETE", "RUN"}
}
