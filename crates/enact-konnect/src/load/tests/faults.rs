//! Every rule with the message a person gets to see.

use super::*;

mod top_level_keys {
    use super::*;

    #[test]
    fn an_unknown_key_gets_a_suggestion() {
        refused(
            r#"portls: []
_default: {}
zebra: 1
"#,
            &[
                "1:1+6: unknown key `portls` — expected a kind of resource or `_defaults` (did you mean `portals`?)",
                "2:1+8: unknown key `_default` — expected a kind of resource or `_defaults` (did you mean `_defaults`?)",
                "3:1+5: unknown key `zebra` — expected a kind of resource or `_defaults` (known here: `portals`, `portal_pages`, `_defaults`)",
            ],
        );
    }

    #[test]
    fn a_kind_of_the_format_that_is_not_managed_says_so() {
        refused(
            r#"apis:
  - ref: a
"#,
            &[
                "1:1+4: kind `apis` is not managed by enact yet (keep it in a file of its own for the tool that manages it)",
            ],
        );
    }

    #[test]
    fn a_file_holds_a_mapping() {
        refused(
            r#"- a
"#,
            &[
                "1:1+1: a configuration file holds a mapping, found a list (begin with a key such as `portals:`)",
            ],
        );
    }

    #[test]
    fn a_collection_is_a_list() {
        refused(
            r#"portals:
  ref: p
"#,
            &["2:3+1: `portals`: expected a list, found a mapping (begin each entry with `- `)"],
        );
    }

    #[test]
    fn a_collection_without_value_is_ambiguous() {
        refused(
            r#"portals:
"#,
            &[
                "1:1+7: `portals`: expected a list, found nothing (null) (write `[]` to say there shall be none (a sync then deletes them), or remove the key)",
            ],
        );
    }

    #[test]
    fn a_resource_is_a_mapping() {
        refused(
            r#"portals:
  - p
"#,
            &["2:5+1: a portal is a mapping, found text `p` (begin it with `ref: …`)"],
        );
    }

    #[test]
    fn a_duplicate_key_shows_both_places() {
        refused(
            r#"portals:
  - ref: a
    name: x
    name: y
"#,
            &[
                "4:5+4: the key `name` is used twice in this mapping — it is first used at line 3, column 5 (keep one of them)",
            ],
        );
    }

    #[test]
    fn broken_yaml_is_one_fault_with_its_place() {
        refused(
            r#"portals:
  - ref: [a
"#,
            &[
                "2:12+1: this is not valid YAML: while parsing a flow sequence, expected ',' or ']' (check the indentation, quotes and brackets here and in the line before)",
            ],
        );
    }

    #[test]
    fn all_faults_are_reported_in_order() {
        refused(
            r#"portals:
  - ref: p
    lables: {}
    description: 5
    rbac_enabled: 'yes'
  - ref: p
    name: ""
"#,
            &[
                "3:5+6: unknown field `lables` on portal `p` (did you mean `labels`?)",
                r#"4:18+1: `description`: expected text, found number 5 (quote it: "5")"#,
                "5:19+5: `rbac_enabled`: expected `true` or `false`, found text `yes` (write `true` or `false` without quotes)",
                "6:10+1: the ref `p` is used twice — a portal has it at <stdin>:2:10 (refs are unique across all kinds and files: rename one)",
                "7:11+2: `name` is too short: 0 characters — expected at least 1 (write more, or remove the key)",
            ],
        );
    }
}

mod defaults_and_kongctl {
    use super::*;

    #[test]
    fn defaults_know_two_keys() {
        refused(
            r#"_defaults:
  kongctl: {namespce: a, protected: 'no'}
  other: 1
"#,
            &[
                "2:13+8: `kongctl` does not know `namespce` (did you mean `namespace`?)",
                "2:37+4: `protected`: expected `true` or `false`, found text `no` (write `true` or `false` without quotes)",
                "3:3+5: `_defaults` does not know `other` (known here: `kongctl`)",
            ],
        );
    }

