# The settings of the plan rules, and what makes them malformed. A malformed setting denies: a typing error must not
# switch a rule off.
package enact.plan

settings := data.enact.settings if {
	is_object(data.enact.settings)
} else := {}

deny contains {
	"code": "settings.malformed",
	"msg": "The setting data.enact.settings is malformed: it must be an object. No plan passes until it is put right.",
} if {
	data.enact.settings != null
	not is_object(data.enact.settings)
}

# The settings of one rule; empty when they are absent, null or malformed.
section(name) := found if {
	found := settings[name]
	is_object(found)
} else := {}

# One setting of a section, or what holds where it is absent or null.
setting(name, key, otherwise) := value if {
	value := section(name)[key]
	value != null
} else := otherwise

# What is wrong with a section as a whole. A key that the rule does not know is most likely a typing error.
section_faults(name, known) := {"it must be an object"} if {
	settings[name] != null
	not is_object(settings[name])
} else := {sprintf("there is no setting %v", [key]) |
	some key, _ in section(name)
	not key in known
}

malformed(name, fault) := {
	"code": sprintf("%s.malformed", [name]),
	"msg": sprintf("The setting data.enact.settings.%s is malformed: %s. No plan passes until it is put right.", [
		name,
		fault,
	]),
}

# The list, or an empty one where something else stands. What stands there is denied by the rule that it belongs to.
list_or_none(value) := value if {
	is_array(value)
} else := []

# Null, or a whole number that is not below `least`.
is_limit(value, least) if {
	is_whole(value)
	value >= least
}

is_limit(value, _) if {
	value == null
}

is_whole(value) if {
	is_number(value)
	value == floor(value)
}

is_text(value) if {
	is_string(value)
	value != ""
}

# An array of texts, none of them empty.
is_texts(value) if {
	is_array(value)
	every text in value {
		is_text(text)
	}
}
