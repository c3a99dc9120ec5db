package enact.plan
deny contains x if {
	x := [[[[[[[[1]]]]]]]]
	y := {{{{{1}}}}}
	z := {"a": {"a": {"a": 1}}}
}
