# Namespaces in which nothing may be written, and times in which nothing may be written.
# Settings: data.enact.settings.freeze. Codes: freeze.namespace, freeze.window, freeze.malformed.
package enact.plan

# Lists, null, or undefined: the rules go on only where there is a first member.
frozen_namespaces := data.enact.settings.freeze.namespaces

freeze_windows := data.enact.settings.freeze.windows

deny contains {
	"code": "freeze.namespace",
	"msg": sprintf("%s in frozen namespaces: %s. To thaw one, edit data.enact.settings.freeze.namespaces.", [
		writes(count(hits)),
		listed({namespace | some namespace in hits}),
	]),
} if {
	frozen_namespaces[0]
	hits := [change.namespace |
		some change in writing
		change.namespace in frozen_namespaces
	]
	count(hits) > 0
}

deny contains {
	"code": "freeze.window",
	"msg": sprintf("%s while %s is in force, until %s. Wait, or edit data.enact.settings.freeze.windows.", [
		writes(number),
		window_name(index, freeze_windows[index]),
		window_end(freeze_windows[index]),
	]),
} if {
	freeze_windows[0]
	some index in windows_in_force
	number := count(writes_within(freeze_windows[index]))
	number > 0
}

writes(number) := "The plan has a writing change" if {
	number == 1
} else := sprintf("The plan has %d writing changes", [number])

# The writing changes that a window is about.
writes_within(window) := [change |
	some change in writing
	change.namespace in window.namespaces
] if {
	window.namespaces
} else := writing

# A window holds from its first moment to the one before its last.
windows_in_force contains index if {
	some index, window in freeze_windows
	not window.weekdays
	time.parse_rfc3339_ns(window.from) <= present
	present < time.parse_rfc3339_ns(window.to)
}

windows_in_force contains index if {
	some index, window in freeze_windows
	window.weekdays
	is_weekly_window_open(window)
}

is_weekly_window_open(window) if {
	zone := object.get(window, "timezone", "UTC")
	lower(time.weekday([present, zone])) in {lower(day) | some day in window.weekdays}

	# Times of day are compared as text: each has two digits, a colon and two digits.
	clock := time.clock([present, zone])
	time_of_day := sprintf("%02d:%02d", [clock[0], clock[1]])
	window.from <= time_of_day
	time_of_day < window.to
}

present := time.parse_rfc3339_ns(input.now) if {
	is_instant(input.now)
}

window_end(window) := sprintf("%s (%s)", [window.to, object.get(window, "timezone", "UTC")]) if {
	window.weekdays
} else := window.to

window_name(index, window) := sprintf("the freeze window \"%s\"", [window.name]) if {
	is_string(window.name)
	window.name != ""
} else := sprintf("freeze window number %d", [index + 1])

deny contains {
	"code": "freeze.malformed",
	"msg": "There are freeze windows, but input.now is no instant, so nobody knows whether one is in force.",
} if {
	freeze_windows[0]
	not present
}

# An instant of RFC 3339 that exists, down to the day in February: reading any other is an error of the engine.
is_instant(value) if {
	is_string(value)
	regex.match(calendar_days, value)
	regex.match(times_and_offsets, value)
}

# 19xx to 21xx. Months of 31 days, of 30 days, February, and its 29th in leap years.
calendar_days := concat("|", [
	`^(19|20|21)[0-9]{2}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])T`,
	`^(19|20|21)[0-9]{2}-(0[469]|11)-(0[1-9]|[12][0-9]|30)T`,
	`^(19|20|21)[0-9]{2}-02-(0[1-9]|1[0-9]|2[0-8])T`,
	`^((19|20|21)(0[48]|[2468][048]|[13579][26])|2000)-02-29T`,
])

times_and_offsets := concat("", [
	`^[^T]*T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,9})?`,
	`(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`,
])
