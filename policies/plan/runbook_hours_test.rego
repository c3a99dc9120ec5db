package enact.plan_test

# Friday 2 January 2026, 15:04:05 UTC, where nothing else is said.
runbook_at(now, found, windows) := answers if {
	asked_at := object.union(runbook_of(found, {}), {"now": now})
	settings := {"runbook_hours": {"windows": windows}}
	answers := data.enact.plan.deny with input as asked_at with data.enact.settings as settings
}

runbook_codes_at(now, found, windows) := {finding.code | some finding in runbook_at(now, found, windows)}

office_hours := {"weekdays": ["tuesday", "friday"], "from": "09:00", "to": "16:00"}

test_runbooks_write_from_the_first_minute_to_the_one_before_the_last if {
	every now, expected in {
		"2026-01-02T08:59:59Z": {"runbook_hours.outside"},
		"2026-01-02T09:00:00Z": set(),
		"2026-01-02T15:59:59Z": set(),
		"2026-01-02T16:00:00Z": {"runbook_hours.outside"},
		"2026-01-01T12:00:00Z": {"runbook_hours.outside"},
		"2026-01-06T12:00:00Z": set(),
	} {
		runbook_codes_at(now, [step(1, {})], [office_hours]) == expected
	}
}

test_the_next_time_is_said if {
	every now, next in {
		"2026-01-02T08:00:00Z": "Friday from 09:00 to 16:00 (UTC)",
		"2026-01-02T16:00:00Z": "Tuesday from 09:00 to 16:00 (UTC)",
		"2026-01-06T16:00:00Z": "Friday from 09:00 to 16:00 (UTC)",
		"2026-01-04T23:59:59Z": "Tuesday from 09:00 to 16:00 (UTC)",
	} {
		some finding in runbook_at(now, [step(1, {}), step(2, {})], [office_hours])
		finding.msg == concat(" ", [
			"The plan has 2 writing changes, and runbooks write at certain times only.",
			sprintf("Next: %s. Wait, or edit data.enact.settings.runbook_hours.windows.", [next]),
		])
	}
}

test_the_next_time_may_be_a_week_away if {
	early := [{"weekdays": ["friday"], "from": "08:00", "to": "09:00"}]
	some finding in runbook_at("2026-01-02T15:04:05Z", [step(1, {})], early)
	contains(finding.msg, "Next: Friday from 08:00 to 09:00 (UTC).")
}

test_the_next_time_is_the_first_of_all_windows if {
	windows := [
		{"weekdays": ["saturday"], "from": "09:00", "to": "10:00"},
		{"weekdays": ["Saturday"], "from": "09:30", "to": "10:30", "timezone": "Europe/Berlin"},
		{"weekdays": ["sunday", "thursday"], "from": "00:00", "to": "24:00"},
	]
	some finding in runbook_at("2026-01-02T15:04:05Z", [step(1, {})], windows)
	contains(finding.msg, "Next: Saturday from 09:30 to 10:30 (Europe/Berlin).")
	two := [windows[0], {"weekdays": ["saturday"], "from": "10:00", "to": "11:00", "timezone": "Europe/Berlin"}]
	some both in runbook_at("2026-01-02T15:04:05Z", [step(1, {})], two)
	contains(both.msg, "Next: Saturday from 09:00 to 10:00 (UTC) or Saturday from 10:00 to 11:00 (Europe/Berlin).")
}

test_any_of_the_windows_is_enough if {
	windows := [office_hours, {"weekdays": ["saturday"], "from": "00:00", "to": "24:00"}]
	runbook_codes_at("2026-01-03T12:00:00Z", [step(1, {})], windows) == set()
	runbook_codes_at("2026-01-04T12:00:00Z", [step(1, {})], windows) == {"runbook_hours.outside"}
}

test_hours_follow_their_time_zone_and_its_summer_time if {
	windows := [{"weekdays": ["friday"], "from": "09:00", "to": "16:00", "timezone": "Europe/Berlin"}]
	every now, expected in {
		"2026-01-02T07:59:59Z": {"runbook_hours.outside"},
		"2026-01-02T08:00:00Z": set(),
		"2026-01-02T15:00:00Z": {"runbook_hours.outside"},
		"2026-07-03T06:59:59Z": {"runbook_hours.outside"},
		"2026-07-03T07:00:00Z": set(),
		"2026-07-03T14:00:00Z": {"runbook_hours.outside"},
	} {
		runbook_codes_at(now, [step(1, {})], windows) == expected
	}
	tokyo := [{"weekdays": ["saturday"], "from": "00:00", "to": "12:00", "timezone": "Asia/Tokyo"}]
	runbook_codes_at("2026-01-02T15:00:00Z", [step(1, {})], tokyo) == set()
	some finding in runbook_at("2026-01-02T14:59:00Z", [step(1, {})], tokyo)
	contains(finding.msg, "Next: Saturday from 00:00 to 12:00 (Asia/Tokyo).")
}

# On 29 March 2026 a day in Berlin has 23 hours: 24 hours after Saturday 23:30 it is Monday.
test_no_day_is_lost_when_the_clocks_change if {
	windows := [{"weekdays": ["sunday"], "from": "10:00", "to": "11:00", "timezone": "Europe/Berlin"}]
	some finding in runbook_at("2026-03-28T22:30:00Z", [step(1, {})], windows)
	contains(finding.msg, "Next: Sunday from 10:00 to 11:00 (Europe/Berlin).")
}

test_reading_and_blocked_steps_may_run_at_any_time if {
	never := [{"weekdays": ["sunday"], "from": "00:00", "to": "00:01"}]
	now := "2026-01-02T15:04:05Z"
	runbook_codes_at(now, [step(1, {"effect": "read"})], never) == set()
	runbook_codes_at(now, [object.union(step(1, {}), blocked)], never) == set()
	runbook_codes_at(now, [], never) == set()
	runbook_codes_at(now, [object.remove(step(1, {}), ["effect"])], never) == {"runbook_hours.outside"}
	runbook_codes_at(now, [change(1, "CREATE", "portal")], never) == {"runbook_hours.outside"}
}

test_hours_without_a_clock_deny if {
	every now in [null, 5, "", "today", "2026-02-30T00:00:00Z"] {
		runbook_codes_at(now, [step(1, {})], [office_hours]) == {"runbook_hours.malformed"}
		runbook_codes_at(now, [step(1, {})], []) == set()
	}
}

test_hours_are_for_runbooks_only if {
	settings := {"runbook_hours": {"windows": [{"weekdays": ["sunday"], "from": "00:00", "to": "00:01"}]}}
	every now in ["2026-01-02T15:04:05Z", null] {
		at(now, changes(3, "CREATE", {}), settings) == set()
	}
}

test_no_hours_no_rule if {
	every section in [{}, null, {"windows": []}, {"windows": null}] {
		runbook_denied([step(1, {})], {}, {"runbook_hours": section}) == set()
	}
}
