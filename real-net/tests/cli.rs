//! The command as a script or a person meets it: exit statuses and what is printed. No privileges.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A file of this test's own; removed when dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("locum-cli-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn locum(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_locum"))
        .args(arguments)
        .output()
        .expect("it was built")
}

fn status(arguments: &[&str]) -> Option<i32> {
    locum(arguments).status.code()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SOUND: &str = "\
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    virtual_ipaddress {
        192.168.0.200/24
    }
}
";

#[test]
fn a_sound_configuration_passes() {
    let file = File::new("sound.conf", SOUND);
    let output = locum(&["check", file.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let said = text(&output.stdout);
    assert!(
        said.starts_with("VI_1: virtual router 51 on eth0, VRRP version 2, priority 100.\n"),
        "{said}"
    );
    assert!(
        said.contains("after 3.609375 s without an advert"),
        "{said}"
    );
    assert_eq!(status(&["-t", "-f", file.path()]), Some(0));
}

#[test]
fn a_doubtful_one_says_where_and_can_be_told_from_a_sound_one() {
    let doubtful = SOUND.replace("priority 100", "prioritty 100");
    let file = File::new("doubtful.conf", &doubtful);
    let output = locum(&["check", file.path()]);
    assert_eq!(output.status.code(), Some(5));
    let said = text(&output.stdout);
    assert!(
        said.starts_with(&format!("{}:4:5: warning: ", file.path())),
        "{said}"
    );
    assert!(
        said.contains("\n      prioritty 100\n      ^^^^^^^^^\n"),
        "{said}"
    );
}

#[test]
fn a_note_is_no_reason_to_fail() {
    let noted = SOUND.replace("priority 100", "priority 100\n    debug 4");
    let file = File::new("note.conf", &noted);
    let output = locum(&["check", file.path()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains(":5:5: note: "));
    assert_eq!(status(&["-t", "-f", file.path()]), Some(0));
    assert_eq!(status(&["check", "a", "b"]), Some(2), "wrong arguments");
}

#[test]
fn an_unusable_or_missing_one_is_refused_by_every_command() {
    let file = File::new("unusable.conf", "vrrp_instance VI_1 {\n}\n");
    assert_eq!(status(&["check", file.path()]), Some(2));
    assert_eq!(status(&["-t", "-f", file.path()]), Some(2));
    let output = locum(&["-n", "-l", "-f", file.path()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no interface"));
    assert_eq!(status(&["check", "/no/such/file"]), Some(2));
    assert_eq!(status(&["run", "-f", "/no/such/file"]), Some(2));
}

#[test]
fn nothing_to_run_has_its_own_status() {
    let file = File::new("empty.conf", "global_defs {\n    router_id X\n}\n");
    assert_eq!(status(&["-n", "-f", file.path()]), Some(6));
    let file = File::new("checkers.conf", SOUND);
    assert_eq!(status(&["-n", "-C", "-f", file.path()]), Some(6));
}

#[test]
fn remarks_of_a_test_go_to_the_file_that_was_given() {
    let file = File::new("noted.conf", "vrrp_instance VI_1 {\n}\n");
    let log = File::new("noted.log", "");
    let flag = format!("--config-test={}", log.path());
    assert_eq!(status(&[&flag, "-f", file.path()]), Some(2));
    let said = std::fs::read_to_string(&log.0).expect("it is there");
    assert!(said.contains("no interface"), "{said}");
}

#[test]
fn includes_are_found_beside_the_file_that_names_them() {
    let part = File::new("part.inc", SOUND);
    let name = part.0.file_name().and_then(|n| n.to_str()).expect("a name");
    let pattern = name.replace("part", "pa?t");
    let file = File::new("whole.conf", &format!("include {pattern}\n"));
    let output = locum(&["check", file.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_missing_include_is_refused_on_request() {
    let file = File::new(
        "includes.conf",
        &format!("include /nowhere/at.all\n{SOUND}"),
    );
    assert_eq!(status(&["-t", "-f", file.path()]), Some(5));
    let output = locum(&["-t", "-e", "-f", file.path()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/nowhere/at.all"));
    // So is the start, before privileges are looked at.
    assert_eq!(status(&["-n", "-e", "-f", file.path()]), Some(2));
}

#[test]
fn lines_for_other_nodes_are_left_out() {
    let both = SOUND.replace(
        "    priority 100",
        "    @one priority 100\n    @two priority 0",
    );
    let file = File::new("nodes.conf", &both);
    assert_eq!(status(&["check", file.path(), "-i", "one"]), Some(0));
    assert_eq!(status(&["-t", "-f", file.path(), "-i", "one"]), Some(0));
    assert_ne!(status(&["check", file.path(), "-i", "two"]), Some(0));
}

#[test]
fn a_probe_is_a_plain_command() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let open = listener.local_addr().expect("bound").to_string();
    assert_eq!(status(&["probe", "tcp", &open]), Some(0));
    drop(listener);
    let output = locum(&["probe", "tcp", &open, "--timeout", "0.5"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).starts_with("0 of 1 answered, 1 needed; "));
    for wrong in [
        &["probe", "png", "10.0.0.1"][..],
        &["probe", "ping"],
        &["probe"],
    ] {
        let output = locum(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn unknown_words_are_refused() {
    assert_eq!(status(&["jump"]), Some(2));
    assert_eq!(status(&["--no-such-flag"]), Some(2));
    assert_eq!(status(&["--version"]), Some(0));
}
