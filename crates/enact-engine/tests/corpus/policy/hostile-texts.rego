package enact.plan
deny contains "\u0000\u001b[31m\u202e\ud83d\ude00\\" if startswith("é", "\u00e9")
