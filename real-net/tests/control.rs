//! The control socket and the metrics, with a loop, real sockets and clients that behave and don't.

use std::fs;
use std::future::poll_fn;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::Config;
use locum_engine::ids::InterfaceId;
use locum_engine::plan::Plan;
use locum_engine::{Command, Engine, Input, LinkState};
use locum_real_net::control::cli::Everything;
use locum_real_net::control::client::{Client, ClientError};
use locum_real_net::control::message::{Line, Outcome, REQUEST_MAX, Request};
use locum_real_net::control::{Control, Reread, Socket, orders};
use locum_real_net::desk::{About, Desk};
use locum_real_net::metrics::{self, Address, Listener};
use locum_real_net::{clock, runtime};

/// Patient with a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// An engine's loop in a thread of its own; ends when dropped.
struct Daemon {
    folder: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    metrics: String,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        let _ = fs::remove_dir_all(&self.folder);
        if !std::thread::panicking() {
            assert!(!matches!(ended, Some(Err(_))), "the loop panicked");
        }
    }
}

fn read(instances: usize, name: &str, priority: u8) -> Config {
    let mut text = "vrrp_script gw {\n script \"/bin/true\"\n weight 2\n}\n".to_owned();
    for n in 1..=instances {
        text += &format!(
            "vrrp_instance {name}_{n} {{\n interface eth{}\n virtual_router_id {}\n priority {priority}\n \
             advert_int 1\n track_script {{\n gw\n }}\n virtual_ipaddress {{\n 10.0.{}.{}\n }}\n}}\n",
            n / 250,
            n % 250 + 1,
            n / 250,
            n % 250 + 1,
        );
    }
    let reading = conf::read("k.conf", &text, &mut NoIncludes);
    reading.config.expect("it can be read")
}

/// What a daemon's file says: it names a configuration by its priority, or isn't one.
fn reread(running: &Config, file: Option<&Path>) -> Reread {
    let outcome = match file {
        Some(file) if file == Path::new("/bad") => Err("it can't be used; see above".to_owned()),
        _ => {
            let count = running.instances.len();
            let config = read(count, "VI", if file.is_some() { 30 } else { 50 });
            let plan = Plan::new(running, &config);
            Ok((Box::new(config), plan))
        }
    };
    Reread {
        file: "k.conf".to_owned(),
        diagnostics: vec!["a remark".to_owned()],
        outcome,
    }
}

impl Daemon {
    fn start(instances: usize) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("locum-control-{}-{count}", std::process::id()));
        let stop = Arc::new(AtomicBool::new(false));
        let (told, listens) = std::sync::mpsc::channel();
        let (socket, stopped) = (folder.join("sub/c"), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime = runtime().expect("a runtime");
            runtime.block_on(turn(instances, &socket, &stopped, &told));
        });
        let metrics = listens.recv_timeout(SOON).expect("it listens");
        Self {
            folder,
            stop,
            thread: Some(thread),
            metrics,
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("sub/c")
    }

    fn client(&self) -> Client {
        Client::connect(&self.socket()).expect("it listens")
    }

    fn ask(&self, request: &Request) -> (bool, Vec<Line>) {
        let mut lines = Vec::new();
        let ok = self.client().ask(request, |line| lines.push(line));
        (ok.expect("an answer"), lines)
    }

    fn everything(&self) -> Everything {
        let all = Everything::ask(&mut self.client(), None);
        all.expect("an answer").expect("of everything")
    }
}

