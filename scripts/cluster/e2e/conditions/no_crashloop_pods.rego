# After: as many pods as were asked for, and none of them crashes again and again.
package condition

allow if {
	count(input.pods) >= input.target_replicas
	every pod in input.pods {
		pod.status in {"Running"}
		pod.restarts == 0
	}
}
