package enact.plan_test

some_sources := {"runbook_secrets": {"sources": [
	"env:TOKEN",
	"env:DB_*",
	"file:/run/secrets/*",
	"file:keys/one",
	"exec:pass",
]}}

secret_from(from) := {"parameters": {"token": {"type": "secret", "from": from}}}

test_secrets_from_listed_sources_pass if {
	every from in [
		"env:TOKEN",
		"env:DB_",
		"env:DB_URL",
		"file:/run/secrets/a",
		"file:/run/secrets/a/b",
		"file:keys/one",
		`exec:["pass"]`,
		`exec:["pass","show","db"]`,
		`exec: ["pass", "show", "db"]`,
	] {
		runbook_denied([], secret_from(from), some_sources) == set()
	}
}

test_secrets_from_elsewhere_are_denied if {
	every from in [
		"env:TOKENS",
		"env:token",
		"env:DB",
		"file:/etc/shadow",
		"file:/run/secrets/../../etc/shadow",
		"file:/run/secrets/..",
		"file:run/secrets/a",
		"file:keys/two",
		`exec:["/usr/bin/pass"]`,
		`exec:["gpg"]`,
		`exec:[["pass"]]`,
		`exec:[]`,
		`exec:pass`,
		`exec:["pass"`,
		"",
		null,
		5,
	] {
		runbook_denied([], secret_from(from), some_sources) == {"runbook_secrets.source"}
	}
}

test_the_finding_names_the_secret_and_the_source if {
	some finding in runbook_denials([], secret_from("env:HOME"), some_sources)
	finding.msg == concat(" ", [
		`The secret "token" is read from env:HOME.`,
		"This is not in data.enact.settings.runbook_secrets.sources.",
	])
}

test_a_secret_without_a_source_is_denied if {
	runbook_denied([], {"parameters": {"token": {"type": "secret"}}}, some_sources) == {"runbook_secrets.source"}
}

test_whatever_has_a_source_is_a_secret if {
	extra := {"parameters": {"token": {"type": "string", "from": "env:HOME"}}}
	runbook_denied([], extra, some_sources) == {"runbook_secrets.source"}
}

test_parameters_that_are_no_secrets_pass if {
	extra := {"parameters": {"rows": {"type": "integer", "value": 5}}}
	runbook_denied([], extra, some_sources) == set()
	runbook_denied([], {}, some_sources) == set()
}

test_kinds_of_source_can_be_allowed_as_a_whole if {
	sources := {"env": "env:X", "file": "file:/x", "exec": `exec:["x"]`}
	every kind, _ in sources {
		settings := {"runbook_secrets": {"sources": [sprintf("%s:*", [kind])]}}
		{other | some other, from in sources; runbook_denied([], secret_from(from), settings) == set()} == {kind}
	}
}

test_no_sources_means_no_secrets if {
	runbook_denied([], secret_from("env:TOKEN"), {"runbook_secrets": {"sources": []}}) == {"runbook_secrets.source"}
}

test_no_settings_of_secrets_no_rule if {
	every section in [{}, null, {"sources": null}] {
		runbook_denied([], secret_from("env:TOKEN"), {"runbook_secrets": section}) == set()
	}
}
