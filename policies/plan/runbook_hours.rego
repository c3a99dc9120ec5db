# Times at which runbooks may write. At all others they may only read.
# Setting: data.enact.settings.runbook_hours.windows. Codes: runbook_hours.outside, runbook_hours.malformed.
package enact.plan

# A list, null, or undefined: the rules go on only where there is a first member.
runbook_windows := data.enact.settings.runbook_hours.windows

deny contains {
	"code": "runbook_hours.outside",
	"msg": concat(" ", [
		sprintf("%s, and runbooks write at certain times only. Next: %s.", [writes(number), next_windows]),
		"Wait, or edit data.enact.settings.runbook_hours.windows.",
	]),
} if {
	runbook_windows[0]
	is_runbook
	number := count(writing)
	number > 0
	present
	count(open_windows) == 0
}

deny contains {
	"code": "runbook_hours.malformed",
	"msg": "Runbooks write at certain times only, but input.now is no instant, so nobody knows whether it is one of them.",
} if {
	runbook_windows[0]
	is_runbook
	not present
}

open_windows := [window |
	some window in runbook_windows
	is_weekly_window_open(window)
]

# The windows that open first, in words.
next_windows := concat(" or ", {opening.words |
	some opening in openings
	opening.wait == min([other.wait | some other in openings])
})

# Every opening of the next seven days and how long it is until then. A change of the clocks in between is left out of
# account: it moves the wait, not the words.
openings := [{"wait": wait, "words": words} |
	some window in runbook_windows
	zone := object.get(window, "timezone", "UTC")
	clock := time.clock([present, zone])
	some today, name in week
	name == time.weekday([present, zone])
	some days in numbers.range(0, 7)
	weekday := week[(today + days) % 7]
	lower(weekday) in {lower(day) | some day in window.weekdays}
	wait := (((days * 24) * 60) + minute_of(window.from)) - ((clock[0] * 60) + clock[1])
	wait > 0
	words := sprintf("%s from %s to %s (%s)", [weekday, window.from, window.to, zone])
]

week := ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

# 09:30 is read as a length of 09h30m.
minute_of(time_of_day) := time.parse_duration_ns(sprintf("%sm", [replace(time_of_day, ":", "h")])) / 60000000000
