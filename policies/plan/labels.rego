# Objects of a type carry the labels that are asked for, with a value.
# Setting: data.enact.settings.required_labels. Code: labels.missing.
package enact.plan

required_labels := data.enact.settings.required_labels

unlabelled := [{"change": change, "missing": missing} |
	is_object(required_labels)
	count(required_labels) > 0
	some change in executable
	keys := required_labels[change.resource_type]
	change.action in {"CREATE", "UPDATE"}
	labels := labels_after(change)
	missing := [key |
		some key in keys
		not has_value(labels, key)
	]
	count(missing) > 0
]

# The labels that the object has when the change is done: an update that does not mention labels leaves them alone.
labels_after(change) := labels if {
	labels := change.desired.labels
} else := labels if {
	change.action == "UPDATE"
	labels := change.current.labels
} else := {}

has_value(labels, key) if {
	is_string(labels[key])
	trim_space(labels[key]) != ""
}

deny contains {
	"code": "labels.missing",
	"change_id": object.get(found.change, "change_id", ""),
	"msg": sprintf("%s lacks %s: %s. Add them, or change data.enact.settings.required_labels.%s.", [
		described(found.change),
		counted_labels(found.missing),
		listed(found.missing),
		found.change.resource_type,
	]),
} if {
	some found in array.slice(unlabelled, 0, named_at_most)
}

deny contains {
	"code": "labels.missing",
	"msg": sprintf("%d more changes lack labels of data.enact.settings.required_labels.", [
		count(unlabelled) - named_at_most,
	]),
} if {
	count(unlabelled) > named_at_most
}

counted_labels(missing) := "a label" if {
	count(missing) == 1
} else := sprintf("%d labels", [count(missing)])
