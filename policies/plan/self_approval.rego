# Somebody other than the author approves.
# Setting: data.enact.settings.self_approval. Code: self_approval.forbidden.
package enact.plan

require_approval contains {
	"code": "self_approval.forbidden",
	"msg": concat(" ", [
		"Somebody other than the author must approve a plan that writes.",
		"This is asked for by data.enact.settings.self_approval.forbidden.",
	]),
	"approvals": 1,
	"not_author": true,
} if {
	data.enact.settings.self_approval.forbidden == true
	count(writing) > 0
}
