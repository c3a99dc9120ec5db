package enact.plan
helper if input.x == 1
deny contains "a" if { helper with input as {"x": 1} with data.enact.plan.b as 2; not helper }
b := 1
