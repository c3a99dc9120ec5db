package enact.plan
default deny := set()
default f(_) := 1
f(x) := y if { y := x + 1 } else := 2 if { x == 3 } else := z if { z := -x }
deny[x] { x := f(1) }
