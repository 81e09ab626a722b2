use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use locum_engine::conf;

use super::*;

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("locum-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config(globals: &str, notify: &str) -> Arc<Config> {
    let text = format!(
        "global_defs {{\nrouter_id gw1\nscript_user root\n{globals}\n}}\nvrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 150\nvirtual_ipaddress {{\n192.168.0.200\n}}\n{notify}\n}}\n"
    );
    let reading = conf::read("test.conf", &text, &mut conf::NoIncludes);
    Arc::new(reading.config.expect("a sound configuration"))
}

fn changed(from: StateKind, to: StateKind, why: Reason) -> Event {
    let instance = InstanceId(0);
    Event::StateChanged {
        instance,
        from,
        to,
        why,
    }
}

const BECAME_BACKUP: (StateKind, StateKind, Reason) =
    (StateKind::Init, StateKind::Backup, Reason::Started);

fn events() -> [Event; 4] {
    let (from, to, why) = BECAME_BACKUP;
    let silent = Reason::Owner;
    [
        changed(from, to, why),
        changed(StateKind::Backup, StateKind::Master, silent),
        changed(StateKind::Master, StateKind::Fault, Reason::LinkDown),
        changed(StateKind::Fault, StateKind::Init, Reason::Stopping),
    ]
}

/// A script that writes its arguments into `to`, a line each time it runs.
fn recorder(folder: &Folder, to: &Path, before: &str) -> String {
    let script = folder.file("record.sh");
    let text = format!("#!/bin/sh\n{before}\necho \"$*\" >> {}\n", to.display());
    fs::write(&script, text).expect("a script");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).expect("it may run");
    script.display().to_string()
}

#[tokio::test]
async fn the_specific_script_runs_first_and_the_general_one_has_four_more_arguments() {
    let folder = Folder::new("order");
    let log = folder.file("log");
    let script = recorder(&folder, &log, "");
    let lines = format!("notify_backup \"{script} specific\"\nnotify \"{script} general\"");
    let mut notifier = Notifier::new(config("", &lines));
    notifier.event(&events()[0]);
    notifier.finish().await;
    let told = fs::read_to_string(&log).expect("scripts ran");
    assert_eq!(told, "specific\ngeneral INSTANCE VI_1 BACKUP 150\n");
}

#[tokio::test]
async fn slow_scripts_hear_of_the_latest_state_in_order() {
    let folder = Folder::new("slow");
    let log = folder.file("log");
    let script = recorder(&folder, &log, "sleep 0.3");
    let mut notifier = Notifier::new(config("", &format!("notify {script}")));
    for event in &events() {
        notifier.event(event);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    notifier.finish().await;
    let told = fs::read_to_string(&log).expect("scripts ran");
    assert_eq!(
        told, "INSTANCE VI_1 BACKUP 150\nINSTANCE VI_1 STOP 150\n",
        "what came in between was overtaken"
    );
}

#[tokio::test]
async fn a_script_that_hangs_does_not_hold_up_the_end() {
    let folder = Folder::new("hang");
    let script = recorder(&folder, &folder.file("log"), "sleep 1000");
    let mut notifier = Notifier::new(config("", &format!("notify {script}")));
    notifier.event(&events()[0]);
    let start = Instant::now();
    notifier.finish().await;
    assert!(start.elapsed() < LAST_WORDS + Duration::from_secs(3));
}

#[tokio::test]
async fn the_pipe_gets_keepaliveds_lines() {
    let folder = Folder::new("pipe");
    let path = folder.file("events");
    let globals = format!(
        "vrrp_notify_fifo {}\nvrrp_notify_priority_changes",
        path.display()
    );
    let mut notifier = Notifier::new(config(&globals, ""));
    let reader = fs::File::open(&path).expect("it is made");
    for event in &events()[..2] {
        notifier.event(event);
    }
    let (instance, to) = (InstanceId(0), Priority(70));
    let from = Priority(150);
    notifier.event(&Event::PriorityChanged { instance, from, to });
    notifier.event(&events()[2]);
    notifier.finish().await;
    let told = std::io::read_to_string(reader).expect("lines");
    assert_eq!(
        told,
        "INSTANCE \"VI_1\" BACKUP 150\nINSTANCE \"VI_1\" MASTER 150\n\
         INSTANCE \"VI_1\" MASTER_PRIORITY 70\nINSTANCE \"VI_1\" FAULT 70\n"
    );
    assert!(!path.exists(), "the pipe is taken away");
}

#[tokio::test]
async fn a_file_in_the_place_of_the_pipe_is_left_alone() {
    let folder = Folder::new("file");
    let path = folder.file("events");
    fs::write(&path, "precious").expect("a file");
    let globals = format!("notify_fifo {}", path.display());
    let mut notifier = Notifier::new(config(&globals, ""));
    notifier.event(&events()[0]);
    notifier.finish().await;
    assert_eq!(fs::read_to_string(&path).expect("still there"), "precious");
}

#[tokio::test]
async fn a_pipe_that_nobody_reads_never_blocks() {
    let folder = Folder::new("full");
    let globals = format!("notify_fifo {}", folder.file("events").display());
    let mut notifier = Notifier::new(config(&globals, ""));
    for _ in 0..50_000 {
        notifier.event(&events()[0]);
    }
    assert!(notifier.pipes.lost() > 0, "the pipe is full by now");
    notifier.finish().await;
}

#[tokio::test]
async fn mail_reaches_the_server_with_keepaliveds_subject() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let server = server.expect("a port on loopback");
    let port = server.local_addr().expect("bound").port();
    let letter = tokio::spawn(one_letter(server));
    let globals = format!(
        "notification_email {{\nops@example.org\n}}\nnotification_email_from gw@example.org\nsmtp_server 127.0.0.1 {port}\nsmtp_alert\nno_email_faults"
    );
    let mut notifier = Notifier::new(config(&globals, ""));
    notifier.event(&events()[2]);
    notifier.event(&events()[1]);
    notifier.finish().await;
    let letter = letter.await.expect("the server is well");
    assert!(
        letter.contains("Subject: [gw1] VRRP Instance VI_1 - Entering MASTER STATE"),
        "{letter}"
    );
    assert!(letter.contains("To: ops@example.org"), "{letter}");
}

/// As much of a mail server as one letter needs (RFC 5321).
async fn one_letter(server: tokio::net::TcpListener) -> String {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let (stream, _) = server.accept().await.expect("somebody comes");
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 test\r\n").await.expect("greeted");
    let (mut letter, mut data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.expect("a line") == 0 {
            return letter;
        }
        let answer: &[u8] = match line.trim_end() {
            "." if data => {
                data = false;
                b"250 taken\r\n"
            }
            _ if data => {
                letter += &line;
                continue;
            }
            "DATA" => {
                data = true;
                b"354 go on\r\n"
            }
            "QUIT" => return letter,
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await.expect("answered");
    }
}
