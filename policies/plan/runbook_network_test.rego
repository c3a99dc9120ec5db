package enact.plan_test

some_hosts := {"runbook_network": {"hosts": ["api.example.com", "*.internal.example", "[::1]", "10.0.0.7"]}}

sending(url) := [step(1, {"spec": request("GET", url)})]

test_requests_to_listed_hosts_pass if {
	every url in [
		"https://api.example.com",
		"https://api.example.com/",
		"https://API.Example.com/x",
		"https://api.example.com:8443/x",
		"https://api.example.com?x=1",
		"https://api.example.com#x",
		"https://a.internal.example/x",
		"https://a.b.internal.example/x",
		"https://[::1]/x",
		"https://[::1]:8443",
		"https://10.0.0.7/",
		"https://api.example.com/@evil.example",
	] {
		runbook_denied(sending(url), {}, some_hosts) == set()
	}
}

test_requests_to_other_hosts_are_denied if {
	every url in [
		"https://evil.example/",
		"https://api.example.com.evil.example/",
		"https://xapi.example.com/",
		"https://example.com/",
		"https://internal.example/",
		"https://xinternal.example/",
		"https://[::2]/",
		"https://10.0.0.70/",
		"https://api_example_com/",
	] {
		runbook_denied(sending(url), {}, some_hosts) == {"runbook_network.host"}
	}
}

test_the_finding_names_step_host_and_setting if {
	some finding in runbook_denials(sending("https://evil.example/x"), {}, some_hosts)
	finding.change_id == "s1"
	finding.msg == concat(" ", [
		`RUN step "Step 1" sends a request to evil.example,`,
		"which is not in data.enact.settings.runbook_network.hosts.",
	])
}

# What the engine that sends would take for another host than a reader does.
test_addresses_that_can_be_misread_are_denied if {
	every url in [
		"https://api.example.com@evil.example/",
		"https://api.example.com:443@evil.example/",
		"https://user:password@api.example.com/",
		`https://api.example.com\@evil.example/`,
		`https:\\api.example.com/`,
		`https://evil.example\.internal.example/`,
		"https:///api.example.com/",
		"https:api.example.com/",
		"https://api.example.com./",
		"https://evil%2eexample/.internal.example",
		"https://evil.example%2f.internal.example/",
		"https://api.example.com\t.evil.example/",
		"https://api.exam\nple.com/",
		"https://api.example.com\n",
		" https://api.example.com/",
		"https://api.example.com:https/",
		"https://api.example.com:123456/",
		"https://apı.example.com/",
		"https://api。example.com/",
		"https://\u212a.internal.example/",
		"https://[::1/",
		"https://.internal.example/",
		"https://",
		"HTTPS://api.example.com/",
		"ftp://api.example.com/",
		"//api.example.com/",
		"api.example.com",
		"",
		null,
		5,
		["https://api.example.com/"],
		{},
		{"text": "https://api.example.com/"},
	] {
		runbook_denied(sending(url), {}, some_hosts) == {"runbook_network.unknown_host"}
	}
}

test_a_request_without_an_address_is_denied if {
	found := [step(1, {"spec": {"kind": "http", "action": {"method": "GET"}}})]
	runbook_denied(found, {}, some_hosts) == {"runbook_network.unknown_host"}
}

test_expressions_may_stand_behind_the_host_only if {
	every beginning in [
		"https://api.example.com/",
		"https://api.example.com:8443/v1/",
		"https://api.example.com?q=",
		"https://api.example.com#",
	] {
		url := template([{"text": beginning}, {"expression": "steps.a.outputs.x"}])
		runbook_denied(sending(url), {}, some_hosts) == set()
	}
	every parts in [
		[{"expression": "steps.a.outputs.url"}],
		[{"expression": "steps.a.outputs.scheme"}, {"text": "https://api.example.com/"}],
		[{"text": "https://"}, {"expression": "steps.a.outputs.host"}, {"text": "/api.example.com/"}],
		[{"text": "https://api.example.com"}, {"expression": "steps.a.outputs.x"}],
		[{"text": "https://api.example.com:"}, {"expression": "steps.a.outputs.port"}, {"text": "/"}],
		[{"text": "https://api.example.com:44"}, {"expression": "steps.a.outputs.port"}, {"text": "/"}],
		[{"text": "https://"}, {"expression": "steps.a.outputs.tenant"}, {"text": ".internal.example/"}],
		[{"text": 5}],
		[],
	] {
		runbook_denied(sending(template(parts)), {}, some_hosts) == {"runbook_network.unknown_host"}
	}
	other := template([{"text": "https://evil.example/"}, {"expression": "steps.a.outputs.x"}])
	runbook_denied(sending(other), {}, some_hosts) == {"runbook_network.host"}
	runbook_denied(sending({"template": "https://api.example.com/"}), {}, some_hosts) == {"runbook_network.unknown_host"}
}

