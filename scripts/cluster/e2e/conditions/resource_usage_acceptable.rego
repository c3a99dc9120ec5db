# After: no pod was killed for its memory; none is throttled, where that is known.
package condition

allow if {
	every pod in input.pods {
		not pod.oom_killed
		not throttled(pod)
	}
}

throttled(pod) if {
	input.metrics_available
	pod.throttled
}
