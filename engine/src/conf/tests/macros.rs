//! Definitions, and lines for one node.

use super::{conf, instance_with, only_instance, printed, said, usable};
use crate::conf::{Reading, SourceText, Sources, read};

#[test]
fn names_are_replaced_wherever_they_stand() {
    let text = format!(
        "$PRIO=42 # x\n$NET = 9\n$IP=192.0.2.7\n$LINE=$IP/${{LEN}} dev eth1\n$LEN=25\n$BLOCK=track_interface {{ eth0 }}\n{}",
        instance_with("priority $PRIO\nvirtual_ipaddress {\n$LINE\n${IP}0/24\n}\n$BLOCK")
    );
    let instance = only_instance(&text);
    assert_eq!(instance.priority.get(), 42);
    let held: Vec<_> = instance
        .addresses
        .iter()
        .map(|a| (a.address.to_string(), a.prefix))
        .collect();
    let expected = [
        ("192.0.2.1".to_owned(), 24),
        ("192.0.2.7".to_owned(), 25),
        ("192.0.2.70".to_owned(), 24),
    ];
    assert_eq!(held, expected);
    assert_eq!(said(&text).len(), 3, "{}", printed(&text));
    assert!(said(&text)[1].starts_with("note 14:1 keepalived replaces `$IP` only"));
}

#[test]
fn what_comes_out_is_pointed_at_where_the_name_stands() {
    let text = format!("$P=1000\n{}", instance_with("  priority ${P}x y"));
    let places: Vec<_> = conf(&text)
        .diagnostics
        .iter()
        .map(|d| (d.line, d.column, d.length))
        .collect();
    assert_eq!(places, [(7, 12, 5), (7, 18, 1)], "{}", printed(&text));
}

#[test]
fn a_name_without_a_definition_stays() {
    let auth = "authentication {\nauth_type PASS\nauth_pass pa$word\n}";
    let text = instance_with(auth);
    assert_eq!(
        only_instance(&text).auth,
        crate::config::Auth::Password(*b"pa$word\0")
    );
    assert_eq!(said(&text), [""; 0]);
    let text = instance_with("mcast_src_ip ${IP}\npriority 42");
    assert_eq!(only_instance(&text).priority.get(), 42);
    assert!(
        said(&text)[0].contains("`${IP}` is not defined above"),
        "{}",
        printed(&text)
    );
}

#[test]
fn commands_hold_names_too() {
    let script = "$DIR=/opt/a b\nvrrp_script chk {\nscript \"'$DIR/x' $HOME\"\ninterval 0.5\n}\n";
    let text = format!("{script}{}", instance_with("track_script {\nchk\n}"));
    let crate::config::CheckCommand::Script(words) = &usable(&text).checks[0].command else {
        panic!("a script");
    };
    assert_eq!(words[..], ["/opt/a b/x".into(), "$HOME".into()]);
}

#[test]
fn definitions_that_grow_come_to_an_end() {
    let mut text = String::from("$A0=x\n$E0=\n$S=$S\n");
    for n in 1..40 {
        let before = n - 1;
        text += &format!(
            "$A{n}=$A{before}$A{before}$A{before}\n$E{n}=$E{before}$E{before}$E{before}\n"
        );
    }
    text += &instance_with("router $A39\nrouter $E39\nrouter $S\npriority 42");
    assert_eq!(only_instance(&text).priority.get(), 42);
    assert!(
        said(&text)
            .iter()
            .any(|line| line.contains("grows too large"))
    );
    // Twice itself in each turn: without an end to it, two million lines.
    let twice = "$T= \\\n${T} \\\n${T}\n\n";
    let text = format!("{twice}{}", instance_with("${T}\n$T=priority 42\n$T"));
    let reading = conf(&text);
    assert!(reading.diagnostics.len() <= 4, "{}", printed(&text));
    assert!(said(&text)[0].contains("`${T}` leads back to itself"));
    assert_eq!(only_instance(&text).priority.get(), 42);
    let many = format!(
        "$A={}\n{}",
        "x".repeat(500),
        instance_with(&"$A $A $A\n".repeat(500))
    );
    assert_eq!(usable(&many).instances.len(), 1);
}

/// Every line of it measured with keepalived 2.2.7: the blank line ends a definition there too.
const SEVERAL_LINES: &str = r#"
$INNER= \
  fall 3 \
  rise 4
$CHECK= \
vrrp_script m${NUM} { \
  script "/bin/true [${NUM}] # quoted" \
  @a interval 7 \
  @^a interval 8 \
  weight 3 # trailing \
  $TMP=${NUM}9 \
  $INNER \
  timeout ${TMP} \
}

$NUM=1
$CHECK
$NUM=2
${CHECK}
$OPEN={
$TRACKS=m1
vrrp_instance VI_1 $OPEN
 interface eth0
 virtual_router_id 51
 virtual_ipaddress {
  192.0.2.1/24
 }
 track_script {
  $TRACKS
  m2
 }
}
"#;