    #[test]
    fn a_namespace_has_its_syntax() {
        refused(
            r#"portals:
  - ref: p
    kongctl: {namespace: Team_A}
  - ref: q
    kongctl: {namespace: ''}
  - ref: r
    kongctl: {namespace: 5}
"#,
            &[
                "3:26+6: `Team_A` is not a namespace — expected 1 to 63 of `a-z`, digits and `-`, with a letter or digit at both ends (choose another name, or remove the key)",
                "5:26+2: `` is not a namespace — expected 1 to 63 of `a-z`, digits and `-`, with a letter or digit at both ends (choose another name, or remove the key)",
                r#"7:26+1: `namespace`: expected text, found number 5 (quote it: "5")"#,
            ],
        );
    }

    #[test]
    fn kongctl_is_a_mapping() {
        refused(
            r#"portals:
  - ref: p
    kongctl:
"#,
            &[
                "3:5+7: `kongctl`: expected a mapping, found nothing (null) (write its keys below it, or remove it)",
            ],
        );
    }

    #[test]
    fn a_child_is_owned_by_its_parent() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: g, slug: g, content: x, kongctl: {protected: true}}
"#,
            &[
                "4:39+7: `kongctl` cannot stand on a portal_page — its portal owns and protects it (set it on the portal)",
            ],
        );
    }

    #[test]
    fn an_external_has_another_owner() {
        refused(
            r#"portals:
  - ref: p
    _external: {selector: {matchFields: {name: x}}}
    kongctl: {namespace: a}
"#,
            &[
                "4:5+7: `kongctl` cannot stand on an `_external` resource — somebody else owns it; enact writes nothing to it (remove `kongctl`, or `_external`)",
            ],
        );
    }
}

mod refs_and_names {
    use super::*;

    #[test]
    fn a_ref_is_required() {
        refused(
            r#"portals:
  - name: x
"#,
            &["2:5+1: this portal has no `ref` (add `ref: …`, unique across all files)"],
        );
    }

    #[test]
    fn a_ref_has_its_syntax() {
        refused(
            r#"portals:
  - ref: 'a:b'
  - ref: 5
  - ref: !env TITLE
"#,
            &[
                "2:10+5: `a:b` is not a `ref` — expected 1 to 63 of letters, digits, `.`, `_`, `-`, beginning with a letter or digit (choose another; it is never sent to Konnect)",
                r#"3:10+1: `ref`: expected text, found number 5 (quote it: "5")"#,
                "4:10+10: `ref` cannot come from the environment — `!env` is for text fields only (write it out)",
            ],
        );
    }

    #[test]
    fn a_ref_is_unique_across_kinds() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: p, slug: g, content: x}
"#,
            &[
                "4:15+1: the ref `p` is used twice — a portal has it at <stdin>:2:10 (refs are unique across all kinds and files: rename one)",
            ],
        );
    }

    #[test]
    fn names_of_top_level_resources_are_unique() {
        refused(
            r#"portals:
  - ref: p
    name: dev
  - ref: q
    name: dev
    kongctl: {namespace: other}
"#,
            &[
                "5:11+3: two portals have the name `dev` — the other is at <stdin>:3:11 (it is unique in the whole set: change one, or remove it)",
            ],
        );
    }

    #[test]
    fn slugs_are_unique_under_their_parent() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: g, content: x}
      - {ref: b, slug: /g, content: x}
"#,
            &[
                "5:24+2: two portal_pages have the slug `g` — the other is at <stdin>:4:24 (it is unique under its parent: change one, or remove it)",
            ],
        );
    }
}

mod children {
    use super::*;

    #[test]
    fn a_nested_child_does_not_name_its_parent() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, portal: p}
