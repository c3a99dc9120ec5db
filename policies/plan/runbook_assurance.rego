# Approvals by how far a runbook reaches and by its risk; answers that authors gave themselves.
# Settings: data.enact.settings.runbook_assurance. Codes: runbook_assurance.effect, runbook_assurance.risk,
# runbook_assurance.self_answered.
package enact.plan

runbook_assurance := data.enact.settings.runbook_assurance

effect_ranks := {"read": 0, "write": 1, "destroy": 2}

risk_ranks := {"low": 0, "medium": 1, "high": 2, "critical": 3}

# What is asked for a level is asked for those above it, too.
require_approval contains object.union(demand, {
	"code": "runbook_assurance.effect",
	"msg": sprintf("The runbook reaches %s: %s (data.enact.settings.runbook_assurance.effects.%s).", [
		highest_effect,
		demanded_words(demand),
		level,
	]),
}) if {
	is_runbook
	is_object(runbook_assurance.effects)
	some level, setting in runbook_assurance.effects
	effect_ranks[level] <= effect_ranks[highest_effect]
	demand := demanded(setting)
	count(demand) > 0
}

require_approval contains object.union(demand, {
	"code": "runbook_assurance.risk",
	"msg": sprintf("The runbook's risk is %s: %s (data.enact.settings.runbook_assurance.risks.%s).", [
		risk_words,
		demanded_words(demand),
		level,
	]),
}) if {
	is_runbook
	is_object(runbook_assurance.risks)
	some level, setting in runbook_assurance.risks
	risk_ranks[level] <= risk_rank
	demand := demanded(setting)
	count(demand) > 0
}

highest_effect := ["read", "write", "destroy"][max(array.concat([0], [reach(change) | some change in executable]))]

# Leaving the level out must not be the way around the rule.
risk_rank := risk_ranks[runbook.risk.level] if {
	runbook.risk.level in object.keys(risk_ranks)
} else := 3

risk_words := runbook.risk.level if {
	runbook.risk.level in object.keys(risk_ranks)
} else := "not said, which counts as critical"

deny contains finding if {
	runbook_assurance.self_answers == "denied"
	found := [{"msg": msg} |
		some question in runbook.questions
		not question.blocking == false
		by := self_answered_by(question)
		msg := concat(" ", [
			sprintf("The question \"%s\" was answered by %s.", [object.get(question, "id", "?"), by]),
			"Have somebody else answer it, or change data.enact.settings.runbook_assurance.self_answers.",
		])
	]
	some finding in cut("runbook_assurance.self_answered", "runbook_assurance.self_answers", found)
}

# An answer without a name is anybody's, the author's included.
self_answered_by(question) := "the author of the runbook" if {
	question.self_answered == true
} else := "nobody who is named" if {
	object.get(question, "answered_by", "") in {"", null}
}
