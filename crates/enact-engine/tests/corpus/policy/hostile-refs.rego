package enact.plan
import data.lib as l
import input.plan.changes
import future.keywords
deny contains l[x]["y z"].w[_] if { some x; changes[x].action == ["CREATE"][_]; input["plan"].x[y][z]; y = z }
