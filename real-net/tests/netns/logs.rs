//! The log, as the journal and a file get it; and a journal that hangs.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP, founding};

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn the_journal_gets_fields_and_holds_nothing_up_when_it_hangs() {
    let mut lab = Lab::new(&["A"]);
    let (socket, file) = (lab.file("journal"), lab.file("json.log"));
    let journal = UnixDatagram::bind(&socket).expect("a socket");
    journal.set_read_timeout(Some(SOON)).expect("it can");
    // Only the daemon sees this /run: `ip netns exec` has given it mounts of its own.
    let mounts = format!(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
         ln -s {} /run/systemd/journal/socket && exec \"$@\" --log-format json -g{}",
        socket.display(),
        file.display()
    );
    lab.start_under(
        &["sh", "-c", &mounts, "sh"],
        "A",
        Kind::Locum,
        &founding("A"),
    );
    let mut buffer = [0; 4096];
    let start = Instant::now();
    let entry = loop {
        let length = journal.recv(&mut buffer).expect("the daemon logs");
        let entry = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if entry.contains("\nSTATE=master\n") {
            break entry;
        }
        assert!(start.elapsed() < SOON, "no transition");
    };
    assert!(
        entry.starts_with("PRIORITY=6\nSYSLOG_IDENTIFIER=locum\n"),
        "{entry}"
    );
    for field in [
        "MESSAGE=VI_1: backup -> master: ",
        "INSTANCE=VI_1\n",
        "REASON=no master",
    ] {
        assert!(entry.contains(field), "{entry}");
    }
    // One line for the transition, in the file too.
    let transition = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let lines = text.lines().filter(|l| l.contains("\"state\":\"master\""));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let start = Instant::now();
    while transition().is_empty() {
        assert!(start.elapsed() < SOON, "nothing in {}", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    let lines = transition();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with('{') && lines[0].contains("\"instance\":\"VI_1\""),
        "{lines:?}"
    );
    // Nobody reads any more, and there is much to say.
    let capture = lab.capture();
    for _ in 0..30 {
        lab.daemon("A").signal(Signal::SIGHUP);
        std::thread::sleep(Duration::from_millis(100));
    }
    lab.stays(VIP, &["A"], Duration::from_millis(500));
    let adverts = capture.adverts();
    let gaps = adverts
        .windows(2)
        .map(|w| (w[1].at - w[0].at).as_secs_f64());
    let longest = gaps.fold(0.0, f64::max);
    assert!(
        adverts.len() >= 3 && longest < 1.5,
        "{longest}: {adverts:?}"
    );
    lab.daemon("A").signal(Signal::SIGTERM);
    assert!(
        lab.daemon("A").await_end(SOON).success(),
        "it ends without the journal"
    );
}

/// No journal, but a syslog, which is started anew while the daemon runs.
#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn syslog_gets_a_line_for_each_transition_and_may_be_started_anew() {
    let mut lab = Lab::new(&["A"]);
    let socket = lab.file("log");
    let open = || {
        let _ = fs::remove_file(&socket);
        let syslog = UnixDatagram::bind(&socket).expect("a socket");
        syslog.set_read_timeout(Some(SOON)).expect("it can");
        syslog
    };
    let hears = |syslog: &UnixDatagram, wanted: &str| {
        let (mut buffer, start) = ([0; 4096], Instant::now());
        loop {
            let length = syslog.recv(&mut buffer).expect("the daemon logs");
            let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if line.contains(wanted) {
                return line;
            }
            assert!(start.elapsed() < SOON, "no {wanted}");
        }
    };
    let syslog = open();
    // Only the daemon sees this /run, without a journal, and this /dev.
    let mounts = format!(
        "mount -t tmpfs none /run && mkdir /run/dev && mount --bind /dev /run/dev && \
         mount -t tmpfs none /dev && ln -s /run/dev/null /run/dev/urandom /dev && \
         ln -s {} /dev/log && exec \"$@\" -S 3",
        socket.display()
    );
    lab.start_under(
        &["sh", "-c", &mounts, "sh"],
        "A",
        Kind::Locum,
        &founding("A"),
    );
    let line = hears(&syslog, "VI_1: backup -> master: ");
    // Facility local3 is 19, and 6 is informational.
    assert!(line.starts_with("<158>"), "{line}");
    let pid = lab.daemon("A").pid();
    assert!(line.contains(&format!(" locum[{pid}]: VI_1: ")), "{line}");
    drop(syslog);
    let syslog = open();
    lab.pull("A");
    hears(&syslog, "VI_1: master -> fault: link down");
}
