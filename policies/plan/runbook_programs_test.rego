package enact.plan_test

some_programs := {"runbook_programs": {"allowed": ["psql", "/usr/bin/git", "scripts/*"]}}

running(argv) := [step(1, {"spec": exec(argv)})]

test_listed_programs_pass if {
	every name in ["psql", "/usr/bin/git", "scripts/a.sh", "scripts/deep/b.sh"] {
		runbook_denied(running([name, "rm"]), {}, some_programs) == set()
	}
}

test_programs_are_compared_as_they_are_written if {
	every name in [
		"git",
		"/usr/bin/psql",
		"./psql",
		"psql ",
		"PSQL",
		"scripts",
		"scripts/../evil.sh",
		"scripts/a/../../evil.sh",
		"./scripts/a.sh",
		"xscripts/a.sh",
		"",
	] {
		runbook_denied(running([name]), {}, some_programs) == {"runbook_programs.not_allowed"}
	}
}

test_the_finding_names_step_program_and_setting if {
	some finding in runbook_denials(running(["curl"]), {}, some_programs)
	finding.change_id == "s1"
	finding.msg == concat(" ", [
		`RUN step "Step 1" runs curl,`,
		"which is not in data.enact.settings.runbook_programs.allowed.",
	])
}

test_a_program_that_is_not_known_before_is_denied if {
	every settings in [some_programs, {"runbook_programs": {"denied": ["rm"]}}] {
		every argv in [
			[template([{"expression": "steps.a.outputs.tool"}])],
			[template([{"text": "scripts/"}, {"expression": "steps.a.outputs.tool"}])],
			[template([{"text": "psql"}])],
			[],
			[5],
			[null],
			"psql",
		] {
			runbook_denied(running(argv), {}, settings) == {"runbook_programs.unknown"}
		}
	}
}

test_expressions_in_arguments_pass if {
	argv := ["psql", template([{"expression": "steps.a.outputs.rows"}])]
	runbook_denied(running(argv), {}, some_programs) == set()
}

test_denied_programs_are_denied_wherever_they_are if {
	settings := {"runbook_programs": {"denied": ["rm", "/opt/x/tool"]}}
	every name in ["rm", "/bin/rm", "./rm", "../bin/rm", "/opt/x/tool"] {
		runbook_denied(running([name]), {}, settings) == {"runbook_programs.denied"}
	}
	every name in ["rmdir", "xrm", "tool", "/opt/y/tool", "rm/x"] {
		runbook_denied(running([name, "rm"]), {}, settings) == set()
	}
}

test_what_is_both_allowed_and_denied_is_denied if {
	settings := {"runbook_programs": {"allowed": ["rm"], "denied": ["rm"]}}
	runbook_denied(running(["rm"]), {}, settings) == {"runbook_programs.denied"}
}

test_the_program_of_a_script_is_its_shell if {
	found := [step(1, {"spec": run("x")})]
	runbook_denied(found, {}, some_programs) == {"runbook_programs.not_allowed"}
	runbook_denied(found, {}, {"runbook_programs": {"allowed": ["bash"]}}) == set()
	runbook_denied(found, {}, {"runbook_programs": {"denied": ["bash"]}}) == {"runbook_programs.denied"}
	bare := [step(1, {"spec": {"kind": "run", "action": {"script": "x"}}})]
	runbook_denied(bare, {}, {"runbook_programs": {"allowed": ["bash"]}}) == {"runbook_programs.unknown"}
}

no_shell := {"runbook_programs": {"shell": false}}

test_scripts_can_be_ruled_out if {
	runbook_denied([step(1, {"spec": run("x")})], {}, no_shell) == {"runbook_programs.shell"}
	script := template([{"text": "echo "}, {"expression": "steps.a.outputs.rows"}])
	runbook_denied([step(1, {"spec": run(script)})], {}, no_shell) == {"runbook_programs.shell"}
	runbook_denied(running(["psql", "-c", "select 1"]), {}, no_shell) == set()
}

test_a_script_in_an_argument_is_a_script if {
	every argv in [
		["sh", "-c", "rm -rf /"],
		["bash", "-euo", "pipefail", "-c", "x"],
		["/bin/bash", "-euc", "x"],
		["bash", template([{"expression": "steps.a.outputs.flag"}]), "x"],
		["fish", "--command=x"],
	] {
		runbook_denied(running(argv), {}, no_shell) == {"runbook_programs.shell"}
	}
	every argv in [["bash", "scripts/a.sh"], ["sh", "-eu", "scripts/a.sh"], ["shfmt", "-c"], ["bash"]] {
		runbook_denied(running(argv), {}, no_shell) == set()
	}
}

