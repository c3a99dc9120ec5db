package enact.plan
x := set( set( # c
 set( set() ) ) )
y := [set(), {1} | {2}, {1} & set(), {3} - {3}]
