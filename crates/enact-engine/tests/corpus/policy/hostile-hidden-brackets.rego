package enact.plan
# ]]}}([[{{"`
deny contains "]]}}[[{{\"" if true
warn contains `[[{{"
]]#` if true
