package enact.bundle_test

test_malformed_demands_on_destroying_are_faults if {
	every section in [
		{"approvals": 0},
		{"approvals": "2"},
		{"approvals": 1.5},
		{"assurance": "strong"},
		{"assurance": 2},
		{"roles": "dba"},
		{"roles": [""]},
		{"not_author": "yes"},
		{"undo_or_hold": 1},
		{"undo_or_hold": "true"},
	] {
		faults({"runbook_destroy": section}) == {"runbook_destroy.malformed"}
	}
}

test_malformed_levels_are_faults if {
	every section in [
		{"effects": ["write"]},
		{"effects": {"delete": {}}},
		{"effects": {"write": null}},
		{"effects": {"write": 2}},
		{"effects": {"write": {"approvals": 0}}},
		{"effects": {"write": {"approval": 1}}},
		{"effects": {"write": {"undo_or_hold": true}}},
		{"risks": "high"},
		{"risks": {"write": {}}},
		{"risks": {"High": {}}},
		{"risks": {"high": {"assurance": "touch"}}},
		{"self_answers": false},
		{"self_answers": "deny"},
	] {
		faults({"runbook_assurance": section}) == {"runbook_assurance.malformed"}
	}
	some msg in messages({"runbook_assurance": {"risks": {"high": {"approvals": 0}}}})
	contains(msg, "in risks.high, approvals must be null or a whole number from 1 on")
	some other in messages({"runbook_assurance": {"effects": {"delete": {}}}})
	contains(other, "effects knows read, write, destroy, not delete")
}

test_malformed_hosts_are_faults if {
	every key in ["hosts", "plain_http"] {
		every value in [
			"api.example.com",
			{"api.example.com": true},
			[""],
			[5],
			["*"],
			["*."],
			["api.*.com"],
			["*example.com"],
			["https://api.example.com"],
			["api.example.com:443"],
			["api.example.com/"],
			["api.example.com."],
			["user@api.example.com"],
			[" api.example.com"],
			["api.example.com\n"],
			["::1"],
			false,
		] {
			faults({"runbook_network": {key: value}}) == {"runbook_network.malformed"}
		}
	}
}

test_malformed_methods_are_faults if {
	every value in ["GET", ["get"], ["TRACE"], [""], [1], {"GET": true}, true] {
		faults({"runbook_network": {"methods": value}}) == {"runbook_network.malformed"}
	}
}

test_malformed_programs_are_faults if {
	every section in [
		{"allowed": "psql"},
		{"allowed": [""]},
		{"allowed": [1]},
		{"allowed": ["*"]},
		{"allowed": ["/*"]},
		{"allowed": ["ps*"]},
		{"allowed": ["scripts/*.sh"]},
		{"allowed": ["*/x"]},
		{"allowed": ["scripts//*"]},
		{"allowed": false},
		{"denied": "rm"},
		{"denied": ["bin/*"]},
		{"denied": [null]},
		{"shell": "no"},
		{"shell": 0},
	] {
		faults({"runbook_programs": section}) == {"runbook_programs.malformed"}
	}
}

office_hours := {"weekdays": ["monday"], "from": "09:00", "to": "16:00"}

test_malformed_hours_are_faults if {
	every windows in [
		"monday",
		office_hours,
		[5],
		[{}],
		[object.remove(office_hours, ["weekdays"])],
		[object.union(office_hours, {"weekdays": []})],
		[object.union(office_hours, {"weekdays": ["mon"]})],
		[object.union(office_hours, {"from": "9:00"})],
		[object.union(office_hours, {"to": "08:00"})],
		[object.union(office_hours, {"to": 960})],
		[object.union(office_hours, {"timezone": "Europe/Berln"})],
		[object.union(office_hours, {"name": "x"})],
		[object.union(office_hours, {"namespaces": ["x"]})],
		[{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}],
	] {
		faults({"runbook_hours": {"windows": windows}}) == {"runbook_hours.malformed"}
	}
	some msg in messages({"runbook_hours": {"windows": [office_hours, {"weekdays": ["monday"]}]}})
	contains(msg, "in window number 2, from and to must be times of day")
}

