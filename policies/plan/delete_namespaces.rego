# Deletions only in the namespaces that are named.
# Setting: data.enact.settings.delete_namespaces. Codes: delete_namespaces.outside, delete_namespaces.malformed.
package enact.plan

delete_namespaces := object.get(settings, "delete_namespaces", null)

deletions_outside := [change |
	is_texts(delete_namespaces)
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
	some change in named(deletions_outside)
}

deny contains {
	"code": "delete_namespaces.outside",
	"msg": sprintf("%d more deletions are outside of data.enact.settings.delete_namespaces.", [
		unnamed(deletions_outside),
	]),
} if {
	unnamed(deletions_outside) > 0
}

whereabouts(change) := sprintf("namespace \"%s\"", [change.namespace]) if {
	change.namespace
} else := "no namespace"

deny contains malformed("delete_namespaces", "it must be null or a list of names") if {
	delete_namespaces != null
	not is_texts(delete_namespaces)
}
