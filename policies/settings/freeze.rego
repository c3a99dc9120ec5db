# The settings of the rule freeze. A malformed window is not skipped: the policies do not load until it is put right.
# Code: freeze.malformed.
package enact.bundle

faults contains malformed("freeze", "data.enact.settings.freeze", fault) if {
	some fault in freeze_faults
}

freeze_faults contains fault if {
	some fault in section_faults("freeze", {"namespaces", "windows"})
}

freeze_faults contains "namespaces must be a list of names" if {
	names := setting("freeze", "namespaces")
	names != null
	not is_names(names)
}

freeze_faults contains "windows must be a list" if {
	windows := setting("freeze", "windows")
	windows != null
	not is_array(windows)
}

freeze_faults contains sprintf("in %s, %s", [data.enact.plan.window_name(index, window), fault]) if {
	some index, window in freeze_windows
	some fault in window_faults(window)
}

freeze_windows := windows if {
	windows := setting("freeze", "windows")
	is_array(windows)
} else := []

window_faults(window) := {"it must be an object"} if {
	not is_object(window)
} else := (key_faults(window) | value_faults(window)) | time_faults(window)

key_faults(window) := {sprintf("there is no key %v", [key]) |
	some key, _ in window
	not key in {"name", "from", "to", "weekdays", "timezone", "namespaces"}
}

value_faults(window) := {"name must be a text" |
	not is_name(object.get(window, "name", "none"))
} | {"namespaces must be a list of at least one name" |
	not is_some_names(object.get(window, "namespaces", ["any"]))
}

time_faults(window) := weekly_faults(window) if {
	"weekdays" in object.keys(window)
} else := dated_faults(window)

# A window between two instants.
dated_faults(window) := {"from and to must be instants such as \"2026-12-20T00:00:00Z\""} if {
	not has_instants(window)
} else := {"from must be before to"} if {
	time.parse_rfc3339_ns(window.from) >= time.parse_rfc3339_ns(window.to)
} else := {"timezone is only for windows with weekdays"} if {
	"timezone" in object.keys(window)
} else := set()

has_instants(window) if {
	data.enact.plan.is_instant(window.from)
	data.enact.plan.is_instant(window.to)
}

# A window that returns every week.
weekly_faults(window) := {"weekdays must be a list of days such as friday"} if {
	not is_weekdays(window.weekdays)
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

is_some_names(value) if {
	is_names(value)
	count(value) > 0
}

is_weekdays(value) if {
	is_some_names(value)
	every day in value {
		lower(day) in {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	}
}

is_time_of_day(value) if {
	is_string(value)
	regex.match(`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`, value)
}
