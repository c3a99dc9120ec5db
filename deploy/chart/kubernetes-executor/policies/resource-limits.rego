# What a patch leaves behind is not too large for the cluster's database.
# Setting: data.enact.settings.actions.max_patch_bytes. Codes: patch.too_large, patch.size_unknown.
package kubernetes_executor.safety

max_patch_bytes := data.enact.settings.actions.max_patch_bytes if {
	is_number(data.enact.settings.actions.max_patch_bytes)
} else := 1048576

# The size of the object as it would be.
preview_bytes := object.get(input, ["cluster", "preview_bytes"], null)

is_patch if {
	is_string(action)
	startswith(action, "Patch")
}

deny contains {
	"code": "patch.too_large",
	"msg": sprintf("Patch exceeds size limit: the object would have %v bytes; at most %v are allowed", [
		preview_bytes,
		max_patch_bytes,
	]),
} if {
	is_patch
	is_number(preview_bytes)
	preview_bytes > max_patch_bytes
}

deny contains {
	"code": "patch.size_unknown",
	"msg": "The size of the patched object is not known, so it may exceed the limit",
} if {
	is_patch
	not is_number(preview_bytes)
}
