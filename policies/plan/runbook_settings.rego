# Settings that a runbook may not loosen, and the longest time one attempt may take.
# Settings: data.enact.settings.runbook_settings. Codes: runbook_settings.looser, runbook_settings.timeout.
package enact.plan

runbook_settings := data.enact.settings.runbook_settings

# The strict value of each. A setting that is pinned to the other one is not pinned at all.
strict_values := {
	"require_approval": true,
	"stop_on_error": true,
	"checkpoint_between_steps": true,
	"show_estimated_time": true,
	"log_progress": true,
	"allow_skip": false,
	"allow_plan_revision": false,
}

verifications := {"run_tests": "tests", "run_lint": "lint", "run_typecheck": "typecheck"}

deny contains looser(key, found, strict) if {
	runbook
	some key, strict in strict_values
	runbook_settings[key] == strict
	found := setting_of_runbook(key)
	found != strict
}

deny contains looser("max_plan_steps", found, most) if {
	runbook
	most := runbook_settings.max_plan_steps
	is_number(most)
	found := setting_of_runbook("max_plan_steps")
	not is_at_most(found, most)
}

deny contains looser(key, false, true) if {
	runbook
	some key, name in verifications
	runbook_settings[key] == true
	not is_wanted(name)
}

deny contains finding if {
	runbook
	is_string(runbook_settings.longest_timeout)
	longest := time.parse_duration_ns(runbook_settings.longest_timeout) / 1000000
	found := [about(bound, msg) |
		some bound in timeouts
		not is_at_most(bound.timeout, longest)
		msg := sprintf("%s may take %s; data.enact.settings.runbook_settings.longest_timeout is %s.", [
			who(bound),
			duration_words(bound.timeout),
			runbook_settings.longest_timeout,
		])
	]
	some finding in cut("runbook_settings.timeout", "runbook_settings.longest_timeout", found)
}

looser(key, found, pinned) := {
	"code": "runbook_settings.looser",
	"msg": sprintf("The runbook's setting %s is %v; data.enact.settings.runbook_settings.%s pins it to %v.", [
		key,
		found,
		key,
		pinned,
	]),
}

setting_of_runbook(key) := value if {
	is_object(runbook.settings)
	value := object.get(runbook.settings, key, "not there")
} else := "not there"

is_wanted(name) if {
	some verification in runbook.verification
	verification.name == name
	verification.wanted == true
}

is_at_most(value, most) if {
	is_number(value)
	value <= most
}

# Every bound on one attempt: of steps, of undo actions and of checks, wherever they stand.
timeouts := array.concat(array.concat(step_timeouts, timeouts_in_steps), timeouts_in_document)

step_timeouts := [{"change": change, "part": "spec", "path": [], "timeout": timeout} |
	some change in steps
	timeout := object.get(change, "timeout", "as long as it likes")
]

timeouts_in_steps := [{"change": change, "part": part, "path": path, "timeout": timeout} |
	some change in steps
	some part in step_parts
	walk(change[part], [path, found])
	timeout := found.timeout
	not is_named_freely(path)
	not is_content(path)
]

timeouts_in_document := array.concat(
	[{"path": ["settings"], "timeout": setting_of_runbook("default_timeout")}],
	[{"path": path, "timeout": timeout} |
		walk(runbook, [path, found])
		timeout := found.timeout
		not is_named_freely(path)
		not is_content(path)
	],
)

# Maps whose keys are names of the author's.
is_named_freely(path) if {
	path[count(path) - 1] in {"env", "outputs", "parameters", "labels", "headers", "evidence"}
}

duration_words(milliseconds) := milliseconds if {
	not is_number(milliseconds)
} else := sprintf("%dh", [milliseconds / 3600000]) if {
	milliseconds % 3600000 == 0
} else := sprintf("%dm", [milliseconds / 60000]) if {
	milliseconds % 60000 == 0
} else := sprintf("%ds", [milliseconds / 1000]) if {
	milliseconds % 1000 == 0
} else := sprintf("%dms", [milliseconds])
