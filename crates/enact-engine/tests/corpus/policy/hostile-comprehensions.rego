package enact.plan
deny contains x if {
	x := [y | y := [z | z := [w | w := {1 | {1: 1 | true}}]]]
}