"#,
            &[
                "4:39+6: `portal` cannot stand on a nested portal_page (what it is nested under is its parent; remove the key)",
            ],
        );
    }

    #[test]
    fn a_root_child_names_its_parent() {
        refused(
            r#"portal_pages:
  - {ref: a, slug: a, content: x}
"#,
            &[
                "2:11+1: portal_page `a` at the root has no `portal` (add `portal: <ref of the portal>`, or nest it under `pages`)",
            ],
        );
    }

    #[test]
    fn a_root_child_of_nobody_is_refused() {
        refused(
            r#"portals:
  - ref: harbor
portal_pages:
  - {ref: a, slug: a, content: x, portal: q}
  - {ref: b, slug: b, content: x, portal: habor}
"#,
            &[
                "4:43+1: there is no portal with the ref `q` (add that portal, or declare it with `_external` if others manage it)",
                "5:43+5: there is no portal with the ref `habor` (did you mean `harbor`? if not, add that portal, or declare it with `_external` if others manage it)",
            ],
        );
    }

    #[test]
    fn nested_pages_do_not_repeat_the_fault_of_their_root() {
        refused(
            r#"portal_pages:
  - ref: a
    slug: a
    content: x
    portal: nobody
    children:
      - {ref: b, slug: b, content: x}
"#,
            &[
                "5:13+6: there is no portal with the ref `nobody` (add that portal, or declare it with `_external` if others manage it)",
            ],
        );
    }

    #[test]
    fn a_parent_is_named_by_ref_not_id() {
        refused(
            r#"portal_pages:
  - {ref: a, slug: a, content: x, portal: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a}
"#,
            &[
                "2:43+36: `portal` takes the `ref` of a resource, not an id (declare the object with `_external` and `id`, and write its `ref` here)",
            ],
        );
    }

    #[test]
    fn a_parent_is_a_whole_resource() {
        refused(
            r#"portals:
  - ref: p
portal_pages:
  - {ref: a, slug: a, content: x, portal: !ref p#name}
"#,
            &["4:43+11: `portal` takes a whole resource, not its `name` (write `!ref p#id` or just `p`)"],
        );
    }

    #[test]
    fn a_parent_is_of_the_right_kind() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x}
portal_pages:
  - {ref: b, slug: b, content: x, portal: a}
"#,
            &["6:43+1: `a` is a portal_page, expected a portal (write the ref of a portal)"],
        );
    }

    #[test]
    fn an_empty_root_list_of_children_is_refused() {
        refused(
            r#"portal_pages: []
"#,
            &[
                r#"1:1+12: `portal_pages` is an empty list at the root (an empty list says "none" under a parent only; write it there, or remove the key)"#,
            ],
        );
    }

    #[test]
    fn a_nested_key_without_list_is_ambiguous() {
        refused(
            r#"portals:
  - ref: p
    pages:
"#,
            &[
                "3:5+5: `pages`: expected a list, found nothing (null) (write `[]` to say there shall be none (a sync then deletes them), or remove the key)",
            ],
        );
    }

    #[test]
    fn a_kind_of_child_that_is_not_managed_says_so() {
        refused(
            r#"portals:
  - ref: p
    snippets: []
    customization: {}
"#,
            &[
                "3:5+8: `snippets` of a portal is not managed by enact yet (keep it in a file of its own for the tool that manages it)",
                "4:5+13: `customization` of a portal is not managed by enact yet (keep it in a file of its own for the tool that manages it)",
            ],
        );
    }
}

mod trees {
    use super::*;

    #[test]
    fn an_unknown_tree_parent_gets_a_suggestion() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: guides, slug: guides, content: x}
      - {ref: b, slug: b, content: x, parent_page_ref: guide}
"#,
            &["5:56+5: there is no portal_page with the ref `guide` (did you mean `guides`?)"],
        );
    }

    #[test]
    fn a_cycle_is_named() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, parent_page_ref: b}
      - {ref: b, slug: b, content: x, parent_page_ref: a}
      - {ref: c, slug: c, content: x, parent_page_ref: a}
"#,
            &["4:15+1: portal_pages form a cycle: `a → b → a` (make one of them a root)"],
        );
    }

    #[test]
    fn a_page_is_not_its_own_parent() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, parent_page_ref: a}
"#,
            &["4:15+1: portal_pages form a cycle: `a → a` (make one of them a root)"],
        );
    }

    #[test]
    fn both_stand_under_the_same_parent() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x}
  - ref: q
    pages:
      - {ref: b, slug: b, content: x, parent_page_ref: a}
"#,
            &[
                "7:56+1: portal_page `b` and its tree parent `a` belong to different portals (both must stand under the same portal)",
            ],
        );
    }

    #[test]
    fn nesting_already_says_the_tree_parent() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: x
        children:
          - {ref: b, slug: b, content: x, parent_page_ref: a}
