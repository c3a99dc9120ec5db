# A plan that reaches far needs more people.
# Settings: data.enact.settings.blast_radius. Codes: blast_radius.changes, blast_radius.destroys,
# blast_radius.namespaces.
package enact.plan

blast_radius := data.enact.settings.blast_radius

require_approval contains more_people("changes", count(writing), "writing changes") if {
	is_number(blast_radius.changes)
	count(writing) > blast_radius.changes
}

require_approval contains more_people("destroys", destroys, "changes that delete or destroy") if {
	is_number(blast_radius.destroys)
	destroys > blast_radius.destroys
}

require_approval contains more_people("namespaces", count(namespaces), "namespaces to write in") if {
	is_number(blast_radius.namespaces)
	namespaces := {change.namespace | some change in writing}
	count(namespaces) > blast_radius.namespaces
}

# A deletion destroys, whatever it says of itself.
destroys := count(deletions) + count([change |
	some change in executable
	change.effect == "destroy"
	not change.action == "DELETE"
])

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

approvals_needed := blast_radius.approvals if {
	blast_radius.approvals != null
} else := 2

roles_needed := blast_radius.roles if {
	blast_radius.roles != null
} else := []

strength_needed := {"assurance": blast_radius.assurance} if {
	is_string(blast_radius.assurance)
} else := {}