/// The daemon's loop without its network: time passes, orders are carried out, nobody is heard.
async fn turn(
    instances: usize,
    socket: &Path,
    stop: &AtomicBool,
    told: &std::sync::mpsc::Sender<String>,
) {
    let mut config = read(instances, "VI", 100);
    let mut engine = Engine::new(config.clone());
    let mut desk = Desk::new(About {
        config: "k.conf".into(),
        started: clock::wall(),
    });
    let (sender, mut ordered) = orders();
    let listened = Socket::bind(socket).expect("nobody else is there");
    Control::new(desk.counter(), sender).serve(listened);
    let local: Address = "127.0.0.1:0".parse().expect("an address");
    let listener = Listener::bind(&local).expect("a port");
    let Listener::Tcp(tcp) = &listener else {
        panic!("TCP");
    };
    let place = tcp.local_addr().expect("bound").to_string();
    metrics::serve(listener, desk.counter());
    let give = |engine: &mut Engine, input: Input<'_>| {
        engine.handle(clock::monotonic(), input);
        while engine.poll_output().is_some() {}
    };
    let state = LinkState {
        up: true,
        address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        ..LinkState::default()
    };
    for id in 0..config.interfaces.len() {
        let interface = InterfaceId(id as u16);
        give(&mut engine, Input::Link { interface, state });
    }
    give(&mut engine, Input::Command(Command::Start));
    told.send(place).expect("somebody waits");
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    while !stop.load(Ordering::Relaxed) {
        let command = poll_fn(|cx| {
            desk.poll(cx, &engine);
            if let Poll::Ready(command) = ordered.poll(cx, &config, &mut reread) {
                return Poll::Ready(Some(command));
            }
            ticks.poll_tick(cx).map(|_| None)
        })
        .await;
        match command {
            Some(command) => give(&mut engine, Input::Command(command)),
            None => give(&mut engine, Input::Timeout),
        }
        config = engine.config().clone();
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn status_tells_of_everything_and_of_one_instance() {
    let daemon = Daemon::start(300);
    eventually("all are master", || {
        let all = daemon.everything();
        all.instances().iter().all(|i| i.state == "master")
    });
    let all = daemon.everything();
    let names: Vec<&str> = all.instances().iter().map(|i| &*i.name).collect();
    let expected: Vec<String> = (1..=300).map(|n| format!("VI_{n}")).collect();
    assert_eq!(names, expected, "each once, in the order of the file");
    let one = &all.instances()[0];
    assert_eq!(one.reason.as_deref(), Some("master_silent"));
    let master = one.master.as_ref().expect("it is");
    assert!(master.us && master.address.as_deref() == Some("192.0.2.1"));
    assert_eq!(one.trackers[0].name, "gw");
    let request = Request::Status {
        instance: Some("VI_7".into()),
    };
    let (ok, lines) = daemon.ask(&request);
    let one: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Instance(seen) => Some(&*seen.name),
            _ => None,
        })
        .collect();
    assert!(ok && one == ["VI_7"], "{lines:?}");
    let (ok, lines) = daemon.ask(&Request::Status {
        instance: Some("vi_7".into()),
    });
    let why = "there is no instance `vi_7`; did you mean `VI_7`?";
    assert!(!ok && lines == [Line::Error(why.into())], "{lines:?}");
}

