package a["b-c"].d["\u0000"]
x.y.z := 1
x.w[k] := v if some k, v in {"a": 1}
x.s contains 1