test_every_request_of_a_step_is_judged if {
	found := everywhere(request("GET", "https://evil.example/"))
	findings := runbook_denials(found, {}, some_hosts)
	count(findings) == count(found)
	{finding.code | some finding in findings} == {"runbook_network.host"}
}

test_every_request_of_the_document_is_judged if {
	every extra in everywhere_in_document(request("GET", "https://evil.example/")) {
		runbook_denied([], extra, some_hosts) == {"runbook_network.host"}
	}
}

with_header(name, value) := [step(1, {"spec": object.union(
	request("GET", "https://api.example.com/"),
	{"action": {"headers": {name: value}}},
)})]

test_a_header_that_names_another_host_is_judged_too if {
	every value in ["api.example.com", "a.internal.example:8443", "API.example.com"] {
		runbook_denied(with_header("host", value), {}, some_hosts) == set()
	}
	every value in ["evil.example", template([{"expression": "params.host"}]), ""] {
		runbook_denied(with_header("host", value), {}, some_hosts) == {"runbook_network.host"}
		runbook_denied(with_header("Host", value), {}, some_hosts) == {"runbook_network.host"}
	}
	runbook_denied(with_header("x-host", "evil.example"), {}, some_hosts) == set()
}

test_no_hosts_means_no_requests if {
	none := {"runbook_network": {"hosts": []}}
	runbook_denied(sending("https://api.example.com/"), {}, none) == {"runbook_network.host"}
	runbook_denied([step(1, {})], {}, none) == set()
}

test_http_without_tls_is_denied_unless_the_host_is_listed if {
	runbook_denied(sending("http://api.example.com/"), {}, some_hosts) == {"runbook_network.plain_http"}
	local := {"runbook_network": {"hosts": ["localhost", "api.example.com"], "plain_http": ["localhost"]}}
	runbook_denied(sending("http://localhost:8080/x"), {}, local) == set()
	runbook_denied(sending("https://localhost/x"), {}, local) == set()
	runbook_denied(sending("http://api.example.com/"), {}, local) == {"runbook_network.plain_http"}
	not_a_host := {"runbook_network": {"hosts": ["api.example.com"], "plain_http": ["localhost"]}}
	runbook_denied(sending("http://localhost/"), {}, not_a_host) == {"runbook_network.host"}
}

test_http_can_be_ruled_out_for_any_host if {
	never := {"runbook_network": {"hosts": null, "plain_http": []}}
	runbook_denied(sending("http://a.example/"), {}, never) == {"runbook_network.plain_http"}
	runbook_denied(sending("https://a.example/"), {}, never) == set()
	somewhere := template([{"expression": "steps.a.outputs.url"}])
	runbook_denied(sending(somewhere), {}, never) == {"runbook_network.unknown_host"}
}

test_methods_that_are_not_listed_are_denied if {
	reading := {"runbook_network": {"methods": ["GET", "HEAD"]}}
	anywhere := template([{"expression": "steps.a.outputs.url"}])
	every method, expected in {"GET": set(), "HEAD": set(), "POST": {"runbook_network.method"}} {
		runbook_denied([step(1, {"spec": request(method, "http://a.example/")})], {}, reading) == expected
		runbook_denied([step(1, {"spec": request(method, anywhere)})], {}, reading) == expected
	}
	every method in ["get", "", null, template([{"text": "GET"}])] {
		runbook_denied([step(1, {"spec": request(method, "https://a.example/")})], {}, reading) == {"runbook_network.method"}
	}
	silent := [step(1, {"spec": {"kind": "http", "action": {"url": "https://a.example/"}}})]
	runbook_denied(silent, {}, reading) == {"runbook_network.method"}
}

test_what_sends_no_request_passes if {
	nothing := {"runbook_network": {"hosts": [], "plain_http": [], "methods": []}}
	runbook_denied(everywhere(exec(["curl", "http://evil.example/"])), {}, nothing) == set()
	runbook_denied([step(1, {"spec": run("x")})], {}, nothing) == set()
}

test_no_network_settings_no_rule if {
	every section in [{}, {"hosts": null, "plain_http": null, "methods": null}, null] {
		runbook_denied(sending("http://user@evil.example/"), {}, {"runbook_network": section}) == set()
	}
}
