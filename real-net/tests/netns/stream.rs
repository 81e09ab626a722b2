//! The stream of events, as a program reads it through a whole failover: a line of JSON for each change.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP, founding};

/// What a line is about, and the change.
fn told(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let about = ["instance", "group", "check"].map(text);
    let about = about
        .iter()
        .find(|about| *about != "-")
        .expect("it is about something");
    match line["event"].as_str() {
        Some("check") => format!("check {about} {}", line["good"]),
        Some("priority") => format!("priority {about} {}", line["to"]),
        Some(event) => format!(
            "{event} {about} {} {} {}",
            text("from"),
            text("to"),
            text("reason")
        ),
        None => panic!("{line}"),
    }
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_whole_failover_is_in_the_stream_of_events() {
    let mut lab = Lab::new(&["A", "B"]);
    let says = lab.file("says");
    let script = lab.file("check.sh");
    std::fs::write(&says, "0").expect("written");
    crate::privileges::program(&script, &format!("exit $(cat {})", says.display()));
    let socket = lab.file("events");
    let globals = format!(
        "global_defs {{\n    event_stream {}\n    script_user root",
        socket.display()
    );
    let before = format!(
        "vrrp_script up {{\n    script {}\n    interval 1\n    weight 5\n}}\n\
         vrrp_sync_group G {{\n    group {{\n        VI_1\n    }}\n    sync_group_tracking_weight\n}}\nvrrp_instance",
        script.display()
    );
    let configuration = founding("B")
        .replacen("global_defs {", &globals, 1)
        .replacen("vrrp_instance", &before, 1)
        .replacen(
            "    advert_int 1",
            "    advert_int 1\n    track_script {\n        up\n    }",
            1,
        );
    lab.start(
        "A",
        Kind::Locum,
        &founding("A").replace("priority 100", "priority 110"),
    );
    lab.await_holders(VIP, &["A"], SOON);
    lab.start("B", Kind::Locum, &configuration);
    let mut stream = connect(&socket);
    // It has heard of the first result, or hears of it now.
    std::thread::sleep(Duration::from_secs(1));
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], SOON);
    std::fs::write(&says, "1").expect("written");
    std::thread::sleep(Duration::from_secs(2));
    lab.pull("B");
    lab.await_holders(VIP, &[], SOON);
    lab.daemon("B").signal(Signal::SIGTERM);
    lab.daemon("B").await_end(SOON);
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("lines");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    for pair in lines.windows(2) {
        let number = |at: usize, key: &str| pair[at][key].as_f64().expect("a number");
        assert_eq!(number(1, "seq"), number(0, "seq") + 1.0, "{text}");
        assert!(number(1, "time") >= number(0, "time"), "{text}");
        assert!(pair[1]["text"].is_string(), "{text}");
    }
    let story: Vec<String> = lines.iter().map(told).collect();
    let begin = story
        .iter()
        .position(|line| line.ends_with("backup master master_resigned"));
    let begin = begin.unwrap_or_else(|| panic!("{text}"));
    let expected = [
        "state VI_1 backup master master_resigned",
        "group G backup master master_resigned",
        "check up false",
        "priority VI_1 99",
        "state VI_1 master fault link_down",
        "group G master fault link_down",
        "state VI_1 fault init stopping",
        "group G fault init stopping",
    ];
    assert_eq!(story[begin..], expected, "{text}");
}

/// As soon as the socket is there.
fn connect(socket: &std::path::Path) -> UnixStream {
    let start = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return stream,
            Err(e) => assert!(start.elapsed() < SOON, "{e}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
