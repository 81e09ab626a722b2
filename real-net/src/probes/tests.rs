//! Checks run to their end, fail, hang and are cancelled, on this host's loopback.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use locum_engine::probe::{HttpTarget, ProbeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn check(command: CheckCommand) -> Config {
    let check = CheckConfig {
        name: "c".into(),
        command,
        interval: LONG,
        timeout: LONG,
        rise: 1,
        fall: 1,
        init_fail: false,
        user: None,
    };
    Config {
        checks: vec![check],
        ..Config::default()
    }
}

fn script(words: &[&str]) -> Config {
    let words = words.iter().map(|w| Arc::from(*w)).collect();
    check(CheckCommand::Script(words))
}

async fn run(config: &Config, timeout: Duration) -> Outcome {
    let mut probes = TaskProbes::new(config);
    probes.start(CheckId(0), timeout);
    poll_fn(|cx| probes.poll_result(cx)).await.1
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    crate::runtime().expect("a runtime").block_on(future)
}

fn probe(kind: ProbeKind, quorum: u32) -> Probe {
    Probe {
        kind,
        quorum,
        timeout: Duration::from_millis(500),
    }
}

#[test]
fn a_script_answers_with_its_exit_status() {
    block_on(async {
        let cases: [(&[&str], Outcome); 5] = [
            (&["true"], Outcome::Success),
            (&["sh", "-c", "exit 3"], Outcome::Failure(3)),
            (&["sh", "-c", "kill -9 $$"], Outcome::Failure(137)),
            (&["/no/such/file"], Outcome::NotRun(NotRun::Missing)),
            (&["/etc/passwd"], Outcome::NotRun(NotRun::NotExecutable)),
        ];
        for (words, expected) in cases {
            assert_eq!(run(&script(words), LONG).await, expected, "{words:?}");
        }
    });
}

#[test]
fn a_script_gets_a_clean_environment_and_its_own_group() {
    // The fifth word is the group; a leader's is its own number.
    let line = "read _ _ _ _ group _ < /proc/$$/stat; test -z \"$HOME$CARGO\" && test $group = $$";
    assert_eq!(
        block_on(run(&script(&["sh", "-c", line]), LONG)),
        Outcome::Success
    );
}

#[test]
fn a_script_that_hangs_is_killed_with_its_children() {
    let name = format!("/tmp/locum-hang-{}", std::process::id());
    // The leader dies of TERM, its child ignores it: only the group's KILL ends both.
    let child = format!("trap \"\" TERM; echo $$ > {name}; exec sleep 60");
    let line = format!("sh -c '{child}' & sleep 60");
    block_on(async {
        let outcome = run(&script(&["sh", "-c", &line]), SHORT).await;
        assert_eq!(outcome, Outcome::TimedOut);
        let child = std::fs::read_to_string(&name).expect("the child said its number");
        let _ = std::fs::remove_file(&name);
        let process = format!("/proc/{}/stat", child.trim());
        let dead = || match std::fs::read_to_string(&process) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        for _ in 0..500 {
            if dead() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the child of a cancelled script lives on");
    });
}

#[test]
fn the_result_of_a_cancelled_run_is_not_taken_for_the_next_one() {
    block_on(async {
        let mut probes = TaskProbes::new(&script(&["sleep", "60"]));
        probes.start(CheckId(0), LONG);
        // The cancelled run ends as timed out; nobody asked any more.
        probes.cancel(CheckId(0));
        let nothing = tokio::time::timeout(SHORT, poll_fn(|cx| probes.poll_result(cx))).await;
        assert!(nothing.is_err(), "{nothing:?}");
        let started = Instant::now();
        probes.start(CheckId(0), SHORT);
        let result = poll_fn(|cx| probes.poll_result(cx)).await;
        assert_eq!(result, (CheckId(0), Outcome::TimedOut));
        assert!(started.elapsed() >= SHORT);
    });
}

#[test]
fn nothing_is_run_for_a_user_who_does_not_exist() {
    let mut config = script(&["true"]);
    config.checks[0].user = Some(("nobody-of-this-name".into(), None));
    // Who isn't root can't run scripts as someone else, and doesn't try.
    let expected = match nix::unistd::Uid::effective().is_root() {
        true => Outcome::NotRun(NotRun::NoSuchUser),
        false => Outcome::Success,
    };
    assert_eq!(block_on(run(&config, LONG)), expected);
}

#[test]
fn tcp_tells_open_from_closed_and_counts_a_quorum() {
    block_on(async {
        let open = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let targets = vec![
            open.local_addr().expect("bound"),
            closed.local_addr().expect("bound"),
        ];
        drop(closed);
        let kind = ProbeKind::Tcp { targets };
        assert!(ask(&probe(kind.clone(), 1)).await.succeeded());
        let both = ask(&probe(kind, 2)).await;
        assert!(!both.succeeded());
        assert_eq!(both.outcome(), Outcome::Failure(1));
    });
}

async fn serve(listener: TcpListener, answer: &'static [u8]) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 512];
        let length = stream.read(&mut request).await.expect("a request");
        let request = String::from_utf8_lossy(&request[..length]);
        assert!(request.starts_with("GET /health HTTP/1.1\r\nHost: web\r\n"));
        let _ = stream.write_all(answer).await;
    }
}

async fn http(answer: &'static [u8], status: u16) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address: SocketAddr = listener.local_addr().expect("bound");
    let server = tokio::spawn(serve(listener, answer));
    let target = HttpTarget {
        address,
        host: "web".into(),
        path: "/health".into(),
    };
    let kind = ProbeKind::Http {
        targets: vec![target],
        status,
    };
    let tally = ask(&probe(kind, 1)).await;
    server.abort();
    tally.succeeded()
}

#[test]
fn http_compares_the_status() {
    block_on(async {
        assert!(http(b"HTTP/1.1 200 OK\r\n\r\n", 200).await);
        assert!(!http(b"HTTP/1.1 503 No\r\n\r\n", 200).await);
        assert!(http(b"HTTP/1.1 503 No\r\n\r\n", 503).await);
        assert!(!http(b"", 200).await);
        assert!(!http(&[b'x'; 100_000], 200).await, "an endless line");
    });
}

#[test]
fn http_gives_up_on_a_server_that_says_nothing() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = HttpTarget {
            address: listener.local_addr().expect("bound"),
            host: "web".into(),
            path: "/".into(),
        };
        let kind = ProbeKind::Http {
            targets: vec![target],
            status: 200,
        };
        assert!(!ask(&probe(kind, 1)).await.succeeded());
    });
}

#[test]
fn ping_reaches_the_loopback_where_it_is_allowed() {
    block_on(async {
        let root = nix::unistd::Uid::effective().is_root();
        for target in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let targets: Vec<IpAddr> = vec![target];
            let tally = ask(&probe(ProbeKind::Ping { targets }, 1)).await;
            let no_v6 = tally.to_string().contains("os error 99");
            assert!(tally.succeeded() || !root || no_v6, "{tally}");
        }
    });
}

#[test]
fn a_failed_probe_says_why() {
    block_on(async {
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = closed.local_addr().expect("bound");
        drop(closed);
        let targets = vec![target];
        let tally = ask(&probe(ProbeKind::Tcp { targets }, 1)).await.to_string();
        let start = format!("0 of 1 answered, 1 needed; {target}: Connection refused");
        assert!(tally.starts_with(&start), "{tally}");
    });
}
