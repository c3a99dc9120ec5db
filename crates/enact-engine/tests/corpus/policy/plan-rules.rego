package enact.plan
deny contains {"msg": sprintf("%d", [count(gone)]), "code": "d.x"} if count(gone) > 3
gone := {c.change_id | some c in input.plan.changes; c.action == "DELETE"; not c.blocked}
require_approval contains {"msg": "m", "approvals": 2, "roles": ["ops"], "not_author": true} if some c in input.plan.changes
warn contains "w" if { input.clock.weekday in {"friday"} }
