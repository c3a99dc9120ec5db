# At most so many deletions in one plan, and in a sync at most a share of what is managed.
# Settings: data.enact.settings.deletions. Codes: deletions.too_many, deletions.share, deletions.many (a warning).
package enact.plan

max_deletions := data.enact.settings.deletions.max

max_deleted_share := data.enact.settings.deletions.max_share

deny contains {
	"code": "deletions.too_many",
	"msg": concat(" ", [
		sprintf("The plan deletes %d objects; at most %d are allowed.", [count(deletions), max_deletions]),
		"If all of them shall go, raise data.enact.settings.deletions.max.",
	]),
} if {
	is_number(max_deletions)
	count(deletions) > max_deletions
}

warn contains {
	"code": "deletions.many",
	"msg": sprintf("The plan deletes %d objects, more than half of the %d that are allowed.", [
		count(deletions),
		max_deletions,
	]),
} if {
	is_number(max_deletions)
	count(deletions) <= max_deletions
	count(deletions) * 2 > max_deletions
}

deny contains {
	"code": "deletions.share",
	"msg": concat(" ", [
		sprintf("The sync deletes %d of %d managed objects; at most %d are allowed, a share of %v.", [
			count(deletions),
			managed_objects,
			most,
			max_deleted_share,
		]),
		"If all of them shall go, raise data.enact.settings.deletions.max_share.",
	]),
} if {
	is_number(max_deleted_share)
	input.plan.metadata.mode == "sync"
	count(deletions) >= share_counts_from

	# The hair on top is for fractions that have no exact form: 0.29 * 100 is less than 29.
	most := floor((max_deleted_share * managed_objects) + 0.000001)
	count(deletions) > most
}

# A runbook's step that syncs is held to the same share of what it found.
deny contains {
	"code": "deletions.share",
	"msg": concat(" ", [
		sprintf("Step %v deletes %d of %d managed objects; at most %d are allowed, a share of %v.", [
			group.step,
			gone,
			found,
			most,
			max_deleted_share,
		]),
		"If all of them shall go, raise data.enact.settings.deletions.max_share.",
	]),
} if {
	is_number(max_deleted_share)
	input.plan.metadata.mode == "run"
	some group in input.plan.document.groups
	is_object(group.observed)
	gone := count([change | some change in deletions; change.change_id in group.changes])
	gone >= share_counts_from
	found := objects(group.observed)
	most := floor((max_deleted_share * found) + 0.000001)
	gone > most
}

# How many objects the plan found under management, where it says so.
managed_objects := objects(input.plan.document.observed) if {
	is_object(input.plan.document.observed)
}

objects(counts) := sum([number | some number in counts; is_number(number)])

share_counts_from := from if {
	from := data.enact.settings.deletions.share_from
	is_number(from)
} else := 1
