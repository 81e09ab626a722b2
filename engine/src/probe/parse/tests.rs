//! Probes in words: what is read, and which word is blamed when it can't be.

use core::time::Duration;

use super::super::{HttpTarget, Probe, ProbeKind};
use super::{ProbeError, parse_probe};

fn parse(line: &str) -> Result<Probe, ProbeError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    parse_probe(&words)
}

fn probe(line: &str) -> Probe {
    parse(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[test]
fn ping_takes_addresses_of_both_families() {
    let read = probe("ping 192.0.2.1 2001:db8::1 localhost");
    let targets = ["192.0.2.1", "2001:db8::1", "127.0.0.1"];
    let targets = targets.map(|target| target.parse().expect("an address"));
    assert_eq!(
        read.kind,
        ProbeKind::Ping {
            targets: targets.to_vec()
        }
    );
    assert_eq!((read.quorum, read.timeout), (1, Duration::from_secs(1)));
}

#[test]
fn options_may_stand_anywhere() {
    for line in [
        "ping 192.0.2.1 192.0.2.2 --quorum 2 --timeout 0.25",
        "ping --timeout=0.25 192.0.2.1 --quorum=all 192.0.2.2",
    ] {
        let read = probe(line);
        assert_eq!(
            (read.quorum, read.timeout),
            (2, Duration::from_millis(250)),
            "{line}"
        );
    }
    assert_eq!(probe("ping --quorum any 192.0.2.1 192.0.2.2").quorum, 1);
}

#[test]
fn arp_may_name_its_interface() {
    let read = probe("arp 192.0.2.1 --interface eth0");
    let targets = vec!["192.0.2.1".parse().expect("an address")];
    let interface = Some("eth0".into());
    assert_eq!(read.kind, ProbeKind::Arp { targets, interface });
}

#[test]
fn tcp_needs_ports() {
    let read = probe("tcp 192.0.2.1:80 [2001:db8::1]:443 localhost:22");
    let targets = ["192.0.2.1:80", "[2001:db8::1]:443", "127.0.0.1:22"];
    let targets = targets.map(|target| target.parse().expect("a socket address"));
    assert_eq!(
        read.kind,
        ProbeKind::Tcp {
            targets: targets.to_vec()
        }
    );
}

#[test]
fn http_splits_urls() {
    let cases = [
        ("http://192.0.2.1", "192.0.2.1:80", "192.0.2.1", "/"),
        (
            "http://192.0.2.1:8080/a/b?c=d#e",
            "192.0.2.1:8080",
            "192.0.2.1:8080",
            "/a/b?c=d",
        ),
        ("http://localhost/up", "127.0.0.1:80", "localhost", "/up"),
        (
            "http://localhost:81?x",
            "127.0.0.1:81",
            "localhost:81",
            "/?x",
        ),
        (
            "http://[2001:db8::1]/",
            "[2001:db8::1]:80",
            "[2001:db8::1]",
            "/",
        ),
        (
            "http://[2001:db8::1]:81/",
            "[2001:db8::1]:81",
            "[2001:db8::1]:81",
            "/",
        ),
    ];
    for (url, address, host, path) in cases {
        let ProbeKind::Http { targets, status } = probe(&format!("http {url}")).kind else {
            panic!("{url}");
        };
        let target = HttpTarget {
            address: address.parse().expect("a socket address"),
            host: host.into(),
            path: path.into(),
        };
        assert_eq!((targets, status), (vec![target], 200), "{url}");
    }
    let ProbeKind::Http { status, .. } = probe("http http://192.0.2.1 --status 204").kind else {
        panic!("http");
    };
    assert_eq!(status, 204);
}

#[test]
fn the_word_at_fault_is_named() {
    let cases = [
        ("", 0, "needs a kind"),
        ("pong 192.0.2.1", 0, "`pong` is not a kind"),
        ("ping", 1, "needs at least one target"),
        ("ping --quorum any", 3, "needs at least one target"),
        ("ping 192.0.2.1 gateway", 2, "names are not resolved"),
        ("ping 192.0.2.1 --quorum 2", 3, "can't be reached"),
        ("ping 192.0.2.1 --quorum 0", 3, "any, all or"),
        ("ping 192.0.2.1 --quorum", 2, "needs a value"),
        ("ping 192.0.2.1 --timeout=0", 2, "above zero"),
        ("ping 192.0.2.1 --timeout 1s", 3, "above zero"),
        (
            "ping 192.0.2.1 --interface eth0",
            2,
            "has no option `--interface`",
        ),
        ("arp 2001:db8::1", 1, "IPv4 addresses only"),
        ("tcp 192.0.2.1", 1, "has no port"),
        ("tcp 192.0.2.1:0", 1, "no valid port"),
        ("tcp web:80", 1, "`web` is not an address"),
        ("http 192.0.2.1", 1, "not an http URL"),
        ("http https://192.0.2.1", 1, "TLS is not supported"),
        ("http http://web/", 1, "`web` is not an address"),
        ("http http:///", 1, "`` is not an address"),
        ("http http://192.0.2.1 --status 99", 3, "from 100 to 599"),
    ];
    for (line, word, part) in cases {
        let Err(error) = parse(line) else {
            panic!("{line} was read")
        };
        assert_eq!(error.word, word, "{line}: {error}");
        assert!(error.message.contains(part), "{line}: {error}");
    }
}

#[test]
fn a_url_can_not_smuggle_a_header() {
    assert!(parse_probe(&["http", "http://192.0.2.1/ HTTP/1.1\r\nX: y"]).is_err());
}