"#,
            &[
                "8:43+15: `parent_page_ref` says again what the tree parent is (keep one: the nesting, or one key at a page of its own)",
            ],
        );
    }

    #[test]
    fn only_a_root_slug_begins_with_a_slash() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: x
        children:
          - {ref: b, slug: /b, content: x}
"#,
            &[
                "8:28+2: `slug` `/b` begins with `/` below another object — only a root object's may (remove the `/`; the path follows from the tree)",
            ],
        );
    }

    #[test]
    fn a_tree_parent_is_of_the_same_kind() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, parent_page_ref: p}
"#,
            &["4:56+1: `p` is a portal, expected a portal_page (write the ref of a portal_page)"],
        );
    }
}

mod externals {
    use super::*;

    #[test]
    fn exactly_one_of_id_and_selector() {
        refused(
            r#"portals:
  - ref: p
    _external: {}
  - ref: q
    _external: {id: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a, selector: {matchFields: {name: x}}}
"#,
            &[
                "3:5+9: `_external` has neither `id` nor `selector` — expected exactly one of them (find it by `id`, or by `selector.matchFields`)",
                "5:5+9: `_external` has both `id` and `selector` — expected exactly one of them (find it by `id`, or by `selector.matchFields`)",
            ],
        );
    }

    #[test]
    fn its_parts_are_checked() {
        refused(
            r#"portals:
  - ref: p
    _external: {id: nope}
  - ref: q
    _external: {selector: {matchFields: {}}}
  - ref: r
    _external: {selector: {matchfields: {name: x}}}
  - ref: s
    _external: {name: x}
  - ref: t
    _external: {selector: {matchFields: {name: 5}}}
"#,
            &[
                "3:21+4: `nope` is not an id — expected a UUID (find it by name with `selector.matchFields`)",
                "5:17+8: the selector matches no field (write `matchFields: {name: …}`)",
                "7:17+8: the selector matches no field (write `matchFields: {name: …}`)",
                "7:28+11: `selector` does not know `matchfields` (did you mean `matchFields`?)",
                "9:5+9: `_external` has neither `id` nor `selector` — expected exactly one of them (find it by `id`, or by `selector.matchFields`)",
                "9:17+4: `_external` does not know `name` (known here: `id`, `selector`)",
                "11:17+8: the selector matches no field (write `matchFields: {name: …}`)",
                r#"11:48+1: `name`: expected text, found number 5 (quote it: "5")"#,
            ],
        );
    }

    #[test]
    fn its_fields_are_not_ours_to_set() {
        refused(
            r#"portals:
  - ref: p
    name: x
    _external: {selector: {matchFields: {name: x}}}
"#,
            &[
                "3:5+4: `name` cannot be set: portal `p` is `_external` (an external object is never written; remove the field, or `_external`)",
            ],
        );
    }

    #[test]
    fn not_every_kind_can_be_external() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, _external: {id: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a}}
"#,
            &[
                "4:39+9: a portal_page cannot be `_external` (declare its parent `_external`, or remove the key to manage it)",
            ],
        );
    }
}

mod fields {
    use super::*;

    #[test]
    fn wrong_types_say_what_was_expected() {
        refused(
            r#"portals:
  - ref: p
    name: 5
    display_name: true
    description: [a]
    authentication_enabled: 'true'
    rbac_enabled: {a: 1}
    default_api_visibility: 1
    default_application_auth_strategy_id: 12
    labels: [a]
"#,
            &[
                r#"3:11+1: `name`: expected text, found number 5 (quote it: "5")"#,
                r#"4:19+4: `display_name`: expected text, found true (quote it: "true")"#,
                "5:18+1: `description`: expected text, found a list (long text goes into a block (`|`) or a file (`!file ./page.md`))",
                "6:29+6: `authentication_enabled`: expected `true` or `false`, found text `true` (write `true` or `false` without quotes)",
                "7:19+1: `rbac_enabled`: expected `true` or `false`, found a mapping (give `rbac_enabled` `true` or `false`)",
                r#"8:29+1: `default_api_visibility`: expected `public` or `private`, found number 1 (quote it: "1")"#,
                "9:43+2: `default_application_auth_strategy_id`: expected a UUID or a `!ref`, found number 12 (give `default_application_auth_strategy_id` a UUID or a `!ref`)",
                "10:13+1: `labels`: expected a mapping of text to text, found a list (give `labels` a mapping of text to text)",
            ],
        );
    }