#[test]
fn a_definition_may_have_lines() {
    let text = SEVERAL_LINES.replace(r"\\", r"\");
    let config = read("k", &text, &mut Node("a")).config.expect("usable");
    let [one, two] = &config.checks[..] else {
        panic!("two checks")
    };
    for (check, number) in [(one, 1), (two, 2)] {
        assert_eq!(check.name, format!("m{number}").into());
        let words = ["/bin/true", &format!("[{number}]"), "#", "quoted"].map(Into::into);
        assert_eq!(
            check.command,
            crate::config::CheckCommand::Script(words.to_vec())
        );
        assert_eq!(
            (check.rise, check.fall, check.interval.as_secs()),
            (4, 3, 7)
        );
        assert_eq!(check.timeout.as_secs(), number * 10 + 9);
        assert_eq!(config.instances[0].tracks.len(), 2);
    }
    let other = read("k", &text, &mut Node("b")).config.expect("usable");
    assert_eq!(other.checks[0].interval.as_secs(), 8);
}

#[test]
fn a_remark_about_a_definition_points_at_its_use_and_names_its_line() {
    let text =
        "$I= \\\nvrrp_instance V { \\\n priority ${P} \\\n}\n$P=x\n\n  $I\n".replace(r"\\", r"\");
    let reading = conf(&text);
    let of = |part: &str| -> Vec<_> {
        let found = reading
            .diagnostics
            .iter()
            .filter(|d| d.message.contains(part));
        found
            .map(|d| {
                let origin = d.origin.as_ref().expect("it comes from a definition");
                (d.line, d.column, d.length, &*origin.name, origin.line)
            })
            .collect()
    };
    assert_eq!(of("no interface"), [(7, 3, 2, "I", 2)]);
    assert_eq!(of("`priority`"), [(7, 3, 2, "P", 5)], "{}", printed(&text));
    insta::assert_snapshot!(printed(&text));
}

#[test]
fn what_starts_a_line_may_come_from_a_definition() {
    let text = format!(
        "$A=@a\n$B=@^a\n$SEQ=~SEQ(N,1,2)\n$EMPTY=\n{}",
        instance_with(
            "$A priority 7\n$B priority 8\n@a @b priority 9\n$EMPTY\nvirtual_ipaddress {\n$SEQ 192.0.3.${N}/24\n}"
        )
    );
    let config = read("k", &text, &mut Node("a")).config.expect("usable");
    assert_eq!(config.instances[0].priority.get(), 7);
    assert_eq!(config.instances[0].addresses.len(), 3);
}

#[test]
fn predefined_names_have_values() {
    let script = |command: &str| -> Vec<String> {
        let check = format!("vrrp_script c {{\nscript \"x {command}\"\n}}\n");
        let text = format!(
            "global_defs {{\nrandom_seed 5\n}}\n{check}{}",
            instance_with("track_script {\nc\n}")
        );
        let config = read("/etc/k/k.conf", &text, &mut Node("a"))
            .config
            .expect("usable");
        let crate::config::CheckCommand::Script(words) = &config.checks[0].command else {
            panic!("a script");
        };
        words[1..].iter().map(|word| word.to_string()).collect()
    };
    assert_eq!(script("${_PWD}/x ${_INSTANCE}"), ["/etc/k/x", "a"]);
    assert_eq!(script("${_HASH}${_BANG} ${_ENV PRIO}"), ["#!", "77"]);
    assert_eq!(script("${_ENV NONE}"), ["${_ENV", "NONE}"]);
    let numbers = script("${_RANDOM} ${_RANDOM 5} ${_RANDOM 3 4} ${_RANDOM 9 9}");
    assert_eq!(
        numbers,
        script("${_RANDOM} ${_RANDOM 5} ${_RANDOM 3 4} ${_RANDOM 9 9}")
    );
    let numbers: Vec<u32> = numbers
        .iter()
        .map(|n| n.parse().expect("a number"))
        .collect();
    assert!(numbers[0] <= 32_767 && numbers[1] >= 5 && [3, 4].contains(&numbers[2]));
    assert_eq!(numbers[3], 9);
    assert_eq!(script("${_RANDOM x} ${_RANDOM 1 2 3}").len(), 6);
}

#[test]
fn comments_hide_names_and_signs_in_strings_are_no_comments() {
    let text = format!(
        "$A=7\n{}",
        instance_with("priority 9 # was $A.\nx ${NONE} # ${NONE2}")
    );
    assert_eq!(only_instance(&text).priority.get(), 9);
    let said = said(&text);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said.iter()
            .all(|line| !line.contains("NONE2") && !line.contains("$A"))
    );
    let text = "global_defs {\nrouter_id \"a${_HASH}b\"\nrouter_id ${_BANG}x${_HASH}\n}\n";
    assert_eq!(usable(text).router_id.as_deref(), Some("!x#"));
    let text = text.replace("router_id ${_BANG}x${_HASH}\n", "");
    assert_eq!(usable(&text).router_id.as_deref(), Some("a#b"));
}

struct Node(&'static str);

impl Sources for Node {
    fn read(&mut self, _: &str, _: &str) -> Result<Vec<SourceText>, String> {
        Ok(Vec::new())
    }

    fn config_id(&self) -> Option<&str> {
        Some(self.0)
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "PRIO").then(|| "77".to_owned())
    }
}

#[test]
fn lines_for_one_node_count_there_only() {
    let text = instance_with("  @a priority ${_ENV PRIO}\n@^a priority 50\n@a advert_int 3 x");
    let on = |node| -> Reading { read("k", &text, &mut Node(node)) };
    let (a, b) = (on("a"), on("b"));
    let priority = |reading: &Reading| {
        reading
            .config
            .as_ref()
            .map(|c| c.instances[0].priority.get())
    };
    assert_eq!((priority(&a), priority(&b)), (Some(77), Some(50)));
    assert!(b.diagnostics.is_empty());
    assert_eq!((a.diagnostics[0].line, a.diagnostics[0].column), (8, 17));
    let unknown = conf(&text);
    assert_eq!(unknown.diagnostics.len(), 3);
    assert_eq!(priority(&unknown), Some(100));
}
