# What the tests of settings share, and what is true of all settings. Tests spell out data.enact.bundle; see
# docs/policies/README.md.
package enact.bundle_test

# What is wrong with settings: codes, or messages.

faults(settings) := {fault.code | some fault in found} if {
	found := data.enact.bundle.faults with data.enact.settings as settings
}

messages(settings) := {fault.msg | some fault in found} if {
	found := data.enact.bundle.faults with data.enact.settings as settings
}

sections := {
	"deletions",
	"delete_namespaces",
	"freeze",
	"required_labels",
	"protected_types",
	"blast_radius",
	"self_approval",
	"runbook_destroy",
	"runbook_assurance",
	"runbook_network",
	"runbook_programs",
	"runbook_hours",
	"runbook_settings",
	"runbook_secrets",
	"actions",
}

test_no_settings_no_faults if {
	every settings in [null, {}] {
		faults(settings) == set()
	}
	every section in [null, {}] {
		faults({name: section | some name in (sections - {"delete_namespaces"})}) == set()
	}
}

test_own_sections_are_nobodys_concern if {
	faults({"our_rule": {"anything": true}}) == set()
}

test_all_faults_are_told_at_once if {
	faults({name: "oops" | some name in sections}) == {
		"deletions.malformed",
		"delete_namespaces.malformed",
		"freeze.malformed",
		"labels.malformed",
		"protected_types.malformed",
		"blast_radius.malformed",
		"self_approval.malformed",
		"runbook_destroy.malformed",
		"runbook_assurance.malformed",
		"runbook_network.malformed",
		"runbook_programs.malformed",
		"runbook_hours.malformed",
		"runbook_settings.malformed",
		"runbook_secrets.malformed",
		"actions.malformed",
	}
}

test_settings_of_the_wrong_type_are_faults if {
	every settings in ["", 1, ["deletions"], false] {
		faults(settings) == {"settings.malformed"}
	}
}

test_sections_of_the_wrong_type_are_faults if {
	every name in sections {
		code := sprintf("%s.malformed", [trim_prefix(name, "required_")])
		faults({name: "oops"}) == {code}
		faults({name: 3}) == {code}
	}
}

test_unknown_keys_of_a_section_are_faults if {
	every name in sections - {"delete_namespaces", "required_labels", "protected_types"} {
		faults({name: {"maximum": 1}}) == {sprintf("%s.malformed", [name])}
	}
}
