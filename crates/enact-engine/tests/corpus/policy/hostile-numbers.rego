package enact.plan
deny contains sprintf("%v", [x]) if { x := ((1e308 * 1.5) / 3) - 99999999999999999999 % 7; x > -0.0 }
