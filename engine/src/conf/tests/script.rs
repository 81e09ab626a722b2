//! `vrrp_script` and `track_script`.

use core::time::Duration;
use std::sync::Arc;

use super::{conf, instance_with, printed, said, usable};
use crate::conf::{SourceText, Sources, read};
use crate::config::{CheckCommand, CheckConfig, Weight};

/// A tracked script with these lines.
fn script(lines: &str) -> String {
    format!(
        "vrrp_script chk {{\n{lines}\n}}\n{}",
        instance_with("track_script {\nchk\n}")
    )
}

fn check(lines: &str) -> CheckConfig {
    let text = script(lines);
    let mut checks = usable(&text).checks;
    assert_eq!(checks.len(), 1, "{}", printed(&text));
    checks.remove(0)
}

fn argv(line: &str) -> Vec<String> {
    let CheckCommand::Script(words) = check(line).command else {
        panic!("a script")
    };
    words.iter().map(ToString::to_string).collect()
}

/// Warnings and errors about a script.
fn loud(text: &str) -> Vec<String> {
    let said = said(text).into_iter();
    said.filter(|line| !line.starts_with("note")).collect()
}

#[test]
fn commands_are_split_as_a_shell_would() {
    assert_eq!(argv(r#"script "/bin/a b  c""#), ["/bin/a", "b", "c"]);
    assert_eq!(argv("script /bin/a b c # d"), ["/bin/a", "b", "c"]);
    assert_eq!(
        argv(r#"script "/bin/sh -c 'exit 1'""#),
        ["/bin/sh", "-c", "exit 1"]
    );
    assert_eq!(argv(r#"script "/bin/a \"b c\" d""#), ["/bin/a", "b c", "d"]);
    assert_eq!(
        argv("script /bin/sh -c 'exit 1'"),
        ["/bin/sh", "-c", "exit 1"]
    );
    assert_eq!(argv(r"script /bin/a\ b ''"), ["/bin/a b", ""]);
    assert_eq!(argv(r#"script "/bin/a"  "b c""#), ["/bin/a", "b c"]);
}

#[test]
fn a_command_without_quotes_is_read_as_meant() {
    let text = script("interval 0.5\nscript /bin/a b");
    let remark =
        "note 3:8 this command is read with all its words although it isn't in double quotes";
    assert!(
        said(&text).contains(&remark.to_owned()),
        "{}",
        printed(&text)
    );
    assert!(!printed(&script("script \"/bin/a b\"")).contains(remark));
}

#[test]
fn a_pipe_is_no_pipe() {
    let text = script("interval 0.5\nscript \"pidof haproxy | wc\"");
    assert_eq!(
        loud(&text),
        ["warning 3:8 no shell reads this line: `|` is passed to the command as a word"]
    );
}

#[test]
fn values_and_defaults() {
    let plain = check("script /bin/true");
    assert_eq!(
        (plain.interval, plain.timeout),
        (Duration::from_secs(1), Duration::from_secs(1))
    );
    assert_eq!(
        (plain.rise, plain.fall, plain.init_fail, plain.user),
        (1, 1, false, None)
    );
    let full = check(
        "script /bin/true\ninterval 2.5\ntimeout 2\nrise 3\nfall 4\nuser nobody nogroup\ninit_fail",
    );
    assert_eq!(
        (full.interval, full.timeout),
        (Duration::from_millis(2500), Duration::from_secs(2))
    );
    assert_eq!((full.rise, full.fall, full.init_fail), (3, 4, true));
    assert_eq!(full.user, Some(("nobody".into(), Some("nogroup".into()))));
    let text = format!(
        "global_defs {{\nscript_user alice\n}}\n{}",
        script("script /bin/true")
    );
    assert_eq!(usable(&text).checks[0].user, Some(("alice".into(), None)));
}

#[test]
fn odd_values_are_reported() {
    let cases = [
        ("interval 0", "`interval` can't be zero: 1 s applies"),
        (
            "interval fast",
            "`interval` must be a number of seconds from 0 to 1000000: 1 s applies",
        ),
        (
            "fall 0",
            "`fall` must be a whole number from 1 to 1000000: 1 applies",
        ),
        (
            "weight much",
            "a weight is a whole number from -253 to 253: this one is ignored",
        ),
        ("weight 300", "a weight goes to 253 at most, which is used"),
        ("weight 254", "a weight goes to 253 at most, which is used"),
        (
            "weight -254",
            "a weight goes to -253 at most, which is used",
        ),
        (
            "weight 5 backwards",
            "`backwards` is not understood here and ignored",
        ),
        ("raise 2", "unknown keyword `raise`: the line is ignored"),
        (
            "timeout 2",
            "`chk` may take 2 s, longer than its interval of 0.5 s",
        ),
    ];
    for (line, message) in cases {
        let base = if line.starts_with("interval") {
            ""
        } else {
            "interval 0.5\ntimeout 0.4\n"
        };
        let loud = loud(&script(&format!("script /bin/true\n{base}{line}")));
        assert!(
            loud.iter().any(|said| said.ends_with(message)),
            "{line}: {loud:?}"
        );
    }
}

#[test]
fn weights_come_from_the_script_unless_the_line_has_its_own() {
    let weight = |own: &str, line: &str| {
        let script = format!("vrrp_script chk {{\nscript /bin/true\n{own}\n}}\n");
        let text = format!(
            "{}{script}",
            instance_with(&format!("track_script {{\n{line}\n}}"))
        );
        let tracks = &usable(&text).instances[0].tracks;
        assert_eq!(tracks.len(), 1, "{}", printed(&text));
        (tracks[0].weight.value, tracks[0].weight.reverse)
    };
    assert_eq!(weight("", "chk"), (0, false));
    assert_eq!(weight("weight -20", "chk"), (-20, false));
    assert_eq!(weight("weight 20 reverse", "chk"), (20, true));
    assert_eq!(weight("weight 20 reverse", "chk weight 5"), (5, false));
    assert_eq!(weight("weight 20", "chk weight 254 reverse"), (253, true));
    assert_eq!(weight("weight 20", "chk weight x"), (20, false));
}

#[test]
fn tracking_that_comes_to_nothing_is_loud() {
    let track = |names: &str| instance_with(&format!("track_script {{\n{names}\n}}"));
    let chk = "vrrp_script chk {\nscript /bin/true\ninterval 0.5\nweight 0\n}\n";
    let cases = [
        (
            track("chk"),
            "warning 7:1 there is no `vrrp_script chk`: NOTHING is tracked by this line",
        ),
        (
            format!("{chk}{}", track("chk\nchk")),
            "warning 13:1 `chk` is tracked already: this line is ignored",
        ),
        (
            format!("{chk}{}", instance_with("")),
            "warning 1:13 no instance tracks `chk`: it is not run",
        ),
        (
            format!("vrrp_script chk {{\n}}\n{}", track("chk")),
            "warning 9:1 `chk` can't be run: NOTHING is tracked by this line",
        ),
        (
            format!(
                "{chk}{}",
                instance_with("priority 255\ntrack_script {\nchk weight 5\n}")
            ),
            "warning 13:1 priority 255 never changes: `chk` has no effect here",
        ),
        (
            format!("{chk}{chk}{}", track("chk")),
            "error 6:13 there is already a `vrrp_script` named `chk`",
        ),
    ];
    for (text, expected) in cases {
        assert!(
            loud(&text).contains(&expected.to_owned()),
            "{}",
            printed(&text)
        );
        assert!(conf(&text).config.is_some());
    }
    let typo = format!("{chk}{}", track("chck"));
    assert!(
        printed(&typo).contains("did you mean `chk`?"),
        "{}",
        printed(&typo)
    );
}

#[test]
fn unused_scripts_shift_no_numbers() {
    let text = format!(
        "vrrp_script idle {{\nscript /bin/false\n}}\nvrrp_script late {{\nscript /bin/true\n}}\n{}",
        instance_with("track_script {\nlate weight 7\n}")
    );
    let config = usable(&text);
    let [track] = config.instances[0].tracks[..] else {
        panic!("one track")
    };
    assert_eq!(&*config.check(track.check).name, "late");
    assert_eq!(
        track.weight,
        Weight {
            value: 7,
            reverse: false
        }
    );
}

#[test]
fn a_bad_probe_is_an_error_at_the_word() {
    let text = script("interval 0.5\nscript \"/usr/sbin/locum probe ping gateway.example\"");
    assert_eq!(conf(&text).config, None);
    insta::assert_snapshot!(printed(&text));
    let diagnostic = &conf(&text).diagnostics[0];
    assert_eq!(
        (diagnostic.line, diagnostic.column, diagnostic.length),
        (3, 36, 15)
    );
}

/// A host on which some programs are missing.
struct Host;

impl Sources for Host {
    fn read(&mut self, _: &str, _: &str) -> Result<Vec<SourceText>, String> {
        Ok(Vec::new())
    }

    fn hindrance(
        &self,
        command: &[Arc<str>],
        user: Option<&(Arc<str>, Option<Arc<str>>)>,
        secure: bool,
    ) -> Option<String> {
        let user = user.map_or("nobody in particular", |(user, _)| user);
        let why = || format!("{} words, {user}, {secure}", command.len());
        command[0].starts_with("/missing/").then(why)
    }
}

#[test]
fn a_check_that_the_host_cannot_run_is_named_with_its_place() {
    let check =
        |name: &str, command: &str| format!("vrrp_script {name} {{\n script {command}\n}}\n");
    let text = format!(
        "{}{}{}{}global_defs {{\n script_user web\n enable_script_security\n}}\n",
        check("there", "/bin/true"),
        check("gone", "\"/missing/check it\""),
        check("unused", "/missing/too"),
        instance_with("track_script {\nthere\ngone\n}"),
    );
    let reading = read("x", &text, &mut Host);
    let said: Vec<String> = reading
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    let said: Vec<&String> = said.iter().filter(|line| line.contains("words")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    let expected = "x:5:9: warning: `gone` is not run: `/missing/check it`: 2 words, web, true";
    assert!(said[0].starts_with(expected), "{said:?}");
    assert_eq!(reading.config.map(|config| config.checks.len()), Some(2));
}