    #[test]
    fn null_is_refused_where_it_means_nothing() {
        refused(
            r#"portals:
  - ref: p
    display_name:
    rbac_enabled: ~
    labels: null
"#,
            &[
                "3:5+12: `display_name` cannot be null — expected text (give it a value, or remove the key to leave it alone)",
                "4:19+1: `rbac_enabled` cannot be null — expected `true` or `false` (give it a value, or remove the key to leave it alone)",
                "5:13+4: `labels` cannot be null — expected a mapping of text to text (write `{}` to remove all labels, or remove the key to leave them alone)",
            ],
        );
    }

    #[test]
    fn lengths_count_characters() {
        refused(
            r#"portals:
  - ref: p
    display_name: ''
    name: éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé
"#,
            &[
                "3:19+2: `display_name` is too short: 0 characters — expected at least 1 (write more, or remove the key)",
                "4:11+256: `name` is too long: 256 characters — expected at most 255 (shorten it)",
            ],
        );
    }

    #[test]
    fn words_come_from_a_choice() {
        refused(
            r#"portals:
  - ref: p
    default_api_visibility: privat
    default_page_visibility: hidden
"#,
            &[
                "3:29+6: `default_api_visibility` cannot be `privat` (did you mean `private`?)",
                "4:30+6: `default_page_visibility` cannot be `hidden` (known here: `public`, `private`)",
            ],
        );
    }

    #[test]
    fn a_slug_is_one_step() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a/b, content: x}
      - {ref: b, slug: 'ä', content: x}
"#,
            &[
                "4:24+3: `slug` `a/b` is not a slug — expected letters `a-z A-Z`, digits, `_` and `-`; `/` alone for a root object (one step of the path only; deeper steps are objects of their own)",
                "5:24+3: `slug` `ä` is not a slug — expected letters `a-z A-Z`, digits, `_` and `-`; `/` alone for a root object (one step of the path only; deeper steps are objects of their own)",
            ],
        );
    }

    #[test]
    fn what_is_required_must_be_there() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a}
"#,
            &[
                "4:15+1: portal_page `a` has no `content` — expected text (add `content:`)",
                "4:15+1: portal_page `a` has no `slug` — expected text (add `slug:`)",
            ],
        );
    }

    #[test]
    fn an_id_is_a_uuid_or_a_ref() {
        refused(
            r#"portals:
  - ref: p
    default_application_auth_strategy_id: 'not an id'
  - ref: q
    default_application_auth_strategy_id: harbor-key
"#,
            &[
                "3:43+11: `default_application_auth_strategy_id`: expected a UUID or a `!ref`, found text `not an id` (give `default_application_auth_strategy_id` a UUID or a `!ref`)",
                "5:43+10: there is no resource with the ref `harbor-key` (add it, declare it with `_external` if others manage it, or write the value out)",
            ],
        );
    }
}

mod labels_ {
    use super::*;

    #[test]
    fn labels_of_enact_are_not_for_users() {
        refused(
            r#"portals:
  - ref: p
    labels: {KONGCTL-namespace: a, KONGCTL-x: b}
"#,
            &[
                "3:14+17: the label `KONGCTL-namespace` is not for users to set — enact writes these itself (use `kongctl.namespace` / `kongctl.protected`)",
                "3:36+9: the label `KONGCTL-x` is not for users to set — enact writes these itself (use `kongctl.namespace` / `kongctl.protected`)",
            ],
        );
    }

    #[test]
    fn reserved_beginnings_are_refused() {
        refused(
            r#"portals:
  - ref: p
    labels: {konnect-x: a, _x: b, kongctl-a: c, '': d}
"#,
            &[
                "3:14+9: the label `konnect-x` begins with `konnect` — Konnect keeps these beginnings for itself: kong, konnect, insomnia, mesh, kic, kuma, _ (choose another key)",
                "3:28+2: the label `_x` begins with `_` — Konnect keeps these beginnings for itself: kong, konnect, insomnia, mesh, kic, kuma, _ (choose another key)",
                "3:35+9: the label `kongctl-a` begins with `kong` — Konnect keeps these beginnings for itself: kong, konnect, insomnia, mesh, kic, kuma, _ (choose another key)",
                "3:49+2: a label's key has 0 characters — expected 1 to 63 (choose another key)",
            ],
        );
    }

