# Plans, changes and questions that the tests share. Tests spell out data.enact.plan; see docs/policies/README.md.
package enact.plan_test

change(number, action, resource_type) := {
	"change_id": sprintf("%s:%s:%d", [lower(action), resource_type, number]),
	"action": action,
	"resource_type": resource_type,
	"resource_ref": sprintf("r%d", [number]),
	"resource_name": sprintf("name %d", [number]),
	"namespace": "default",
	"depends_on": [],
	"effect": effects[action],
}

effects := {"CREATE": "write", "UPDATE": "write", "DELETE": "destroy", "RUN": "write"}

# So many changes of one sort; `extra` is put over each.
changes(number, action, extra) := [object.union(change(index, action, "portal"), extra) |
	some index in numbers.range(1, number)
]

document(found) := {
	"format": "enact.policy-input/v1",
	"kind": "plan",
	"plan": {
		"format": "enact.plan/v1",
		"plan_id": "sha256:0",
		"metadata": {"mode": "apply", "author": {"id": "os:ann", "kind": "person"}},
		"changes": found,
	},
	"actor": {"id": "os:ann", "kind": "person"},
	"now": "2026-01-02T15:04:05Z",
}

blocked := {"blocked": true, "block_reason": "protected"}

# What the bundle answers to a plan with these changes: codes, or findings.

denied(found, settings) := {finding.code | some finding in denials(found, settings)}

denials(found, settings) := answers if {
	answers := data.enact.plan.deny with input as document(found) with data.enact.settings as settings
}

warned(found, settings) := {finding.code | some finding in findings} if {
	findings := data.enact.plan.warn with input as document(found) with data.enact.settings as settings
}

asked(found, settings) := answers if {
	answers := data.enact.plan.require_approval with input as document(found) with data.enact.settings as settings
}
