# A plan that reaches far needs more people.
# Settings: data.enact.settings.blast_radius. Codes: blast_radius.changes, blast_radius.destroys,
# blast_radius.namespaces, blast_radius.malformed.
package enact.plan

blast_radius := section("blast_radius")

require_approval contains more_people("changes", count(writing), "writing changes") if {
	is_number(blast_radius.changes)
	count(writing) > blast_radius.changes
}

require_approval contains more_people("destroys", count(destroys), "changes that delete or destroy") if {
	is_number(blast_radius.destroys)
	count(destroys) > blast_radius.destroys
}

require_approval contains more_people("namespaces", count(namespaces), "namespaces to write in") if {
	is_number(blast_radius.namespaces)
	namespaces := {change.namespace | some change in writing}
	count(namespaces) > blast_radius.namespaces
}

destroys := [change |
	some change in executable
	is_destructive(change)
]

is_destructive(change) if {
	change.action == "DELETE"
} else if {
	change.effect == "destroy"
}

more_people(key, found, what) := object.union(
	{
		"code": sprintf("blast_radius.%s", [key]),
		"msg": sprintf("The plan has %d %s; above %d, %s must approve (data.enact.settings.blast_radius.%s).", [
			found,
			what,
			blast_radius[key],
			people(approvals_needed),
			key,
		]),
		"approvals": approvals_needed,
		"roles": roles_needed,
	},
	strength_needed,
)

people(number) := "a person" if {
	number == 1
} else := sprintf("%d people", [number])

approvals_needed := setting("blast_radius", "approvals", 2)

roles_needed := setting("blast_radius", "roles", [])

strength_needed := {"assurance": blast_radius.assurance} if {
	is_string(blast_radius.assurance)
} else := {}

deny contains malformed("blast_radius", fault) if {
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
	not is_limit(object.get(blast_radius, key, null), 0)
}

blast_radius_faults contains "approvals must be a whole number from 1 on" if {
	not is_positive(approvals_needed)
}

blast_radius_faults contains "assurance must be null, low, signed or hardware" if {
	not object.get(blast_radius, "assurance", null) in {null, "low", "signed", "hardware"}
}

blast_radius_faults contains "roles must be a list of names" if {
	not is_texts(roles_needed)
}

is_positive(value) if {
	is_whole(value)
	value >= 1
}
