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
    assert_eq!(said(&text).len(), 2, "{}", printed(&text));
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
    let many = format!(
        "$A={}\n{}",
        "x".repeat(500),
        instance_with(&"$A $A $A\n".repeat(20_000))
    );
    assert_eq!(usable(&many).instances.len(), 1);
}

#[test]
fn what_is_not_supported_is_left_out() {
    let text = format!(
        "$M= \\\n priority 1 \\\n priority 2\n~SEQ(i, 1, 3) priority $i\n{}",
        instance_with("priority 42")
    );
    assert_eq!(only_instance(&text).priority.get(), 42);
    let said = said(&text);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("a definition has one line") && said[1].contains("repeated lines"));
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
