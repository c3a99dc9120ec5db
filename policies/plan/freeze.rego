# Namespaces in which nothing may be written, and times in which nothing may be written.
# Settings: data.enact.settings.freeze. Codes: freeze.namespace, freeze.window, freeze.malformed.
package enact.plan

frozen_namespaces := list_or_none(freeze_namespaces_setting)

freeze_windows := list_or_none(freeze_windows_setting)

freeze_namespaces_setting := setting("freeze", "namespaces", [])

freeze_windows_setting := setting("freeze", "windows", [])

deny contains {
	"code": "freeze.namespace",
	"msg": sprintf("%s in frozen namespaces: %s. To thaw one, edit data.enact.settings.freeze.namespaces.", [
		writes(count(hits)),
		listed({namespace | some namespace in hits}),
	]),
} if {
	count(frozen_namespaces) > 0
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
		window_name(index),
		window_end(freeze_windows[index]),
	]),
} if {
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
	not index in malformed_windows
	is_instant(window.from)
	time.parse_rfc3339_ns(window.from) <= present
	present < time.parse_rfc3339_ns(window.to)
}

windows_in_force contains index if {
	some index, window in freeze_windows
	not index in malformed_windows
	is_array(window.weekdays)
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

window_name(index) := sprintf("the freeze window \"%s\"", [freeze_windows[index].name]) if {
	is_text(freeze_windows[index].name)
} else := sprintf("freeze window number %d", [index + 1])

# What is wrong with the settings. A malformed window is not skipped: it denies until it is put right.

deny contains malformed("freeze", fault) if {
	some fault in freeze_faults
}

freeze_faults contains fault if {
	some fault in section_faults("freeze", {"namespaces", "windows"})
}

freeze_faults contains "namespaces must be a list of names" if {
	not is_texts(freeze_namespaces_setting)
}

freeze_faults contains "windows must be a list" if {
	not is_array(freeze_windows_setting)
}

freeze_faults contains sprintf("in %s, %s", [window_name(found.index), found.fault]) if {
	some found in window_faults
}

deny contains {
	"code": "freeze.malformed",
	"msg": "There are freeze windows, but input.now is no instant, so nobody knows whether one is in force.",
} if {
	count(freeze_windows) > 0
	not present
}

malformed_windows := {found.index | some found in window_faults}

window_faults contains {"index": index, "fault": "it must be an object"} if {
	some index, window in freeze_windows
	not is_object(window)
}

window_faults contains {"index": index, "fault": sprintf("there is no key %v", [key])} if {
	some index, window in freeze_windows
	is_object(window)
	some key, _ in window
	not key in {"name", "from", "to", "weekdays", "timezone", "namespaces"}
}

window_faults contains {"index": index, "fault": "name must be a text"} if {
	some index, window in freeze_windows
	is_object(window)
	not is_text(object.get(window, "name", "none"))
}

window_faults contains {"index": index, "fault": "namespaces must be a list of at least one name"} if {
	some index, window in freeze_windows
	is_object(window)
	not is_list_of_names(object.get(window, "namespaces", ["any"]))
}

window_faults contains {"index": index, "fault": fault} if {
	some index, window in freeze_windows
	is_object(window)
	not "weekdays" in object.keys(window)
	some fault in dated_faults(window)
}

window_faults contains {"index": index, "fault": fault} if {
	some index, window in freeze_windows
	is_object(window)
	"weekdays" in object.keys(window)
	some fault in weekly_faults(window)
}

# A window between two instants.
dated_faults(window) := {"from and to must be instants such as \"2026-12-20T00:00:00Z\""} if {
	not has_instants(window)
} else := {"from must be before to"} if {
	time.parse_rfc3339_ns(window.from) >= time.parse_rfc3339_ns(window.to)
} else := {"timezone is only for windows with weekdays"} if {
	"timezone" in object.keys(window)
} else := set()

has_instants(window) if {
	is_instant(window.from)
	is_instant(window.to)
}

# A window that returns every week.
weekly_faults(window) := {"weekdays must be a list of days such as friday"} if {
	not is_list_of_weekdays(window.weekdays)
} else := {"from and to must be times of day such as \"15:00\""} if {
	not has_times_of_day(window)
} else := {"from must be before to; for a window over midnight, write two"} if {
	window.from >= window.to
} else := {sprintf("there is no time zone %v", [window.timezone])} if {
	not object.get(window, "timezone", "UTC") in time_zones
} else := set()

has_times_of_day(window) if {
	is_time_of_day(window.from)
	is_time_of_day(window.to)
}

is_list_of_names(value) if {
	is_texts(value)
	count(value) > 0
}

is_list_of_weekdays(value) if {
	is_list_of_names(value)
	every day in value {
		lower(day) in {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	}
}

is_time_of_day(value) if {
	is_string(value)
	regex.match(`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`, value)
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
