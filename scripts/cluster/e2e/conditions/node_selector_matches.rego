# Before: there is a node that is ready and fits.
package condition

allow if {
	input.matching_nodes > 0
	input.ready_nodes > 0
}
