# Deletions only in the namespaces that are named.
# Setting: data.enact.settings.delete_namespaces. Code: delete_namespaces.outside.
package enact.plan

delete_namespaces := data.enact.settings.delete_namespaces

deletions_outside := [change |
	delete_namespaces != null
	some change in deletions
	not is_deletion_inside(change)
]

is_deletion_inside(change) if {
	change.namespace in delete_namespaces
}

deny contains {
	"code": "delete_namespaces.outside",
	"change_id": object.get(change, "change_id", ""),
	"msg": concat(" ", [
		sprintf("%s is in %s, where nothing may be deleted.", [described(change), whereabouts(change)]),
		"To allow it, add the namespace to data.enact.settings.delete_namespaces.",
	]),
} if {
	some change in array.slice(deletions_outside, 0, named_at_most)
}

deny contains {
	"code": "delete_namespaces.outside",
	"msg": sprintf("%d more deletions are outside of data.enact.settings.delete_namespaces.", [
		count(deletions_outside) - named_at_most,
	]),
} if {
	count(deletions_outside) > named_at_most
}

whereabouts(change) := sprintf("namespace \"%s\"", [change.namespace]) if {
	change.namespace
} else := "no namespace"