    #[test]
    fn label_values_are_checked() {
        refused(
            r#"portals:
  - ref: p
    labels: {a: 5, b: '', c: 'a b', d: [x], e: }
"#,
            &[
                r#"3:17+1: label `a`: expected text, found number 5 (quote it: "5")"#,
                "3:23+2: label `b`: Konnect does not take this value — expected 1 to 63 of letters, digits, `-`, `.`, `_`, with a letter or digit at both ends (choose another value)",
                "3:30+5: label `c`: Konnect does not take this value — expected 1 to 63 of letters, digits, `-`, `.`, `_`, with a letter or digit at both ends (choose another value)",
                "3:40+1: label `d`: expected text, found a list (give it a text, or remove the key)",
                "3:45+1: label `e`: expected text, found nothing (null) (give it a text, or remove the key)",
            ],
        );
    }

    #[test]
    fn references_do_not_stand_in_labels() {
        refused(
            r#"portals:
  - ref: p
    labels: {a: !ref q#name}
  - ref: q
    labels: !ref p#labels
"#,
            &[
                "3:17+11: `!ref q#name` cannot stand in labels — references are not resolved inside labels (write the text out)",
                "5:13+13: `!ref p#labels` cannot stand in labels — references are not resolved inside labels (write the text out)",
            ],
        );
    }

    #[test]
    fn more_than_fifty_labels_are_refused() {
        refused(
            r#"portals:
  - ref: p
    labels: {l0: x, l1: x, l2: x, l3: x, l4: x, l5: x, l6: x, l7: x, l8: x, l9: x, l10: x, l11: x, l12: x, l13: x, l14: x, l15: x, l16: x, l17: x, l18: x, l19: x, l20: x, l21: x, l22: x, l23: x, l24: x, l25: x, l26: x, l27: x, l28: x, l29: x, l30: x, l31: x, l32: x, l33: x, l34: x, l35: x, l36: x, l37: x, l38: x, l39: x, l40: x, l41: x, l42: x, l43: x, l44: x, l45: x, l46: x, l47: x, l48: x, l49: x, l50: x}
"#,
            &["3:5+6: 51 labels on portal `p` — Konnect takes at most 50 (remove some)"],
        );
    }
}

mod references_ {
    use super::*;

    #[test]
    fn a_ref_to_nothing_gets_a_suggestion() {
        refused(
            r#"portals:
  - ref: p
    description: !ref portal-q#name
  - ref: portal-r
    description: !ref zzzzzzz
"#,
            &[
                "3:18+18: there is no resource with the ref `portal-q` (did you mean `portal-r`?)",
                "5:18+12: there is no resource with the ref `zzzzzzz` (add it, declare it with `_external` if others manage it, or write the value out)",
            ],
        );
    }

    #[test]
    fn an_unknown_field_is_refused() {
        refused(
            r#"portals:
  - ref: p
    description: !ref q#lables
  - ref: q
    description: !ref p#id.x
    display_name: !ref p#name.x
"#,
            &[
                "3:18+13: a portal has no field `lables` to refer to (did you mean `labels`?)",
                "5:18+11: a portal has no field `id.x` to refer to (known here: `name`, `display_name`, `description`, `authentication_enabled`, `rbac_enabled`, `sipr_enabled`, `default_api_visibility`, `default_page_visibility`, `default_application_auth_strategy_id`, `auto_approve_developers`, `auto_approve_applications`, `notifications_developer_pii_visibility_enabled`, `labels`, `id`)",
                "6:19+13: a portal has no field `name.x` to refer to (did you mean `name`?)",
            ],
        );
    }

    #[test]
    fn a_reference_to_itself_is_refused() {
        refused(
            r#"portals:
  - ref: p
    description: !ref p#name
"#,
            &["3:18+11: `p` refers to itself (refer to another resource, or write the value out)"],
        );
    }