test_malformed_pins_are_faults if {
	every section in [
		{"require_approval": "true"},
		{"allow_skip": 0},
		{"run_tests": ["cargo", "test"]},
		{"max_plan_steps": 0},
		{"max_plan_steps": "50"},
		{"max_plan_steps": true},
		{"require_user_approval": true},
		{"longest_timeout": 60000},
		{"longest_timeout": ""},
		{"longest_timeout": "0s"},
		{"longest_timeout": "1d"},
		{"longest_timeout": "30"},
		{"longest_timeout": "-1h"},
		{"longest_timeout": "1.5h"},
		{"longest_timeout": "30m1h"},
		{"longest_timeout": "1000000h"},
	] {
		faults({"runbook_settings": section}) == {"runbook_settings.malformed"}
	}
}

test_malformed_sources_are_faults if {
	every value in [
		"env:*",
		["env"],
		["env:"],
		["file:"],
		["exec:"],
		["vault:x"],
		["env:*_URL"],
		["env:**"],
		["ENV:X"],
		["exec:pa*"],
		[`exec:["pass"]`],
		[""],
		[5],
		{"env": true},
		false,
	] {
		faults({"runbook_secrets": {"sources": value}}) == {"runbook_secrets.malformed"}
	}
}

test_settings_for_runbooks_that_can_be_read_are_no_faults if {
	every settings in [
		{"runbook_destroy": {"approvals": 2, "assurance": "hardware", "roles": ["dba"], "not_author": true}},
		{"runbook_destroy": {"approvals": null, "assurance": null, "roles": null, "not_author": null}},
		{"runbook_destroy": {"undo_or_hold": true}},
		{"runbook_destroy": {"undo_or_hold": null}},
		{"runbook_assurance": {"effects": {"read": {}, "write": {"approvals": 1}, "destroy": {"assurance": "low"}}}},
		{"runbook_assurance": {"risks": {"low": {}, "medium": {}, "high": {"not_author": true}, "critical": {"roles": []}}}},
		{"runbook_assurance": {"effects": null, "risks": null, "self_answers": null}},
		{"runbook_assurance": {"self_answers": "denied"}},
		{"runbook_assurance": {"self_answers": "allowed"}},
		{"runbook_network": {"hosts": ["a", "A.example", "*.b.example", "10.0.0.1", "[::1]"], "methods": []}},
		{"runbook_network": {"hosts": [], "plain_http": ["localhost"]}},
		{"runbook_network": {"methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]}},
		{"runbook_programs": {"allowed": ["psql", "/usr/bin/git", "scripts/*", "/opt/x/*"], "denied": ["rm"]}},
		{"runbook_programs": {"shell": false}},
		{"runbook_programs": {"allowed": null, "denied": null, "shell": null}},
		{"runbook_hours": {"windows": [office_hours, object.union(office_hours, {"to": "24:00", "timezone": "Asia/Tokyo"})]}},
		{"runbook_settings": {"require_approval": true, "allow_skip": false, "run_lint": true, "max_plan_steps": 1}},
		{"runbook_settings": {"require_approval": false, "allow_skip": true, "stop_on_error": null, "max_plan_steps": null}},
		{"runbook_settings": {"longest_timeout": "1h30m10s"}},
		{"runbook_settings": {"longest_timeout": "90s"}},
		{"runbook_secrets": {"sources": []}},
		{"runbook_secrets": {"sources": ["env:*", "env:DB_*", "env:TOKEN", "file:/run/*", "file:x"]}},
		{"runbook_secrets": {"sources": ["exec:*", "exec:pass", "exec:/usr/bin/pass"]}},
	] {
		faults(settings) == set()
	}
}

test_every_length_of_time_that_passes_can_be_read if {
	every length in ["1h30m10s", "90s", "99999h99999m99999s", "5m"] {
		data.enact.bundle.is_length_of_time(length)
		is_number(time.parse_duration_ns(length))
	}
}
