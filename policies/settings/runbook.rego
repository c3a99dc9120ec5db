# The settings of the rules for runbooks.
# Codes: runbook_destroy.malformed, runbook_assurance.malformed, runbook_network.malformed, runbook_programs.malformed,
# runbook_hours.malformed, runbook_settings.malformed, runbook_secrets.malformed.
package enact.bundle

faults contains malformed(rule, sprintf("data.enact.settings.%s", [rule]), fault) if {
	some rule, found in runbook_faults
	some fault in found
}

runbook_faults := {
	"runbook_destroy": runbook_destroy_faults,
	"runbook_assurance": runbook_assurance_faults,
	"runbook_network": runbook_network_faults,
	"runbook_programs": runbook_programs_faults,
	"runbook_hours": runbook_hours_faults,
	"runbook_settings": runbook_settings_faults,
	"runbook_secrets": runbook_secrets_faults,
}

# What is asked of approvals.

demand_keys := {"approvals", "assurance", "roles", "not_author"}

demand_faults(demand) := ({"approvals must be null or a whole number from 1 on" |
	not is_absent_or_count(object.get(demand, "approvals", null))
} | {"assurance must be null, low, signed or hardware" |
	not object.get(demand, "assurance", null) in [null, "low", "signed", "hardware"]
}) | ({"roles must be a list of names" |
	not is_absent_or_names(object.get(demand, "roles", null))
} | {"not_author must be true or false" |
	not object.get(demand, "not_author", null) in [null, true, false]
})

is_absent_or_count(value) if value == null

is_absent_or_count(value) if is_whole_from(value, 1)

is_absent_or_names(value) if value == null

is_absent_or_names(value) if is_names(value)

# runbook_destroy

runbook_destroy_faults contains fault if {
	some fault in section_faults("runbook_destroy", demand_keys | {"undo_or_hold"})
}

runbook_destroy_faults contains fault if {
	some fault in demand_faults(section("runbook_destroy"))
}

runbook_destroy_faults contains "undo_or_hold must be true or false" if {
	not setting("runbook_destroy", "undo_or_hold") in [null, true, false]
}

# runbook_assurance

levels_of := {
	"effects": ["read", "write", "destroy"],
	"risks": ["low", "medium", "high", "critical"],
}

runbook_assurance_faults contains fault if {
	some fault in section_faults("runbook_assurance", {"effects", "risks", "self_answers"})
}

runbook_assurance_faults contains sprintf("%s must map levels to what is asked for", [key]) if {
	some key, _ in levels_of
	levels := setting("runbook_assurance", key)
	levels != null
	not is_object(levels)
}

runbook_assurance_faults contains sprintf("%s knows %s, not %v", [key, concat(", ", levels), level]) if {
	some key, levels in levels_of
	some level, _ in object_or_empty(setting("runbook_assurance", key))
	not level in levels
}

runbook_assurance_faults contains sprintf("in %s.%v, %s", [key, level, fault]) if {
	some key, _ in levels_of
	some level, demand in object_or_empty(setting("runbook_assurance", key))
	some fault in level_faults(demand)
}

runbook_assurance_faults contains "self_answers must be null, allowed or denied" if {
	not setting("runbook_assurance", "self_answers") in [null, "allowed", "denied"]
}

level_faults(demand) := {"it must be an object"} if {
	not is_object(demand)
} else := demand_faults(demand) | {sprintf("there is no key %v", [key]) |
	some key, _ in demand
	not key in demand_keys
}

object_or_empty(value) := value if {
	is_object(value)
} else := {}

# runbook_network

runbook_network_faults contains fault if {
	some fault in section_faults("runbook_network", {"hosts", "plain_http", "methods"})
}

runbook_network_faults contains sprintf("%s must be null or a list of hosts such as %q or %q", [
	key,
	"api.example.com",
	"*.example.com",
]) if {
	some key in ["hosts", "plain_http"]
	hosts := setting("runbook_network", key)
	hosts != null
	not are_hosts(hosts)
}

runbook_network_faults contains "methods must be null or a list of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS" if {
	methods := setting("runbook_network", "methods")
	methods != null
	not are_methods(methods)
}