    #[test]
    fn a_cycle_names_the_chain() {
        refused(
            r#"portals:
  - ref: a
    description: !ref b#description
  - ref: b
    description: !ref a#description
  - ref: c
    description: !ref a#description
"#,
            &[
                "3:18+18: references form a cycle: `a#description → b#description → a#description` (write one of the values out)",
            ],
        );
    }

    #[test]
    fn resources_that_need_each_other_are_refused() {
        refused(
            r#"portals:
  - ref: a
    description: !ref b#id
  - ref: b
    description: !ref a#id
"#,
            &[
                "2:10+1: resources need each other: `a → b → a` — each would have to exist before the other (write one of the values out)",
            ],
        );
    }

    #[test]
    fn a_portal_cannot_need_its_own_page() {
        refused(
            r#"portals:
  - ref: p
    description: !ref a#id
    pages:
      - {ref: a, slug: a, content: x}
"#,
            &[
                "2:10+1: resources need each other: `p → a → p` — each would have to exist before the other (write one of the values out)",
            ],
        );
    }

    #[test]
    fn a_substituted_value_is_checked() {
        refused(
            r#"portals:
  - ref: p
    rbac_enabled: !ref q#name
  - ref: q
    display_name: !ref p#authentication_enabled
    authentication_enabled: !ref p#id
"#,
            &[
                "3:19+11: `rbac_enabled`: expected `true` or `false`, found text `q` (look at the field that `!ref` names)",
                "5:19+29: `display_name`: `authentication_enabled` of `p` is not text (refer to another field)",
                "6:29+9: `authentication_enabled`: `id` of `p` is not `true` or `false` (refer to another field)",
            ],
        );
    }

    #[test]
    fn a_mapping_is_not_a_value() {
        refused(
            r#"portals:
  - ref: p
    description: !ref q#labels
    display_name: !ref q#labels.b
  - ref: q
    labels: {a: x}
"#,
            &[
                "3:18+13: `labels` of `q` is a mapping, not a single value (name one of its keys: `!ref q#labels.key`)",
                "4:19+15: `q` has no label `b` (add it there, or write the value out)",
            ],
        );
    }

    #[test]
    fn a_name_must_be_known() {
        refused(
            r#"portals:
  - ref: p
    name: !ref q#id
  - ref: q
"#,
            &[
                "3:11+9: `name` of portal `p` must be known when loading — only Konnect knows `id` of `q` (write the value out)",
            ],
        );
    }

    #[test]
    fn a_path_is_not_part_of_a_path() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x}
      - {ref: b, slug: !ref a#name, content: x}
"#,
            &["5:24+11: the path of `a` cannot be part of a path or name (write the value out)"],
        );
    }

    #[test]
    fn an_incomplete_reference_is_refused() {
        refused(
            r#"portals:
  - ref: p
    description: !ref p#
    display_name: !ref
    name: !ref '#id'
    rbac_enabled: !ref [a]
"#,
            &[
                "3:18+7: `!ref p#` is not complete — expected `!ref other` or `!ref other#field`",
                "4:19+4: `!ref ` is not complete — expected `!ref other` or `!ref other#field`",
                "5:11+10: `!ref #id` is not complete — expected `!ref other` or `!ref other#field`",
                "6:19+6: `!ref` expects the `ref` of a resource, found a list (write `!ref other` or `!ref other#field`)",
            ],
        );
    }
}

mod tags_ {
    use super::*;

    #[test]
    fn unknown_tags_get_a_suggestion() {
        refused(
            r#"portals:
  - ref: p
    description: !fil x
    name: !zzzzzz x
"#,
            &[
                "3:18+6: unknown tag `!fil` (did you mean `!file`?)",
                "4:11+9: unknown tag `!zzzzzz` (known tags: `!ref`, `!file`, `!env`)",
            ],
        );
    }

    #[test]
    fn tags_without_a_place_here_say_so() {
        refused(
            r#"portals:
  - ref: p
    description: !secret {source: x}
    default_application_auth_strategy_id: !lookup name:x
    name: !external {name: x}
"#,
            &[
                "3:18+9: `!secret` cannot be used on any field enact manages yet — `!secret` is for write-only fields, `!lookup` and `!external` for relationships (use `!ref`, `!file` or `!env`, or write the value out)",
                "4:43+14: `!lookup` cannot be used on any field enact manages yet — `!secret` is for write-only fields, `!lookup` and `!external` for relationships (use `!ref`, `!file` or `!env`, or write the value out)",
                "5:11+11: `!external` cannot be used on any field enact manages yet — `!secret` is for write-only fields, `!lookup` and `!external` for relationships (use `!ref`, `!file` or `!env`, or write the value out)",
            ],
        );
    }

