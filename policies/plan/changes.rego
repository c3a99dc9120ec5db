# What the rules look at: the changes of the plan that would run. A blocked change never runs, so no rule counts it.
package enact.plan

listed_changes := object.get(input, ["plan", "changes"], null)

executable := [change |
	some change in list_or_none(listed_changes)
	not change.blocked == true
]

# Changes that do more than read. A change that does not say what it does counts as one that writes.
writing := [change |
	some change in executable
	not change.effect == "read"
]

deletions := [change |
	some change in executable
	change.action == "DELETE"
]

# A plan without changes to look at would pass every rule.
deny contains {
	"code": "input.malformed",
	"msg": "The plan holds no list of changes, so no rule can judge it.",
} if {
	not is_array(listed_changes)
}

# How a message names a change.
described(change) := sprintf("%s %s \"%s\"", [
	object.get(change, "action", "change of"),
	object.get(change, "resource_type", "object"),
	object.get(change, "resource_name", object.get(change, "resource_ref", "?")),
])

# The most changes of one kind that are named one by one; the others are counted.
named_at_most := 50

# The first changes of a list that has one finding per change.
named(changes) := array.slice(changes, 0, named_at_most)

# How many changes of such a list are not named.
unnamed(changes) := count(changes) - named_at_most

# A few names for a message.
listed(names) := concat(", ", sort(names)) if {
	count(names) <= 10
} else := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 10)), count(names) - 10])
