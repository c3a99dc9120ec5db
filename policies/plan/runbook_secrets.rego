# Where a runbook may read secrets.
# Setting: data.enact.settings.runbook_secrets.sources. Code: runbook_secrets.source.
package enact.plan

secret_sources := data.enact.settings.runbook_secrets.sources

deny contains finding if {
	is_array(secret_sources)
	found := [{"msg": msg} |
		some name, parameter in runbook.parameters
		is_secret(parameter)
		from := object.get(parameter, "from", "nowhere")
		not is_allowed_source(from)
		msg := concat(" ", [
			sprintf("The secret \"%s\" is read from %s.", [name, from]),
			"This is not in data.enact.settings.runbook_secrets.sources.",
		])
	]
	some finding in cut("runbook_secrets.source", "runbook_secrets.sources", found)
}

is_secret(parameter) if parameter.type == "secret"

is_secret(parameter) if "from" in object.keys(parameter)

is_allowed_source(from) if {
	is_string(from)
	not startswith(from, "exec:")
	from in secret_sources
}

# env:PG*, file:/run/secrets/*
is_allowed_source(from) if {
	is_string(from)
	some source in secret_sources
	endswith(source, "*")
	startswith(from, trim_suffix(source, "*"))
	not ".." in split(trim_prefix(from, "file:"), "/")
}

# exec:pass: the program, whatever its arguments.
is_allowed_source(from) if {
	is_string(from)
	startswith(from, "exec:")
	program_name := secret_command(from)[0]
	is_string(program_name)
	sprintf("exec:%s", [program_name]) in secret_sources
}
