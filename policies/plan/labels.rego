# Objects of a type carry the labels that are asked for, with a value.
# Setting: data.enact.settings.required_labels. Codes: labels.missing, labels.malformed.
package enact.plan

required_labels := section("required_labels") if {
	not required_labels_are_malformed
} else := {}

unlabelled := [{"change": change, "missing": missing} |
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
	some found in named(unlabelled)
}

deny contains {
	"code": "labels.missing",
	"msg": sprintf("%d more changes lack labels of data.enact.settings.required_labels.", [unnamed(unlabelled)]),
} if {
	unnamed(unlabelled) > 0
}

counted_labels(missing) := "a label" if {
	count(missing) == 1
} else := sprintf("%d labels", [count(missing)])

deny contains {
	"code": "labels.malformed",
	"msg": concat(" ", [
		"The setting data.enact.settings.required_labels is malformed: it must map types to lists of labels.",
		"No plan passes until it is put right.",
	]),
} if {
	required_labels_are_malformed
}

required_labels_are_malformed if {
	settings.required_labels != null
	not is_object(settings.required_labels)
}

required_labels_are_malformed if {
	some keys in section("required_labels")
	not is_texts(keys)
}
