# What is wrong with the settings is found once, when the policies are loaded: with any fault they do not load. A typing
# error must not switch a rule off. There is no input here.
package enact.bundle

faults contains malformed("settings", "data.enact.settings", "it must be an object") if {
	data.enact.settings != null
	not is_object(data.enact.settings)
}

malformed(rule, setting, fault) := {
	"code": sprintf("%s.malformed", [rule]),
	"msg": sprintf("The setting %s is malformed: %s. The policies do not load until it is put right.", [setting, fault]),
}

# The settings of one rule; empty when they are absent, null or no object.
section(name) := found if {
	found := data.enact.settings[name]
	is_object(found)
} else := {}

# One setting of a section; null when it is absent.
setting(name, key) := object.get(section(name), key, null)

# What is wrong with a section as a whole. A key that the rule does not know is most likely a typing error.
section_faults(name, known) := {"it must be an object"} if {
	data.enact.settings[name] != null
	not is_object(data.enact.settings[name])
} else := {sprintf("there is no setting %v", [key]) |
	some key, _ in section(name)
	not key in known
}

is_whole_from(value, least) if {
	is_number(value)
	value == floor(value)
	value >= least
}

is_name(value) if {
	is_string(value)
	value != ""
}

# A list of names, which may be empty.
is_names(value) if {
	is_array(value)
	every name in value {
		is_name(name)
	}
}
