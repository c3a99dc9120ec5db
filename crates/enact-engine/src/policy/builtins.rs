//! What a policy may call. Everything else is refused when the bundle is loaded, not when the call is reached.
//!
//! Left out on purpose: whatever reads a clock, makes random values or reaches the outside. A policy is a function of its
//! input; the time is in `input.now`.

/// The functions of Rego that a policy may call, sorted.
pub const ALLOWED: &[&str] = &[
    "abs",
    "array.concat",
    "array.reverse",
    "array.slice",
    "base64.decode",
    "base64.encode",
    "base64.is_valid",
    "bits.and",
    "bits.lsh",
    "bits.negate",
    "bits.or",
    "bits.rsh",
    "bits.xor",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "format_int",
    "glob.match",
    "glob.quote_meta",
    "graph.reachable",
    "graph.reachable_paths",
    "hex.decode",
    "hex.encode",
    "indexof",
    "indexof_n",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "json.filter",
    "json.is_valid",
    "json.marshal",
    "json.marshal_with_options",
    "json.remove",
    "json.unmarshal",
    "lower",
    "max",
    "min",
    "net.cidr_contains",
    "net.cidr_expand",
    "net.cidr_is_valid",
    "numbers.range",
    "numbers.range_step",
    "object.filter",
    "object.get",
    "object.keys",
    "object.remove",
    "object.subset",
    "object.union",
    "object.union_n",
    "print",
    "product",
    "regex.find_n",
    "regex.is_valid",
    "regex.match",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "replace",
    "round",
    "semver.compare",
    "semver.is_valid",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "strings.replace_n",
    "strings.reverse",
    "substring",
    "sum",
    "time.add_date",
    "time.clock",
    "time.date",
    "time.diff",
    "time.format",
    "time.parse_duration_ns",
    "time.parse_ns",
    "time.parse_rfc3339_ns",
    "time.weekday",
    "to_number",
    "trace",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "units.parse",
    "units.parse_bytes",
    "upper",
    "walk",
];

/// Why a function of OPA is not there, and what to write instead; `None` for a name that OPA does not know either.
pub fn absent(name: &str) -> Option<&'static str> {
    Some(match name {
        "time.now_ns" => "a policy has no clock: use time.parse_rfc3339_ns(input.now)",
        "rand.intn" | "uuid.rfc4122" | "uuid.parse" => {
            "a policy gives the same answer to the same input: no random values"
        }
        "http.send" | "net.lookup_ip_addr" => {
            "a policy reaches nothing outside: what it needs is in its input or its data"
        }
        "opa.runtime" | "rego.metadata.chain" | "rego.metadata.rule" | "rego.parse_module" => {
            "a policy does not look at its own engine"
        }
        "yaml.marshal" | "yaml.unmarshal" | "yaml.is_valid" => {
            "not built in: put YAML into data.yaml, or use JSON"
        }
        "json.patch" | "json.match_schema" | "json.verify_schema" => "not built in",
        "regex.globs_match"
        | "strings.render_template"
        | "net.cidr_intersects"
        | "net.cidr_merge"
        | "net.cidr_overlap"
        | "net.cidr_contains_matches" => "the engine lacks it",
        name if [
            "crypto.",
            "io.jwt.",
            "graphql.",
            "providers.",
            "urlquery.",
            "base64url.",
        ]
        .iter()
        .any(|family| name.starts_with(family)) =>
        {
            "the engine lacks this family of functions"
        }
        _ => return None,
    })
}

/// May a policy call it?
pub fn is_allowed(name: &str) -> bool {
    ALLOWED.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        assert!(ALLOWED.is_sorted());
    }
}
