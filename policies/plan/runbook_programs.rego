# Which programs a runbook may run, and whether it may use a shell.
# Settings: data.enact.settings.runbook_programs. Codes: runbook_programs.shell, runbook_programs.unknown,
# runbook_programs.not_allowed, runbook_programs.denied, runbook_programs.environment.
package enact.plan

# Lists, null, or undefined.
allowed_programs := data.enact.settings.runbook_programs.allowed

denied_programs := data.enact.settings.runbook_programs.denied

may_use_a_shell := data.enact.settings.runbook_programs.shell

programs_are_judged if is_array(allowed_programs)

programs_are_judged if denied_programs[0]

deny contains finding if {
	may_use_a_shell == false
	found := [about(act, msg) |
		some act in acts
		is_shell_script(act)
		msg := concat(" ", [
			sprintf("%s gives a script to a shell, which is ruled out by", [who(act)]),
			"data.enact.settings.runbook_programs.shell. Run the program itself with `exec`.",
		])
	]
	some finding in cut("runbook_programs.shell", "runbook_programs.shell", found)
}

deny contains finding if {
	programs_are_judged
	found := [about(act, msg) |
		some act in acts
		act.kind in {"run", "exec"}
		not program(act)
		msg := sprintf("%s runs a program that is not known before it runs. Write its name out.", [who(act)])
	]
	some finding in cut("runbook_programs.unknown", "runbook_programs", found)
}

deny contains finding if {
	is_array(allowed_programs)
	found := [about(act, msg) |
		some act in acts
		name := program(act)
		not is_among_programs(name)
		msg := sprintf("%s runs %s, which is not in data.enact.settings.runbook_programs.allowed.", [who(act), name])
	]
	some finding in cut("runbook_programs.not_allowed", "runbook_programs.allowed", found)
}

deny contains finding if {
	denied_programs[0]
	found := [about(act, msg) |
		some act in acts
		name := program(act)
		is_denied_program(name)
		msg := sprintf("%s runs %s, which is ruled out by data.enact.settings.runbook_programs.denied.", [
			who(act),
			name,
		])
	]
	some finding in cut("runbook_programs.denied", "runbook_programs.denied", found)
}

deny contains finding if {
	programs_are_judged
	found := [about(place, msg) |
		some place in environments
		variables := [name | some name, _ in place.env; decides_what_runs(name)]
		count(variables) > 0
		msg := concat(" ", [
			sprintf("%s sets %s, which decides what a program's name means.", [who(place), listed(variables)]),
			"Remove it, or change data.enact.settings.runbook_programs.",
		])
	]
	some finding in cut("runbook_programs.environment", "runbook_programs", found)
}

# The first word of a command; the shell of a script. Undefined where it is no literal.
program(act) := name if {
	act.kind == "exec"
	name := act.action.argv[0]
	is_string(name)
}

program(act) := name if {
	act.kind == "run"
	name := act.action.shell[0]
	is_string(name)
}

is_among_programs(name) if name in allowed_programs

# bin/*: every program below the folder.
is_among_programs(name) if {
	some entry in allowed_programs
	endswith(entry, "/*")
	startswith(name, trim_suffix(entry, "*"))
	not ".." in split(name, "/")
}

# A name stands for the program wherever it is.
is_denied_program(name) if {
	some entry in denied_programs
	entry in {name, last_part(name)}
}

last_part(path) := parts[count(parts) - 1] if {
	parts := split(path, "/")
}

is_shell_script(act) if act.kind == "run"

# exec: [bash, -c, "…"]
is_shell_script(act) if {
	last_part(program(act)) in {"sh", "bash", "dash", "zsh", "ksh", "ash", "fish"}
	act.kind == "exec"
	some index, word in act.action.argv
	index > 0
	may_announce_a_script(word)
}

may_announce_a_script(word) if not is_string(word)

may_announce_a_script(word) if {
	is_string(word)
	regex.match(`^(-[a-zA-Z]*c|--command)`, word)
}

environments := array.concat(
	[{"change": change, "part": part, "path": path, "env": found.env} |
		some change in steps
		some part in step_parts
		walk(change[part], [path, found])
		found.env
		is_object(found.env)
		not is_content(path)
	],
	[{"path": path, "env": found.env} |
		walk(runbook, [path, found])
		found.env
		is_object(found.env)
		not is_content(path)
	],
)

decides_what_runs(name) if name in {"PATH", "BASH_ENV"}

decides_what_runs(name) if startswith(name, "LD_")
