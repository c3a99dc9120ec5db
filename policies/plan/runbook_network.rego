# Where the requests of a runbook may go. Only `http` actions are judged: what a program reaches, nobody sees here.
# Settings: data.enact.settings.runbook_network. Codes: runbook_network.unknown_host, runbook_network.host,
# runbook_network.plain_http, runbook_network.method.
package enact.plan

# Lists, null, or undefined.
request_hosts := data.enact.settings.runbook_network.hosts

plain_http_hosts := data.enact.settings.runbook_network.plain_http

request_methods := data.enact.settings.runbook_network.methods

hosts_are_judged if is_array(request_hosts)

hosts_are_judged if is_array(plain_http_hosts)

deny contains finding if {
	hosts_are_judged
	found := [about(act, msg) |
		some act in acts
		act.kind == "http"
		not address(act)
		msg := concat(" ", [
			sprintf("%s sends a request to a host that is not known before it runs.", [who(act)]),
			"Write its address out to the end of the host, without a login in it.",
		])
	]
	some finding in cut("runbook_network.unknown_host", "runbook_network", found)
}

deny contains finding if {
	is_array(request_hosts)
	found := [about(act, msg) |
		some act in acts
		act.kind == "http"
		some host in hosts_of(act)
		not is_among_hosts(host, request_hosts)
		msg := sprintf("%s sends a request to %s, which is not in data.enact.settings.runbook_network.hosts.", [
			who(act),
			host,
		])
	]
	some finding in cut("runbook_network.host", "runbook_network.hosts", found)
}

deny contains finding if {
	hosts_are_judged
	found := [about(act, msg) |
		some act in acts
		act.kind == "http"
		to := address(act)
		to.scheme == "http"
		not may_be_plain(to.host)
		msg := concat(" ", [
			sprintf("%s sends a request to %s over http, which anybody on the way can read and change.", [
				who(act),
				to.host,
			]),
			"Use https, or add the host to data.enact.settings.runbook_network.plain_http.",
		])
	]
	some finding in cut("runbook_network.plain_http", "runbook_network.plain_http", found)
}

deny contains finding if {
	is_array(request_methods)
	found := [about(act, msg) |
		some act in acts
		act.kind == "http"
		method := object.get(act.action, "method", "")
		not method in request_methods
		msg := sprintf("%s sends a %v request, which is not in data.enact.settings.runbook_network.methods.", [
			who(act),
			method,
		])
	]
	some finding in cut("runbook_network.method", "runbook_network.methods", found)
}

may_be_plain(host) if {
	is_array(plain_http_hosts)
	is_among_hosts(host, plain_http_hosts)
}

is_among_hosts(host, allowed) if {
	some name in allowed
	host == lower(name)
}

# *.example.com: every host below example.com, but not itself.
is_among_hosts(host, allowed) if {
	some name in allowed
	startswith(name, "*.")
	endswith(host, lower(substring(name, 1, -1)))
}

# The host of the address, and that of a header which names another.
hosts_of(act) := {to.host | to := address(act)} | {host_of_header(value) |
	some name, value in act.action.headers
	lower(name) == "host"
}

host_of_header(value) := without_port(lower(value)) if {
	is_string(value)
} else := "a host that is not known before it runs"

# Scheme and host of a request; undefined where they are not known for certain.
address(act) := {"scheme": trim_suffix(parts[0], ":"), "host": without_port(trim_right(parts[2], "?#"))} if {
	parts := split(lower(address_start(act.action.url)), "/")
}

address_start(url) := regex.find_n(concat("", [address_to_host, `([/?#]|$)`]), url, 1)[0] if {
	is_string(url)
}

# With expressions, the first text must go beyond the host, or an expression could make it longer.
address_start(url) := regex.find_n(concat("", [address_to_host, `[/?#]`]), url.template[0].text, 1)[0] if {
	is_object(url)
	is_string(url.template[0].text)
}

# A login, an escape, a backslash or a final dot would make another host of it than the one that is compared.
address_to_host := concat("", [
	`^https?://`,
	`([a-zA-Z0-9_-]+([.][a-zA-Z0-9_-]+)*|\[[0-9a-fA-F:.]+\])`,
	`(:[0-9]{1,5})?`,
])

without_port(authority) := regex.replace(authority, `:[0-9]*$`, "")
