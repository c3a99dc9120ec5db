package enact.plan
deny contains "a" if { every k, v in input.plan { every w in v { w != k; some i, j in w; i == j } } }
