# What the rules look at: the changes of the plan that would run. A blocked change never runs, so no rule counts it.
package enact.plan

listed_changes := input.plan.changes if {
	is_array(input.plan.changes)
}

executable := [change |
	some change in listed_changes
	not change.blocked == true
]

# Changes that do more than read. A change that does not say what it does counts as one that writes.
writing := [change |
	some change in executable
	not change.effect == "read"
]

deletions := [change |
	some change in listed_changes
	change.action == "DELETE"
	not change.blocked == true
]

# A plan without changes to look at would pass every rule.
deny contains {
	"code": "input.malformed",
	"msg": "The plan holds no list of changes, so no rule can judge it.",
} if {
	not listed_changes
}

# How a message names a change.
described(change) := sprintf("%s %s \"%s\"", [
	object.get(change, "action", "change of"),
	object.get(change, "resource_type", "object"),
	object.get(change, "resource_name", object.get(change, "resource_ref", "?")),
])

# The most changes of one kind that are named one by one; the others are counted.
named_at_most := 50

# A few names for a message.
listed(names) := concat(", ", sort(names)) if {
	count(names) <= 10
} else := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 10)), count(names) - 10])