are_hosts(value) if {
	is_names(value)
	every host in value {
		regex.match(`^(([*][.])?[a-zA-Z0-9_-]+([.][a-zA-Z0-9_-]+)*|\[[0-9a-fA-F:.]+\])$`, host)
	}
}

are_methods(value) if {
	is_names(value)
	every method in value {
		method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	}
}

# runbook_programs

runbook_programs_faults contains fault if {
	some fault in section_faults("runbook_programs", {"allowed", "denied", "shell"})
}

runbook_programs_faults contains sprintf("%s must be a list of programs", [key]) if {
	some key in ["allowed", "denied"]
	not is_absent_or_names(setting("runbook_programs", key))
}

runbook_programs_faults contains sprintf("in allowed, * may only be the last part, as in %q", ["bin/*"]) if {
	some name in names_or_none(setting("runbook_programs", "allowed"))
	contains(name, "*")
	not regex.match(`^[^*]*[^*/]/[*]$`, name)
}

runbook_programs_faults contains "denied holds names of programs, without * in them" if {
	some name in names_or_none(setting("runbook_programs", "denied"))
	contains(name, "*")
}

runbook_programs_faults contains "shell must be true or false" if {
	not setting("runbook_programs", "shell") in [null, true, false]
}

names_or_none(value) := value if {
	is_names(value)
} else := []

# runbook_hours

runbook_hours_faults contains fault if {
	some fault in section_faults("runbook_hours", {"windows"})
}

runbook_hours_faults contains "windows must be a list" if {
	windows := setting("runbook_hours", "windows")
	windows != null
	not is_array(windows)
}

runbook_hours_faults contains sprintf("in window number %d, %s", [index + 1, fault]) if {
	windows := setting("runbook_hours", "windows")
	is_array(windows)
	some index, window in windows
	some fault in opening_faults(window)
}

opening_faults(window) := {"it must be an object"} if {
	not is_object(window)
} else := {"weekdays is missing"} if {
	not "weekdays" in object.keys(window)
} else := weekly_faults(window) | {sprintf("there is no key %v", [key]) |
	some key, _ in window
	not key in {"weekdays", "from", "to", "timezone"}
}

# runbook_settings

truths := object.keys(data.enact.plan.strict_values) | object.keys(data.enact.plan.verifications)

runbook_settings_faults contains fault if {
	some fault in section_faults("runbook_settings", truths | {"max_plan_steps", "longest_timeout"})
}

runbook_settings_faults contains sprintf("%s must be null, true or false", [key]) if {
	some key in truths
	not setting("runbook_settings", key) in [null, true, false]
}

runbook_settings_faults contains "max_plan_steps must be null or a whole number from 1 on" if {
	not is_absent_or_count(setting("runbook_settings", "max_plan_steps"))
}

runbook_settings_faults contains sprintf("longest_timeout must be null or a length of time such as %q", ["1h30m"]) if {
	longest := setting("runbook_settings", "longest_timeout")
	longest != null
	not is_length_of_time(longest)
}

is_length_of_time(value) if {
	is_string(value)
	regex.match(`^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$`, value)
	regex.match(`[1-9]`, value)
}

# runbook_secrets

runbook_secrets_faults contains fault if {
	some fault in section_faults("runbook_secrets", {"sources"})
}

runbook_secrets_faults contains sprintf("sources must be null or a list of texts such as %q, %q and %q", [
	"env:DB_*",
	"file:/run/secrets/*",
	"exec:pass",
]) if {
	sources := setting("runbook_secrets", "sources")
	sources != null
	not are_sources(sources)
}

are_sources(value) if {
	is_names(value)
	every source in value {
		regex.match(`^(env|file|exec):[^*]*[*]?$`, source)
		not source in {"env:", "file:", "exec:"}
		is_program_source(source)
	}
}

# A command is allowed by its program, which has no pattern: exec:pass, or exec:* for all.
is_program_source(source) if not startswith(source, "exec:")

is_program_source(source) if source == "exec:*"

is_program_source(source) if {
	startswith(source, "exec:")
	not contains(source, "*")
	not contains(source, "[")
}
