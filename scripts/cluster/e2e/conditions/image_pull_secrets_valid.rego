# Before: the secrets to pull images with are there, and of the right type.
package condition

allow if {
	input.image_pull_secrets_exist
	input.image_pull_secrets_valid
}