#[test]
fn the_socket_is_the_owner_s_alone_and_of_one_daemon() {
    let daemon = Daemon::start(1);
    let mode = fs::metadata(daemon.socket()).expect("it is there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let socket = daemon.socket();
    let second = runtime().expect("a runtime").block_on(async {
        let second = Socket::bind(&socket);
        second.map(drop).map_err(|e| e.kind())
    });
    assert_eq!(second, Err(std::io::ErrorKind::WouldBlock));
    daemon.everything();
}

#[test]
fn a_socket_that_a_killed_daemon_has_left_behind_is_replaced() {
    let folder = std::env::temp_dir().join(format!("locum-leftover-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("c");
    drop(UnixListener::bind(&path).expect("a socket"));
    let nobody = Client::connect(&path).expect_err("nobody listens");
    assert!(matches!(nobody, ClientError::NotRunning(_)), "{nobody}");
    assert!(nobody.to_string().contains("is locum running"), "{nobody}");
    runtime().expect("a runtime").block_on(async {
        let socket = Socket::bind(&path).expect("it is free");
        assert!(UnixStream::connect(&path).is_ok());
        drop(socket);
    });
    assert!(!path.exists(), "removed at the end");
    fs::remove_dir_all(&folder).expect("the folder");
}

#[test]
fn what_is_no_request_is_answered_and_what_never_ends_is_cut_off() {
    let daemon = Daemon::start(1);
    let mut stream = UnixStream::connect(daemon.socket()).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut answer = |request: &str| {
        stream.write_all(request.as_bytes()).expect("sent");
        let (mut text, mut lines) = (String::new(), 0);
        while !text.contains("\"end\"") {
            lines += reader.read_line(&mut text).expect("an answer");
            assert!(lines > 0, "cut off");
        }
        text
    };
    let odd = [
        ("hello\n", "not a request"),
        ("{\"command\":\"jump\"}\n", "unknown variant `jump`"),
        ("{\"command\":\"status\",\"x\":1}\n", "unknown field `x`"),
        (
            "{\"command\":\"drain\",\"within\":-1}\n",
            "`within` is a number of seconds",
        ),
        (
            "{\"command\":\"log-level\",\"level\":\"loud\"}\n",
            "`loud` is no level",
        ),
        (
            "{\"command\":\"resume\",\"instance\":\"\"}\n",
            "there is no instance",
        ),
    ];
    for (request, why) in odd {
        let text = answer(request);
        assert!(
            text.contains(why) && text.contains("\"ok\":false"),
            "{request}: {text}"
        );
    }
    assert!(
        answer("{\"command\":\"status\"}\n").contains("\"ok\":true"),
        "goes on"
    );
    let endless = vec![b' '; REQUEST_MAX + 1];
    // It may be cut off before all of it is sent.
    let _ = stream.write_all(&endless);
    let mut rest = Vec::new();
    let cut = reader.read_to_end(&mut rest);
    assert!(cut.is_err() || rest.is_empty(), "{rest:?}");
    daemon.everything();
}

/// Clients that ask for much and take nothing, and those that say nothing, hold up nobody; more than
/// there are places for are told so.
#[test]
fn clients_that_stall_hold_up_nobody() {
    let daemon = Daemon::start(300);
    let stalled: Vec<UnixStream> = (0..10)
        .map(|_| {
            let mut stream = UnixStream::connect(daemon.socket()).expect("it listens");
            stream
                .write_all(b"{\"command\":\"status\"}\n")
                .expect("sent");
            stream
        })
        .collect();
    assert_eq!(daemon.everything().instances().len(), 300);
    let mut silent = Vec::new();
    eventually("somebody finds no place", || {
        let mut stream = UnixStream::connect(daemon.socket()).expect("it listens");
        let glance = Duration::from_millis(1500);
        stream.set_read_timeout(Some(glance)).expect("a limit");
        let mut text = [0; 64];
        let read = stream.read(&mut text);
        silent.push(stream);
        read.is_ok_and(|n| String::from_utf8_lossy(&text[..n]).contains("too many clients"))
    });
    assert!(silent.len() > 6, "sixteen have a place");
    drop((stalled, silent));
    eventually("there is room again", || {
        let mut client = daemon.client();
        matches!(Everything::ask(&mut client, None), Ok(Ok(_)))
    });
}

#[test]
fn a_plan_changes_nothing_and_a_reload_does_what_it_said() {
    let daemon = Daemon::start(2);
    let priority = || daemon.everything().instances()[0].base_priority;
    let (ok, planned) = daemon.ask(&Request::Plan { file: None });
    let told = |line: &str| planned.contains(&Line::Plan(line.into()));
    assert!(
        ok && told("vrrp_instance VI_1: changed while it runs"),
        "{planned:?}"
    );
    assert!(told("    priority 100 -> 50"), "{planned:?}");
    assert!(planned.contains(&Line::Diagnostic("a remark".into())));
    assert_eq!(priority(), 100);
    let (ok, _) = daemon.ask(&Request::Plan {
        file: Some("/other".into()),
    });
    assert!(ok);
    let (ok, lines) = daemon.ask(&Request::Plan {
        file: Some("/bad".into()),
    });
    let why = Line::Error("k.conf: it can't be used; see above".into());
    assert!(!ok && lines.contains(&why), "{lines:?}");
    let (ok, reloaded) = daemon.ask(&Request::Reload {});
    assert!(ok && reloaded == planned, "{reloaded:?}");
    eventually("it goes on with the other priority", || priority() == 50);
}

#[test]
fn a_drain_says_that_nobody_took_over() {
    let daemon = Daemon::start(1);
    let drain = |within| Request::Drain {
        instance: Some("VI_1".into()),
        within,
    };
    let outcome = |lines: &[Line]| match lines {
        [Line::Drained(drained)] => (drained.instance.clone(), drained.outcome),
        other => panic!("{other:?}"),
    };
    let (ok, lines) = daemon.ask(&drain(0.2));
    assert!(
        ok && outcome(&lines) == ("VI_1".into(), Outcome::NotMaster),
        "{lines:?}"
    );
    let (ok, _) = daemon.ask(&Request::Resume { instance: None });
    assert!(ok);
    eventually("it is master", || {
        daemon.everything().instances()[0].state == "master"
    });
    let (ok, lines) = daemon.ask(&drain(0.2));
    assert!(
        !ok && outcome(&lines) == ("VI_1".into(), Outcome::Nobody),
        "{lines:?}"
    );
    let seen = daemon.everything();
    let seen = &seen.instances()[0];
    assert_eq!((seen.state.as_str(), seen.priority), ("master", 1));
    assert!(seen.drain.as_ref().is_some_and(|drain| drain.over));
}

/// The status line and the body of one request.
fn get(place: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(place).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (
        head.lines().next().unwrap_or_default().to_owned(),
        body.to_owned(),
    )
}

#[test]
fn metrics_and_health_are_served_over_http() {
    let daemon = Daemon::start(300);
    let ask = |words: &str| get(&daemon.metrics, &format!("{words} HTTP/1.0\r\n\r\n"));
    let (status, body) = ask("GET /healthz");
    assert!(status.ends_with(" 200 OK"), "{status}");
    assert!(body.starts_with("ok\n"), "{body}");
    let (status, body) = ask("GET /metrics");
    assert!(status.ends_with(" 200 OK"), "{status}");
    let states = body.matches("\nlocum_instance_state{").count();
    assert_eq!(states, 300, "each once");
    for name in metrics::names() {
        assert!(body.contains(&format!("# TYPE {name} ")), "{name}");
    }
    assert!(ask("GET /").0.ends_with(" 404 Not Found"));
    assert!(ask("POST /metrics").0.ends_with(" 405 Method Not Allowed"));
}

#[test]
fn http_clients_that_stall_are_cut_off_and_their_number_is_bounded() {
    let daemon = Daemon::start(1);
    let stalled: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(&daemon.metrics).expect("it listens");
            stream.write_all(b"GET /metr").expect("sent");
            stream
        })
        .collect();
    let mut one_more = TcpStream::connect(&daemon.metrics).expect("it listens");
    one_more.set_read_timeout(Some(SOON)).expect("a limit");
    let refused = one_more.read(&mut [0; 16]);
    assert!(matches!(refused, Ok(0) | Err(_)), "turned away at once");
    for mut stream in stalled {
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        let waits = ended.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!waits, "cut off after a few seconds");
    }
    let (status, _) = get(&daemon.metrics, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(status, "HTTP/1.1 200 OK");
}

#[test]
fn places_for_metrics_are_addresses_and_paths() {
    let tcp = |text: &str| matches!(text.parse(), Ok(Address::Tcp(_)));
    assert!(tcp("127.0.0.1:9650") && tcp("[::1]:9650"));
    assert_eq!("/run/x".parse(), Ok(Address::Unix("/run/x".into())));
    assert!("9650".parse::<Address>().is_err() && "localhost:9650".parse::<Address>().is_err());
}
