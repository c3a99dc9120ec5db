# What was asked for. Null where nothing is, so that a rule can look at it and deny. A setting of the rules that is
# absent or null has the strict built-in value.
package kubernetes_executor.safety

action := object.get(input, "action", null)

target_name := object.get(input, ["target_resource", "name"], null)

target_namespace := object.get(input, ["target_resource", "namespace"], null)
