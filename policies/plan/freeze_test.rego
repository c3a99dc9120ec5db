package enact.plan_test

# Namespaces.

frozen := {"freeze": {"namespaces": ["prod", "billing"]}}

test_a_write_in_a_frozen_namespace_is_denied if {
	every action in ["CREATE", "UPDATE", "DELETE", "RUN"] {
		denied(changes(1, action, {"namespace": "prod"}), frozen) == {"freeze.namespace"}
	}
}

test_the_message_names_frozen_namespaces_once_and_counts if {
	found := array.concat(changes(3, "CREATE", {"namespace": "prod"}), changes(1, "UPDATE", {"namespace": "billing"}))
	findings := denials(array.concat(found, changes(5, "CREATE", {})), frozen)
	count(findings) == 1
	some finding in findings
	contains(finding.msg, "4 writing changes in frozen namespaces: billing, prod.")
	contains(finding.msg, "data.enact.settings.freeze.namespaces")
}

test_writes_elsewhere_and_reads_pass if {
	denied(changes(3, "DELETE", {"namespace": "prod2"}), frozen) == set()
	denied([object.remove(change(1, "RUN", "step"), ["namespace"])], frozen) == set()
	denied(changes(3, "RUN", {"namespace": "prod", "effect": "read"}), frozen) == set()
}

test_blocked_changes_may_be_in_frozen_namespaces if {
	denied(changes(3, "DELETE", object.union(blocked, {"namespace": "prod"})), frozen) == set()
}

test_no_frozen_namespaces_no_rule if {
	denied(changes(1, "DELETE", {}), {"freeze": {"namespaces": [], "windows": []}}) == set()
	denied(changes(1, "DELETE", {}), {"freeze": {"namespaces": null, "windows": null}}) == set()
	denied(changes(1, "DELETE", {}), {"freeze": {}}) == set()
}

# Windows.

one_window(window) := {"freeze": {"windows": [window]}}

# The codes at a moment; Friday 2 January 2026, 15:04:05 UTC, where it does not matter.
at(now, found, settings) := {finding.code | some finding in findings} if {
	asked_at := object.union(document(found), {"now": now})
	findings := data.enact.plan.deny with input as asked_at with data.enact.settings as settings
}

turn_of_the_year := {"name": "end of year", "from": "2025-12-20T00:00:00Z", "to": "2026-01-04T08:00:00+01:00"}

test_a_window_holds_from_its_first_moment_to_the_one_before_its_last if {
	cases := {
		"2025-12-19T23:59:59.999999999Z": set(),
		"2025-12-20T00:00:00Z": {"freeze.window"},
		"2026-01-04T06:59:59Z": {"freeze.window"},
		"2026-01-04T07:00:00Z": set(),
		"2026-01-04T07:30:00+01:00": {"freeze.window"},
	}
	every now, expected in cases {
		at(now, changes(1, "CREATE", {}), one_window(turn_of_the_year)) == expected
	}
}

test_the_message_names_the_window_and_its_end if {
	some finding in denials(changes(2, "CREATE", {}), one_window(turn_of_the_year))
	finding.code == "freeze.window"
	contains(finding.msg, "2 writing changes")
	contains(finding.msg, `the freeze window "end of year" is in force, until 2026-01-04T08:00:00+01:00`)
	contains(finding.msg, "data.enact.settings.freeze.windows")
}

test_a_window_without_a_name_is_told_by_its_number if {
	window := object.remove(turn_of_the_year, ["name"])
	some finding in denials(changes(1, "CREATE", {}), one_window(window))
	contains(finding.msg, "freeze window number 1 is in force")
}

test_reads_and_blocked_changes_pass_in_a_window if {
	denied(changes(1, "RUN", {"effect": "read"}), one_window(turn_of_the_year)) == set()
	denied(changes(1, "DELETE", blocked), one_window(turn_of_the_year)) == set()
	denied([], one_window(turn_of_the_year)) == set()
}

test_a_window_with_namespaces_is_about_these_only if {
	settings := one_window(object.union(turn_of_the_year, {"namespaces": ["prod"]}))
	denied(changes(1, "CREATE", {"namespace": "prod"}), settings) == {"freeze.window"}
	denied(changes(1, "CREATE", {"namespace": "dev"}), settings) == set()
	denied([object.remove(change(1, "RUN", "step"), ["namespace"])], settings) == set()
	mixed := array.concat(changes(1, "CREATE", {"namespace": "prod"}), changes(9, "CREATE", {}))
	some finding in denials(mixed, settings)
	contains(finding.msg, "a writing change while")
}

test_a_window_without_namespaces_is_about_changes_without_one_too if {
	found := [object.remove(change(1, "RUN", "step"), ["namespace"])]
	denied(found, one_window(turn_of_the_year)) == {"freeze.window"}
}

