# Somebody other than the author approves.
# Setting: data.enact.settings.self_approval. Codes: self_approval.forbidden, self_approval.malformed.
package enact.plan

self_approval := section("self_approval")

require_approval contains {
	"code": "self_approval.forbidden",
	"msg": concat(" ", [
		"Somebody other than the author must approve a plan that writes.",
		"This is asked for by data.enact.settings.self_approval.forbidden.",
	]),
	"approvals": 1,
	"not_author": true,
} if {
	self_approval.forbidden == true
	count(writing) > 0
}

deny contains malformed("self_approval", fault) if {
	some fault in self_approval_faults
}

self_approval_faults contains fault if {
	some fault in section_faults("self_approval", {"forbidden"})
}

self_approval_faults contains "forbidden must be true or false" if {
	not object.get(self_approval, "forbidden", null) in {true, false, null}
}
