# Actions that are denied for a type.
# Setting: data.enact.settings.protected_types. Code: protected_types.denied.
package enact.plan

protected_types := data.enact.settings.protected_types

on_protected_types := [change |
	is_object(protected_types)
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
	some change in array.slice(on_protected_types, 0, named_at_most)
}

deny contains {
	"code": "protected_types.denied",
	"msg": sprintf("%d more changes are ruled out by data.enact.settings.protected_types.", [
		count(on_protected_types) - named_at_most,
	]),
} if {
	count(on_protected_types) > named_at_most
}