test_each_window_in_force_is_named if {
	windows := [
		turn_of_the_year,
		{"name": "past", "from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"},
		{"name": "friday", "weekdays": ["friday"], "from": "00:00", "to": "24:00"},
	]
	count(denials(changes(1, "CREATE", {}), {"freeze": {"windows": windows}})) == 2
}

friday_afternoon := {"weekdays": ["friday"], "from": "15:00", "to": "24:00"}

test_a_weekly_window_is_in_utc_unless_it_says_otherwise if {
	cases := {
		"2026-01-02T14:59:59Z": set(),
		"2026-01-02T15:00:00Z": {"freeze.window"},
		"2026-01-02T23:59:59Z": {"freeze.window"},
		"2026-01-03T00:00:00Z": set(),
		"2026-01-01T16:00:00Z": set(),
		"2026-01-02T23:30:00+01:00": {"freeze.window"},
	}
	every now, expected in cases {
		at(now, changes(1, "CREATE", {}), one_window(friday_afternoon)) == expected
	}
}

test_a_weekly_window_no_longer_holds_at_its_end if {
	settings := one_window({"weekdays": ["friday"], "from": "15:00", "to": "18:30"})
	at("2026-01-02T18:29:59Z", changes(1, "CREATE", {}), settings) == {"freeze.window"}
	at("2026-01-02T18:30:00Z", changes(1, "CREATE", {}), settings) == set()
}

test_a_weekly_window_follows_its_time_zone_and_summer_time if {
	settings := one_window(object.union(friday_afternoon, {"timezone": "Europe/Berlin"}))
	cases := {
		"2026-01-02T13:59:59Z": set(),
		"2026-01-02T14:00:00Z": {"freeze.window"},
		"2026-01-02T22:59:59Z": {"freeze.window"},
		"2026-01-02T23:00:00Z": set(),
		"2026-07-03T12:59:59Z": set(),
		"2026-07-03T13:00:00Z": {"freeze.window"},
		"2026-07-03T21:59:59Z": {"freeze.window"},
		"2026-07-03T22:00:00Z": set(),
	}
	every now, expected in cases {
		at(now, changes(1, "CREATE", {}), settings) == expected
	}
}

test_the_weekday_is_that_of_the_time_zone if {
	settings := one_window({"weekdays": ["saturday"], "from": "00:00", "to": "12:00", "timezone": "Asia/Tokyo"})
	at("2026-01-02T15:00:00Z", changes(1, "CREATE", {}), settings) == {"freeze.window"}
	at("2026-01-02T14:59:59Z", changes(1, "CREATE", {}), settings) == set()
}

test_weekdays_are_a_list_in_any_case if {
	settings := one_window({"weekdays": ["Monday", "FRIDAY"], "from": "00:00", "to": "24:00"})
	every now, expected in {
		"2026-01-02T09:00:00Z": {"freeze.window"},
		"2026-01-03T09:00:00Z": set(),
		"2026-01-05T09:00:00Z": {"freeze.window"},
	} {
		at(now, changes(1, "CREATE", {}), settings) == expected
	}
}

test_the_end_of_a_weekly_window_names_its_time_zone if {
	weekly := object.union(friday_afternoon, {"timezone": "Europe/Berlin"})
	some finding in denials(changes(1, "CREATE", {}), one_window(weekly))
	contains(finding.msg, "until 24:00 (Europe/Berlin)")
}

# Without a clock nobody knows whether a window is in force.

test_windows_without_a_clock_deny if {
	every now in [null, 5, "", "yesterday", "2026-02-30T00:00:00Z"] {
		at(now, changes(1, "CREATE", {}), one_window(turn_of_the_year)) == {"freeze.malformed"}
	}
	at(null, changes(1, "CREATE", {}), {"freeze": {"windows": []}}) == set()
}

test_instants_are_days_that_exist if {
	every text in [
		"2026-01-31T00:00:00Z",
		"2026-04-30T23:59:59.123456789Z",
		"2024-02-29T12:00:00+05:30",
		"2000-02-29T12:00:00-11:00",
		"2026-02-28T00:00:00Z",
	] {
		data.enact.plan.is_instant(text)
		is_number(time.parse_rfc3339_ns(text))
	}
	every text in [
		"2026-04-31T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-01-01T00:00:60Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01 00:00:00Z",
		"2026-01-01T00:00:00",
		"2026-01-01T00:00:00z",
		"2026-01-01T00:00:00+24:00",
		"2500-01-01T00:00:00Z",
		"x2026-01-01T00:00:00Z",
		"2026-01-01T00:00:00Zx",
	] {
		not data.enact.plan.is_instant(text)
	}
}
