package condition

import rego.v1

default allow := false

allow if {
	count(input.pods) >= input.target_replicas
	every pod in input.pods {
		pod.status != "CrashLoopBackOff"
	}
}
