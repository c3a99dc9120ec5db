# A runbook that destroys needs stronger approvals, and a way back or a person who confirms.
# Settings: data.enact.settings.runbook_destroy. Codes: runbook_destroy.approval, runbook_destroy.no_way_back.
package enact.plan

runbook_destroy := data.enact.settings.runbook_destroy

destroying := [change |
	is_runbook
	some change in executable
	destroys_something(change)
]

require_approval contains object.union(demand, {
	"code": "runbook_destroy.approval",
	"msg": sprintf("The runbook destroys (%s), so %s (data.enact.settings.runbook_destroy).", [
		listed({described(change) | some change in destroying}),
		demanded_words(demand),
	]),
}) if {
	is_object(runbook_destroy)
	demand := demanded(runbook_destroy)
	count(demand) > 0
	count(destroying) > 0
}

deny contains finding if {
	runbook_destroy.undo_or_hold == true
	found := [{"change_id": object.get(change, "change_id", ""), "msg": msg} |
		some change in destroying
		not has_undo(change)
		not is_held(change)
		msg := concat(" ", [
			sprintf("%s destroys, has no undo, and nobody confirms it.", [described(change)]),
			"Give the step a `rollback` or `confirm: before`, or change data.enact.settings.runbook_destroy.undo_or_hold.",
		])
	]
	some finding in cut("runbook_destroy.no_way_back", "runbook_destroy.undo_or_hold", found)
}

# `rollback: none` says that there is nothing to take back, which is no way back.
has_undo(change) if {
	change.undo.kind in {"run", "create_again", "restore_fields", "delete_created"}
}

is_held(change) if has_hold_before(change)

# A step that stands for several changes waits before the first of them.
is_held(change) if {
	some group in runbook.groups
	some place, id in group.changes
	id == change.change_id
	some earlier in executable
	some first, other in group.changes
	first < place
	other == earlier.change_id
	has_hold_before(earlier)
}

has_hold_before(change) if {
	some hold in change.handling.holds
	hold.at == "before"
}