test_every_command_of_a_step_is_judged if {
	found := everywhere(exec(["curl"]))
	count(runbook_denials(found, {}, some_programs)) == count(found)
	scripts := everywhere(run("x"))
	count(runbook_denials(scripts, {}, no_shell)) == count(scripts)
}

test_every_command_of_the_document_is_judged if {
	every extra in everywhere_in_document(exec(["curl"])) {
		runbook_denied([], extra, some_programs) == {"runbook_programs.not_allowed"}
	}
	every extra in everywhere_in_document(run("x")) {
		runbook_denied([], extra, no_shell) == {"runbook_programs.shell"}
	}
}

printed_by(from) := {"parameters": {"token": {"type": "secret", "from": from}}}

test_commands_that_print_secrets_are_judged if {
	every from, expected in {
		`exec:["psql","-c","x"]`: set(),
		`exec:["pass","show","x"]`: {"runbook_programs.not_allowed"},
		`exec:[]`: {"runbook_programs.unknown"},
		`exec:["pass"`: {"runbook_programs.unknown"},
		`exec:"psql"`: {"runbook_programs.unknown"},
		`exec:`: {"runbook_programs.unknown"},
		"env:PASS": set(),
	} {
		runbook_denied([], printed_by(from), some_programs) == expected
	}
	some finding in runbook_denials([], printed_by(`exec:["pass"]`), some_programs)
	startswith(finding.msg, `The parameter "token" runs pass`)
	runbook_denied([], printed_by(`exec:["sh","-c","x"]`), no_shell) == {"runbook_programs.shell"}
}

test_variables_that_decide_what_a_name_means_are_denied if {
	every name in ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV"] {
		env := {"env": {name: "x", "HOME": "/"}}
		every found in [
			[step(1, {"spec": object.union(exec(["psql"]), env)})],
			[step(1, {"undo": {"kind": "run", "spec": object.union(exec(["psql"]), env)}, "spec": exec(["psql"])})],
		] {
			runbook_denied(found, {}, some_programs) == {"runbook_programs.environment"}
			runbook_denied(found, {}, {"runbook_programs": {"denied": ["rm"]}}) == {"runbook_programs.environment"}
			runbook_denied(found, {}, no_shell) == set()
		}
		runbook_denied(running(["psql"]), env, some_programs) == {"runbook_programs.environment"}
	}
	harmless := {"env": {"PGOPTIONS": "x", "MY_PATH": "x"}}
	runbook_denied([step(1, {"spec": object.union(exec(["psql"]), harmless)})], harmless, some_programs) == set()
	some finding in runbook_denials(running(["psql"]), {"env": {"PATH": "x"}}, some_programs)
	finding.msg == concat(" ", [
		"The runbook sets PATH, which decides what a program's name means.",
		"Remove it, or change data.enact.settings.runbook_programs.",
	])
	object.keys(finding) == {"code", "msg"}
}

test_variables_in_what_is_sent_decide_nothing if {
	body := {"action": {"body": {"json": {"env": {"PATH": "x"}}}}}
	odd := {"parameters": {"x": {"type": "json", "value": {"env": {"PATH": "x"}}}}, "env": null}
	sent := object.union(object.remove(step(1, {}), ["spec"]), {"spec": object.union(
		request("POST", "https://a.example/"),
		body,
	)})
	runbook_denied([sent], odd, some_programs) == set()
}

test_requests_checkpoints_and_people_run_no_program if {
	every spec in [
		request("GET", "https://a.example/"),
		{"kind": "checkpoint", "action": {"message": "?"}},
		{"kind": "manual", "action": {"assignee": "agent", "instructions": "x"}},
		{"kind": "compare", "action": {"op": "=="}},
	] {
		found := [object.union(object.remove(step(1, {}), ["spec"]), {"spec": spec})]
		runbook_denied(found, {}, {"runbook_programs": {"allowed": [], "denied": ["x"], "shell": false}}) == set()
	}
}

test_no_program_settings_no_rule if {
	shipped := {"allowed": null, "denied": [], "shell": true}
	every section in [{}, shipped, {"allowed": null, "denied": null, "shell": null}] {
		every act in [run("x"), exec([template([{"expression": "x"}])]), exec(["rm"])] {
			runbook_denied(everywhere(act), {"env": {"PATH": "x"}}, {"runbook_programs": section}) == set()
		}
	}
	runbook_denied(running(["rm"]), {}, {"runbook_programs": {"allowed": []}}) == {"runbook_programs.not_allowed"}
}
