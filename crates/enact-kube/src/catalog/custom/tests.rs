use serde_json::json;

use super::*;
use crate::catalog::{Shape, Target, Typed, typed};

const HEAD: &str = "format: enact.actions/v1\nactions:\n";

const GOOD: &str = "  - name: Flush
    about: flushes
    target: Deployment
    account: kubernetes-executor-custom-flush
    image: registry.example/flush@sha256:0123456789012345678901234567890123456789012345678901234567890123
    argv: [/flush]
    timeout: 60s
";

fn whole(rest: &str) -> String {
    format!("{HEAD}{GOOD}{rest}")
}

/// `line:column: what`, for each fault.
fn faults(text: &str) -> Vec<String> {
    let faults = read("catalog.yaml", text).unwrap_err();
    let told = faults.iter().map(|fault| {
        let place = fault.place.as_ref().unwrap();
        assert_eq!(place.file, "catalog.yaml");
        let position = place.position.unwrap();
        format!("{}:{}: {}", position.line, position.column, fault.summary)
    });
    told.collect()
}

/// The one fault of a file in which a part is another one.
fn fault(part: &str, other: &str) -> String {
    let text = whole("");
    assert!(text.contains(part), "{part}");
    let found = faults(&text.replacen(part, other, 1));
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_good_file_names_actions() {
    let text = whole(
        "    version: 3
    idempotent: true
    effect: read
    parameters:
      - { name: level, type: integer, least: -1, most: 9, default: 3, about: how much }
      - { name: sure, type: boolean, required: true, about: '' }
      - { name: what, type: word, words: [all, some], default: all, about: '' }
      - { name: note, type: text, bytes: 10, about: '' }
",
    );
    let actions = read("catalog.yaml", &text).unwrap();
    assert_eq!(actions.len(), 1);
    let about = actions[0].about();
    assert_eq!(
        (&*about.name, about.version, about.kind),
        ("Flush", 3, "Deployment")
    );
    assert_eq!(about.account(), "kubernetes-executor-custom-flush");
    assert!(about.idempotent && about.is_custom() && about.rights.is_empty());
    let takes = actions[0].parameters();
    assert_eq!(takes[0].shape, Shape::Integer { least: -1, most: 9 });
    assert_eq!(takes[0].default, Some(json!(3)));
    assert!(takes[1].required && !takes[3].required);
    assert_eq!(takes[3].shape, Shape::Text { most: 10 });
    // What nothing is said of may destroy, and is not done twice.
    let plain = read("catalog.yaml", &whole("")).unwrap();
    assert_eq!(plain[0].about().effect, enact_core::change::Effect::Destroy);
    assert!(!plain[0].about().idempotent);
}

#[test]
fn what_is_wrong_is_said_with_line_and_column_and_what_was_expected() {
    let expected = |found: String, begins: &str| assert!(found.starts_with(begins), "{found}");
    expected(
        fault("Flush\n", "flush\n"),
        "3:11: name: expected a name like FlushCache",
    );
    expected(
        fault("Deployment", "Secret"),
        "5:13: target: expected one of ConfigMap, Deployment, Node, Pod, found",
    );
    expected(
        fault("-custom-flush", "-scale-deployment"),
        "6:14: account: expected an account whose name begins with",
    );
    expected(
        fault("@sha256:0123", ":latest"),
        "7:12: image: expected an image by digest",
    );
    expected(
        fault("[/flush]", "[]"),
        "8:11: argv: expected a program and its arguments",
    );
    expected(
        fault("60s", "16m"),
        "9:14: timeout: expected a duration like 90s, up to 15 minutes",
    );
    let found = faults(&whole("    owner: me\n"));
    assert_eq!(found, ["10:5: unknown key `owner` in an action"]);
}

#[test]
fn built_in_names_and_names_twice_are_refused() {
    let found = fault("Flush\n", "ScaleDeployment\n");
    assert_eq!(found, "3:5: ScaleDeployment is the name of a built-in action");
    let twice = whole(GOOD);
    assert_eq!(faults(&twice), ["10:5: there is an action Flush already"]);
    let many = format!("{HEAD}{}", GOOD.repeat(MOST_ACTIONS + 1));
    assert_eq!(
        faults(&many),
        ["3:3: actions: expected at most 64 entries, found a list"]
    );
}

#[test]
fn an_argv_names_a_program_and_its_own_parameters() {
    let with = |argv: &str| {
        let parameters = "    parameters: [{ name: a, type: text, required: true, about: '' }, { name: b, type: text, about: '' }]\n";
        whole(parameters).replacen("[/flush]", argv, 1)
    };
    for argv in [
        "[/f, '{a}']",
        "[/f, 'x={a}y', '{{a}}', 3]",
        "[/f, '{target.name}', '{target.namespace}']",
    ] {
        assert!(read("c", &with(argv)).is_ok(), "{argv}");
    }
    let cases = [
        ("['{a}']", "a program first, without parameters"),
        ("[/bin/sh, -c, x]", "a program, and none that is a shell"),
        ("[bash]", "a program, and none that is a shell"),
        ("['']", "a program, and none that is a shell"),
        ("[/f, '{a}{a}']", "one parameter in one argument at most"),
        ("[/f, '{c}']", "a parameter of this action, and c is none"),
        (
            "[/f, '{b}']",
            "a parameter that is required or has a default, and b is neither",
        ),
        ("[/f, '{a']", "a `}` after `{`"),
        ("[/f, 'a}']", "a `{` before `}`"),
        ("[/f, '{}']", "the name of a parameter"),
        ("[/f, '{target.uid}']", "the name of a parameter"),
        ("[/f, [x]]", "a text of up to 1024 bytes"),
    ];
    for (argv, words) in cases {
        let found = faults(&with(argv));
        assert!(found[0].contains(words), "{argv}: {found:?}");
    }
}

#[test]
fn parameters_are_of_the_types_that_there_are() {
    let with = |parameter: &str| whole(&format!("    parameters: [{parameter}]\n"));
    let cases = [
        (
            "{ name: a, type: number, about: '' }",
            "type: expected integer, boolean, text",
        ),
        (
            "{ name: a-b, type: text, about: '' }",
            "name: expected letters and digits",
        ),
        (
            "{ name: namespace, type: text, about: '' }",
            "not a name that older requests use",
        ),
        (
            "{ name: a, type: text, least: 1, about: '' }",
            "`least` says nothing about",
        ),
        (
            "{ name: a, type: integer, least: 5, most: 1, about: '' }",
            "least: expected no more than most, which is 1",
        ),
        (
            "{ name: a, type: integer, default: x, about: '' }",
            "default: expected a whole number",
        ),
        (
            "{ name: a, type: integer, default: 1, required: true, about: '' }",
            "has no default",
        ),
        (
            "{ name: a, type: word, about: '' }",
            "a parameter needs the key `words`",
        ),
        ("{ name: a, about: '' }", "a parameter needs the key `type`"),
        (
            "{ name: a, type: text, about: '' }, { name: a, type: text, about: '' }",
            "a parameter a already",
        ),
        ("x", "a parameter: expected a mapping"),
    ];
    for (parameter, words) in cases {
        let found = faults(&with(parameter));
        assert!(found[0].contains(words), "{parameter}: {found:?}");
    }
}

#[test]
fn what_is_no_catalog_is_refused_whole() {
    for (text, words) in [
        ("", "1:1: the file is empty"),
        (
            "format: other\nactions: []\n",
            "1:9: format: expected enact.actions/v1",
        ),
        ("actions: []\n", "1:1: the catalog needs the key `format`"),
        ("- a\n", "1:1: the catalog: expected a mapping"),
    ] {
        let found = faults(text);
        assert!(found[0].starts_with(words), "{text:?}: {found:?}");
    }
    assert!(!faults("format: [\n").is_empty());
    assert!(faults(&"# ".repeat(200_000))[0].contains("longer than"));
    // One good action beside a bad one is not taken.
    assert!(read("c", &whole("  - name: Other\n")).is_err());
    assert_eq!(
        read("c", "format: enact.actions/v1\nactions: []\n")
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn values_stay_inside_of_their_argument() {
    let text = whole(
        "    parameters:
      - { name: n, type: integer, least: -9, default: -1, about: '' }
      - { name: t, type: text, default: x, about: '' }
      - { name: j, type: json, default: '{\"b\": [1, 2]}', about: '' }
",
    )
    .replacen(
        "[/flush]",
        "[/f, '{n}', '{t}', '-t={t}', '{j}', '{{{target.name}}}']",
        1,
    );
    let action = read("c", &text).unwrap().remove(0);
    let Runs::Program(program) = &action.about().runs else {
        unreachable!("it is custom")
    };
    let asked = |t: &str| Asked {
        target: Target {
            kind: "Deployment".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "web".to_owned(),
        },
        parameters: typed(&action.parameters(), &[("t".to_owned(), t.to_owned())].into()).unwrap(),
        on_behalf_of: String::new(),
        now: String::new(),
    };
    let hostile = "a b\t'\"`$(id) ${x} {n} ; && \n| *";
    let filled = argv(&program.argv, &asked(hostile)).unwrap();
    let option = format!("-t={hostile}");
    assert_eq!(
        filled,
        ["/f", "-1", hostile, option.as_str(), "{\"b\":[1,2]}", "{web}"]
    );
    assert!(
        argv(&program.argv, &asked("-rf"))
            .unwrap_err()
            .contains("begins with a dash")
    );
    let nothing = Asked {
        parameters: Typed::default(),
        ..asked("x")
    };
    assert!(argv(&program.argv, &nothing).is_err());
}
