//! `recording` and `recording_size`.

use super::{instance_with, said, usable};
use crate::config::Recording;

fn recording(lines: &str) -> (Recording, Vec<String>) {
    let text = format!("global_defs {{\n{lines}\n}}\n{}", instance_with(""));
    (usable(&text).recording, said(&text))
}

#[test]
fn a_run_is_recorded_unless_told_otherwise() {
    let quiet = |on, file: Option<&str>, size| {
        let file = file.map(Into::into);
        (Recording { on, file, size }, Vec::<String>::new())
    };
    assert_eq!(recording(""), quiet(true, None, None));
    assert_eq!(recording("recording off"), quiet(false, None, None));
    assert_eq!(recording("recording on"), quiet(true, None, None));
    let file = "recording /var/log/vrrp.rec\nrecording_size 64";
    assert_eq!(
        recording(file),
        quiet(true, Some("/var/log/vrrp.rec"), Some(64))
    );
    for wrong in [
        "recording vrrp.rec",
        "recording_size 0",
        "recording_size all",
    ] {
        let (read, said) = recording(wrong);
        assert_eq!((read, said.len()), (Recording::default(), 1), "{said:?}");
    }
    let (_, said) = recording("recording vrrp.rec");
    assert!(said[0].contains("a file with its whole path"), "{said:?}");
}
