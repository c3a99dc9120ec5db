package enact.bundle_test

test_a_malformed_cap_is_a_fault if {
	every number in ["50", -1, 1.5, true, [1]] {
		faults({"deletions": {"max": number}}) == {"deletions.malformed"}
	}
}

test_a_malformed_share_is_a_fault if {
	every share in ["0.5", -0.1, 50, true] {
		faults({"deletions": {"max_share": share}}) == {"deletions.malformed"}
	}
	every number in ["1", -1, 0.5] {
		faults({"deletions": {"share_from": number}}) == {"deletions.malformed"}
	}
}

test_a_malformed_list_of_namespaces_is_a_fault if {
	every value in ["sandbox", [1], [""], {"sandbox": true}, 5, false] {
		faults({"delete_namespaces": value}) == {"delete_namespaces.malformed"}
	}
}

test_malformed_required_labels_are_faults if {
	every value in [["team"], {"portal": "team"}, {"portal": [1]}, {"portal": null}, {"portal": [""]}, 5] {
		faults({"required_labels": value}) == {"labels.malformed"}
	}
}

test_malformed_protected_types_are_faults if {
	every value in [["portal"], {"portal": "DELETE"}, {"portal": ["delete"]}, {"portal": null}, 5] {
		faults({"protected_types": value}) == {"protected_types.malformed"}
	}
}

test_a_malformed_radius_is_a_fault if {
	every section in [
		{"changes": "4"},
		{"destroys": -1},
		{"namespaces": 1.5},
		{"approvals": 0},
		{"approvals": "2"},
		{"assurance": "strong"},
		{"assurance": 1},
		{"roles": "platform"},
		{"roles": [1]},
	] {
		faults({"blast_radius": section}) == {"blast_radius.malformed"}
	}
}

test_a_malformed_word_on_self_approval_is_a_fault if {
	every value in ["true", "yes", 1, [true]] {
		faults({"self_approval": {"forbidden": value}}) == {"self_approval.malformed"}
	}
}

test_what_may_be_null_or_at_its_bound_is_no_fault if {
	every settings in [
		{"deletions": {"max": null, "max_share": null, "share_from": null}},
		{"deletions": {"max": 0, "max_share": 0, "share_from": 0}},
		{"deletions": {"max": 5000, "max_share": 1, "share_from": 1}},
		{"delete_namespaces": null},
		{"delete_namespaces": []},
		{"delete_namespaces": ["sandbox"]},
		{"required_labels": {"portal": []}},
		{"required_labels": {"portal": ["team", "owner"]}},
		{"protected_types": {"portal": []}},
		{"protected_types": {"portal": ["CREATE", "UPDATE", "DELETE", "RUN"]}},
		{"blast_radius": {"changes": null, "approvals": null, "assurance": null, "roles": null}},
		{"blast_radius": {"changes": 0, "approvals": 1, "assurance": "signed", "roles": ["platform"]}},
		{"self_approval": {"forbidden": null}},
		{"self_approval": {"forbidden": true}},
	] {
		faults(settings) == set()
	}
}

test_every_fault_of_a_section_is_told if {
	count(messages({"deletions": {"max": -1, "max_share": 2, "maximum": 3}})) == 3
	some msg in messages({"deletions": {"max": "50"}})
	msg == concat(" ", [
		"The setting data.enact.settings.deletions is malformed: max must be null or a whole number from 0 on.",
		"The policies do not load until it is put right.",
	])
}