    #[test]
    fn the_environment_must_be_set() {
        refused(
            r#"portals:
  - ref: p
    description: !env NOPE
    name: !env EMPTY
"#,
            &[
                "3:18+9: the environment variable `NOPE` is not set (set it (it may be empty), or write the value here)",
                "4:11+10: `name` is too short: 0 characters — expected at least 1 (write more, or remove the key)",
            ],
        );
    }

    #[test]
    fn the_environment_fills_text_only() {
        refused(
            r#"portals:
  - ref: p
    rbac_enabled: !env TITLE
    kongctl: {namespace: !env TITLE}
"#,
            &[
                "3:19+10: `rbac_enabled` cannot come from the environment — `!env` is for text fields only (write the value out)",
                "4:26+10: `namespace` cannot come from the environment — `!env` is for text fields only (write it out)",
            ],
        );
    }

    #[test]
    fn extraction_from_the_environment_never_shows_the_value() {
        refused(
            r#"portals:
  - ref: p
    description: !env JSON#portal.nope
    name: !env BROKEN#a
    display_name: !env JSON#portal.list
"#,
            &[
                "3:18+21: the value of `JSON` has no single value at `portal.nope` (check the path behind `#`)",
                "4:11+13: the value of `BROKEN` is neither JSON nor YAML (only such a value has parts to extract)",
                "5:19+21: the value of `JSON` has no single value at `portal.list` (check the path behind `#`)",
            ],
        );
    }

    #[test]
    fn incomplete_tags_are_refused() {
        refused(
            r#"portals:
  - ref: p
    description: !env
    name: !env 'TITLE#'
    display_name: !env {vr: TITLE}
    rbac_enabled: !env [a]
    labels: !env {var: !env TITLE}
"#,
            &[
                "3:18+4: `!env` is not complete — expected `!env var`, `!env var#a.b` or `!env {var: …, extract: a.b}`",
                "4:11+13: `!env` is not complete — expected `!env var`, `!env var#a.b` or `!env {var: …, extract: a.b}`",
                "5:19+6: `!env` does not know `vr` (known here: `var`, `extract`)",
                "6:19+6: `!env` expects a var, found a list (write `!env var`)",
                "7:13+6: no other tag may stand inside `!env` (write the value out)",
            ],
        );
    }
}

mod frontmatter_ {
    use super::*;

    #[test]
    fn it_must_be_closed() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: |
          ---
          title: x
"#,
            &[
                "7:11+3: front matter begins with `---` but does not end (close it with a line of `---`, or begin the text with another line)",
            ],
        );
    }

    #[test]
    fn it_must_not_contradict() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        title: Two
        content: |
          ---
          title: One
          ---
"#,
            &["8:11+3: `title` is set to `Two`, but front matter says `One` (keep one of the two)"],
        );
    }

    #[test]
    fn it_sets_known_fields_only() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: |
          ---
          titel: x
          description: [a]
          title: 5
          ---
"#,
            &[
                "7:11+3: front matter `description`: expected a single value without a tag (write the value out)",
                r#"7:11+3: front matter `title`: expected text, found number 5 (quote it: "5")"#,
                "7:11+3: warning: front matter of `content` does not set anything by `titel` (did you mean `title`?)",
            ],
        );
    }

    #[test]
    fn it_is_yaml() {
        refused(
            r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: |
          ---
          title: [x
          ---
      - ref: b
        slug: b
        content: |
          ---
          just words
          ---
"#,
            &[
                "7:11+3: front matter, line 2: this is not valid YAML: while parsing a flow sequence, expected ',' or ']' (check the indentation, quotes and brackets here and in the line before)",
                "13:11+3: front matter: expected a mapping, found text `just words` (write lines such as `title: …`)",
            ],
        );
    }
}
