package enact.bundle_test

one_window(window) := {"freeze": {"windows": [window]}}

turn_of_the_year := {"name": "end of year", "from": "2025-12-20T00:00:00Z", "to": "2026-01-04T08:00:00+01:00"}

friday_afternoon := {"weekdays": ["friday"], "from": "15:00", "to": "24:00"}

test_malformed_frozen_namespaces_are_faults if {
	every value in ["prod", [1], [""], {"prod": true}, 5] {
		faults({"freeze": {"namespaces": value}}) == {"freeze.malformed"}
	}
}

test_malformed_windows_are_faults if {
	every window in [
		"friday",
		{},
		{"from": "2026-01-01T00:00:00Z"},
		{"from": "2026-01-01", "to": "2026-01-02"},
		{"from": "2026-01-01T00:00:00", "to": "2026-01-02T00:00:00"},
		{"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
		{"from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
		{"from": "2026-02-30T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
		{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T24:00:00Z"},
		{"from": "15:00", "to": "24:00"},
		{"from": 900, "to": 1440},
		object.union(turn_of_the_year, {"timezone": "Europe/Berlin"}),
		object.union(turn_of_the_year, {"namespaces": []}),
		object.union(turn_of_the_year, {"namespaces": "prod"}),
		object.union(turn_of_the_year, {"namespaces": null}),
		object.union(turn_of_the_year, {"namespace": "prod"}),
		object.union(turn_of_the_year, {"name": 5}),
		object.union(friday_afternoon, {"weekdays": []}),
		object.union(friday_afternoon, {"weekdays": "friday"}),
		object.union(friday_afternoon, {"weekdays": null}),
		object.union(friday_afternoon, {"weekdays": ["fri"]}),
		object.union(friday_afternoon, {"weekdays": [5]}),
		object.union(friday_afternoon, {"from": "15"}),
		object.union(friday_afternoon, {"from": 900}),
		object.union(friday_afternoon, {"to": "24:30"}),
		object.union(friday_afternoon, {"from": "9:00"}),
		object.union(friday_afternoon, {"to": "06:00"}),
		object.union(friday_afternoon, {"to": "15:00"}),
		object.union(friday_afternoon, {"timezone": "Europe/Berln"}),
		object.union(friday_afternoon, {"timezone": ""}),
		object.union(friday_afternoon, {"timezone": null}),
		object.union(friday_afternoon, {"timezone": 1}),
	] {
		faults(one_window(window)) == {"freeze.malformed"}
	}
}

test_the_malformed_window_is_named if {
	named := object.union(friday_afternoon, {"name": "late", "timezone": "Europe/Berln"})
	some msg in messages({"freeze": {"windows": [turn_of_the_year, named]}})
	contains(msg, `in the freeze window "late", there is no time zone Europe/Berln`)
	some other in messages({"freeze": {"windows": [turn_of_the_year, {"from": "x"}]}})
	contains(other, "in freeze window number 2, from and to must be instants")
}

test_each_malformed_window_is_told_and_no_other if {
	windows := [{}, turn_of_the_year, object.union(friday_afternoon, {"to": "06:00"}), friday_afternoon]
	count(messages({"freeze": {"windows": windows}})) == 2
	count(messages(one_window({"weekdays": ["friday"], "name": 5, "until": "24:00"}))) == 3
}

test_windows_that_can_be_read_are_no_faults if {
	every window in [
		turn_of_the_year,
		friday_afternoon,
		object.union(turn_of_the_year, {"namespaces": ["prod"]}),
		object.union(friday_afternoon, {"timezone": "Europe/Berlin", "name": "late", "namespaces": ["prod"]}),
		object.union(friday_afternoon, {"weekdays": ["Monday", "FRIDAY"], "from": "00:00"}),
	] {
		faults(one_window(window)) == set()
	}
	every settings in [{}, {"namespaces": null, "windows": null}, {"namespaces": ["prod"], "windows": []}] {
		faults({"freeze": settings}) == set()
	}
}

test_windows_that_are_no_list_are_faults if {
	every value in ["friday", turn_of_the_year, 5] {
		faults({"freeze": {"windows": value}}) == {"freeze.malformed"}
	}
}

test_every_time_zone_that_passes_is_known_to_the_engine if {
	every zone in data.enact.bundle.time_zones {
		is_string(time.weekday([0, zone]))
	}
	count(data.enact.bundle.time_zones) > 400
}
