//! Repeated lines.

use super::{conf, instance_with, only_instance, printed, said};
use crate::conf::{Reading, Severity, SourceText, Sources, read};

/// The last bytes of the addresses that lines of an address block make, after the first.
fn addresses(lines: &str) -> Vec<String> {
    let text = instance_with(&format!("virtual_ipaddress {{\n{lines}\n}}"));
    let instance = only_instance(&text);
    let held = instance.addresses.iter().skip(1);
    held.map(|a| a.address.to_string().replace("192.0.", ""))
        .collect()
}

#[test]
fn a_line_is_repeated_as_keepalived_repeats_it() {
    // Measured with 2.2.7, except that it wants `${I}` in front of a slash.
    let table = [
        ("~SEQ(I,3) 192.0.3.$I/24", "3.1 3.2 3.3"),
        ("~SEQ(I,5,-2,1)192.0.3.${I}/24", "3.5 3.3 3.1"),
        (
            "~SEQ(S,1,2) ~LST(T,7,8) 192.0.8.${S}${T}/32",
            "8.17 8.18 8.27 8.28",
        ),
        ("~LST({O,P},{1,2},{3,4}) 192.0.7.${O}${P}/32", "7.12 7.34"),
        (
            "~SEQ(N,1,3,7) 192.0.9.${N}/32\n192.0.10.${N}/32",
            "9.1 9.4 9.7 10.7",
        ),
        ("$MAX=2\n~SEQ(N,1,$MAX) 192.0.9.${N}/32", "9.1 9.2"),
    ];
    for (lines, expected) in table {
        assert_eq!(addresses(lines).join(" "), expected, "{lines}");
    }
    let labels = only_instance(&instance_with(
        "virtual_ipaddress {\n~SEQx(X,0xa,0xc) 192.0.33.1${X} label eth0:${X}\n~SEQx(X,0x1a,0x1b) 192.0.3.1 label eth0:${X}\n}",
    ));
    assert_eq!(labels.addresses[1].label.as_deref(), Some("eth0:1a"));
}

#[test]
fn a_wrong_repetition_is_left_out_and_said() {
    for line in [
        "~SEQ(Q,2,0,3) priority 3",
        "~SEQ(Q,1 priority 3",
        "~LST(A,{1,2},3) priority 3",
        "~SEQ(${Q},1) priority 3",
    ] {
        super::assert_says_error(line, "left out");
    }
    let few = instance_with("~LST({A,B},{1},{2,3}) priority 3$A");
    assert_eq!(said(&few).len(), 1, "{}", printed(&few));
    assert_eq!(only_instance(&few).priority.get(), 32);
}

#[test]
fn whole_blocks_are_repeated() {
    let text = "
$VI= \\
vrrp_script chk.${IF}.${ID} { \\
  script \"/bin/check ${ID}\" \\
} \\
vrrp_instance vrrp.${IF}.${ID} { \\
  interface bond${IF} \\
  virtual_router_id ${ID} \\
  priority 130 \\
  virtual_ipaddress { \\
    10.${IF}.0.${ID}/24 \\
  } \\
  track_script { \\
    chk.${IF}.${ID} \\
  } \\
}
~SEQ(IF,0,3) ~SEQ(ID,1,254) $VI
";
    let config = super::usable(text);
    assert_eq!(config.instances.len(), 4 * 254, "{}", printed(text));
    assert_eq!(config.checks.len(), 4 * 254);
    let last = config.instances.last().expect("there are many");
    assert_eq!((&*last.name, last.vrid.get()), ("vrrp.3.254", 254));
    assert_eq!(config.interfaces.len(), 4);
    let said = said(text);
    assert_eq!(said.len(), 3, "{}", printed(text));
    assert!(
        said[2].ends_with("(and 1013 more like this)"),
        "{}",
        said[2]
    );
}

/// Allows so many lines.
struct Short(usize);

impl Sources for Short {
    fn read(&mut self, _: &str, _: &str) -> Result<Vec<SourceText>, String> {
        Ok(Vec::new())
    }

    fn most_lines(&self) -> usize {
        self.0
    }
}

#[test]
fn too_many_lines_are_an_error_that_names_the_limit() {
    let grow = |lines, text: &str| -> Reading { read("k", text, &mut Short(lines)) };
    let text = "\n~SEQ(A,1,1000) ~SEQ(B,1,1000) ~SEQ(C,1,1000) x\nvrrp_instance {\n";
    let reading = grow(5000, text);
    assert_eq!(reading.config, None);
    let errors = reading.diagnostics.iter();
    let errors: Vec<_> = errors.filter(|d| d.severity == Severity::Error).collect();
    assert_eq!(
        (errors.len(), errors[0].line),
        (1, 2),
        "and nothing after it is read"
    );
    assert!(errors[0].message.contains("5000 lines"), "{}", errors[0]);
    let text = instance_with("~SEQ(A,1,10) priority 3");
    assert!(grow(17, &text).config.is_some() && grow(16, &text).config.is_none());
    // Few bytes, many pieces.
    let braces = format!("{}y {{\n}}\n", "~SEQ(A,9) x{}{}{}{}{}{}{}{}\n");
    assert!(grow(40, &braces).config.is_none() && grow(400, &braces).config.is_some());
    let long = format!("$X={}\n{}", "x".repeat(300), "#$X\n~SEQ(A,9) y $X\n");
    assert!(grow(40, &long).config.is_none() && grow(100, &long).config.is_some());
    assert!(
        conf(&"~SEQ(A,1)".repeat(100)).config.is_some(),
        "depth is survived"
    );
}
