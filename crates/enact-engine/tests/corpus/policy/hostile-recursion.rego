package enact.plan
f(x) := g(x)
g(x) := [f(y) | some y in x]
a[x] := y if { some x, y in data.enact[input.p] }
deny contains x if { some x in a[_] } else := 2
