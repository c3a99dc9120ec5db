# The settings of the rules for plans, except for freeze.
# Codes: deletions.malformed, delete_namespaces.malformed, labels.malformed, protected_types.malformed,
# blast_radius.malformed, self_approval.malformed.
package enact.bundle

# deletions

faults contains malformed("deletions", "data.enact.settings.deletions", fault) if {
	some fault in deletions_faults
}

deletions_faults contains fault if {
	some fault in section_faults("deletions", {"max", "max_share", "share_from"})
}

deletions_faults contains sprintf("%s must be null or a whole number from 0 on", [key]) if {
	some key in ["max", "share_from"]
	number := setting("deletions", key)
	number != null
	not is_whole_from(number, 0)
}

deletions_faults contains "max_share must be null or a number from 0 to 1" if {
	share := setting("deletions", "max_share")
	share != null
	not is_share(share)
}

is_share(value) if {
	is_number(value)
	value >= 0
	value <= 1
}

# delete_namespaces

faults contains malformed(
	"delete_namespaces",
	"data.enact.settings.delete_namespaces",
	"it must be null or a list of names",
) if {
	names := data.enact.settings.delete_namespaces
	names != null
	not is_names(names)
}

# required_labels

faults contains malformed(
	"labels",
	"data.enact.settings.required_labels",
	"it must map types to lists of labels",
) if {
	required_labels_are_malformed
}

required_labels_are_malformed if {
	count(section_faults("required_labels", object.keys(section("required_labels")))) > 0
}

required_labels_are_malformed if {
	some keys in section("required_labels")
	not is_names(keys)
}

# protected_types

faults contains malformed(
	"protected_types",
	"data.enact.settings.protected_types",
	"it must map types to lists of CREATE, UPDATE, DELETE and RUN",
) if {
	protected_types_are_malformed
}

protected_types_are_malformed if {
	count(section_faults("protected_types", object.keys(section("protected_types")))) > 0
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

# blast_radius

faults contains malformed("blast_radius", "data.enact.settings.blast_radius", fault) if {
	some fault in blast_radius_faults
}

blast_radius_faults contains fault if {
	some fault in section_faults(
		"blast_radius",
		{"changes", "destroys", "namespaces", "approvals", "assurance", "roles"},
	)
}

blast_radius_faults contains sprintf("%s must be null or a whole number from 0 on", [key]) if {
	some key in ["changes", "destroys", "namespaces"]
	number := setting("blast_radius", key)
	number != null
	not is_whole_from(number, 0)
}

blast_radius_faults contains "approvals must be a whole number from 1 on" if {
	approvals := setting("blast_radius", "approvals")
	approvals != null
	not is_whole_from(approvals, 1)
}

blast_radius_faults contains "assurance must be null, low, signed or hardware" if {
	not setting("blast_radius", "assurance") in {null, "low", "signed", "hardware"}
}

blast_radius_faults contains "roles must be a list of names" if {
	roles := setting("blast_radius", "roles")
	roles != null
	not is_names(roles)
}

# self_approval

faults contains malformed("self_approval", "data.enact.settings.self_approval", fault) if {
	some fault in self_approval_faults
}

self_approval_faults contains fault if {
	some fault in section_faults("self_approval", {"forbidden"})
}

self_approval_faults contains "forbidden must be true or false" if {
	not setting("self_approval", "forbidden") in {true, false, null}
}
