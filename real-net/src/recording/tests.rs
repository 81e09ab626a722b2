//! Records an engine without a network: through the queue, the thread and a file, and back.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Wall};

use locum_engine::driver::Tap;
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::recording::ring::{self, Layout};
use locum_engine::recording::{Head, Replay, ReplayError, Tape};
use locum_engine::{Command, Engine, Input, Instant, LinkState};

use super::file::{Disk, RingFile};
use super::queue::{Queue, ROOM};
use super::writer;
use crate::load;

const CONF: &str = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 100\n \
                    virtual_ipaddress {\n 192.0.2.200/24\n }\n}\n";

/// A folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("locum-rec-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn engine(folder: &Folder) -> Engine {
    let file = folder.0.join("k.conf");
    std::fs::write(&file, CONF).expect("a file");
    let reading = load::load(&file, None).expect("it can be read");
    Engine::new(reading.config.expect("it can be used"))
}

/// As the driver does it.
fn tell(engine: &mut Engine, tape: &mut dyn Tap, now: Instant, input: Input<'_>) {
    tape.input(engine, now, &input);
    engine.handle(now, input);
    while let Some(output) = engine.poll_output() {
        tape.output(&output);
    }
    tape.settled(engine);
}

/// Starts it, and lets it advertise.
fn run(engine: &mut Engine, tape: &mut dyn Tap, from: u64, adverts: u64) {
    let now = |n: u64| Instant::from_millis(10 * n);
    if from == 0 {
        let state = LinkState {
            up: true,
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            address: Some([192, 0, 2, 1].into()),
            ..LinkState::default()
        };
        let interface = InterfaceId(0);
        tell(engine, tape, now(0), Input::Link { interface, state });
        tell(engine, tape, now(0), Input::Command(Command::Start));
    }
    for n in 1..=adverts {
        tell(engine, tape, now(from + n), Input::Timeout);
    }
}

/// Plays every segment: how many inputs, and how many are missing between them.
fn replayed(file: &[u8]) -> (u64, u64) {
    let (mut inputs, mut lost, mut last) = (0, 0, 0);
    for (_, bytes) in ring::segments(file).expect("it is a recording") {
        let mut replay = match Replay::new(&bytes) {
            Ok(replay) => replay,
            Err(ReplayError::Garbled(_)) => continue,
            Err(e) => panic!("{e}"),
        };
        let earlier = replay.beginning().earlier;
        lost += earlier.saturating_sub(last);
        last = earlier;
        while let Some(step) = replay.step().expect("it is sound") {
            assert_eq!(step.difference, None, "input {}", step.number);
            inputs += 1;
            last += 1;
            assert_eq!(step.number, last);
        }
    }
    (inputs, lost)
}

#[test]
fn what_is_recorded_is_replayed_and_an_earlier_run_stays() {
    let folder = Folder::new("whole");
    let path = folder.0.join("deeper/recording");
    let mut inputs = 0;
    for run_number in 1..=3_u64 {
        let mut engine = engine(&folder);
        let (mut tape, _) = super::open(&path, Some(2), &engine.config().clone(), &engine)
            .expect("it can be opened");
        run(&mut engine, &mut tape, 0, 500);
        drop(tape);
        inputs += 502;
        let end = Wall::now() + Duration::from_secs(60);
        loop {
            let file = std::fs::read(&path).expect("it is there");
            let found = replayed(&file);
            if found == (inputs, 0) {
                break;
            }
            assert!(Wall::now() < end, "run {run_number}: {found:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn it_stays_within_its_size_and_keeps_the_end() {
    let folder = Folder::new("wraps");
    let path = folder.0.join("recording");
    let mut engine = engine(&folder);
    let (mut tape, _) =
        super::open(&path, Some(2), &engine.config().clone(), &engine).expect("it can be opened");
    // In portions, as no clock is waited for here: the queue is bounded.
    for portion in 0..60 {
        run(&mut engine, &mut tape, portion * 10_000, 10_000);
        std::thread::sleep(Duration::from_millis(60));
    }
    drop(tape);
    let file = std::fs::read(&path).expect("it is there");
    assert!(file.len() <= 2 << 20, "{}", file.len());
    let segments = ring::segments(&file).expect("it is a recording");
    let last = segments.last().expect("there are some");
    assert!(last.0 > 3, "it has begun anew: {}", last.0);
    let (inputs, _) = replayed(&file);
    assert!(inputs > 100_000, "{inputs}");
}

#[test]
fn one_daemon_records_into_a_file_and_nothing_else_is_overwritten() {
    let folder = Folder::new("locked");
    let path = folder.0.join("recording");
    let engine = engine(&folder);
    let open = |size| {
        let opened = super::open(&path, Some(size), &engine.config().clone(), &engine);
        opened.map(|(tape, _)| tape).map_err(|e| e.to_string())
    };
    let first = open(2).expect("nobody else does");
    assert!(open(2).is_err_and(|e| e.contains("another daemon")));
    drop(first);
    // The writer is waited for, but not for ever, and the machine may be busy.
    let end = Wall::now() + Duration::from_secs(60);
    while open(4).is_err_and(|e| e.contains("another daemon")) {
        assert!(Wall::now() < end, "it is still locked");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(folder.0.join("recording.old").exists());
    std::fs::write(&path, b"my diary, which is longer than any header").expect("a file");
    assert!(open(4).is_err_and(|e| e.contains("isn't a recording")));
    let diary = std::fs::read(&path).expect("it is there");
    assert!(diary.starts_with(b"my diary"));
}

/// A disk that can be told to fail or to hang.
#[derive(Clone, Default)]
struct Moody {
    bytes: Arc<Mutex<Vec<u8>>>,
    full: Arc<AtomicBool>,
    refused: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Disk for Moody {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        while self.hangs.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.full.load(Ordering::Relaxed) {
            self.refused.store(true, Ordering::Relaxed);
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut file = self.bytes.lock().expect("nobody panics");
        let end = offset as usize + bytes.len();
        if file.len() < end {
            file.resize(end, 0);
        }
        file[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Moody {
    fn begin(&self, engine: &Engine) -> Tape<Queue> {
        let layout = Layout {
            slots: 4,
            slot_size: 4 * ROOM as u64,
        };
        self.write_at(&layout.header(), 0).expect("it is well");
        let (queue, feed) = Queue::new();
        let ring = RingFile::new(self.clone(), layout, None);
        writer::spawn(ring, feed).expect("a thread");
        Tape::new(queue, "test", engine.config())
    }

    fn heads(&self) -> Vec<Head<'static>> {
        let file = self.bytes.lock().expect("nobody panics");
        let segments = ring::segments(&file).expect("it is a recording");
        let heads = segments
            .iter()
            .filter_map(|(_, bytes)| Replay::head(bytes).ok());
        heads.map(|(head, _)| head).collect()
    }
}

/// Tells more until something holds.
fn until(engine: &mut Engine, tape: &mut dyn Tap, told: &mut u64, holds: impl Fn() -> bool) {
    let end = Wall::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Wall::now() < end, "it didn't come");
        run(engine, tape, *told, 100);
        *told += 100;
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_disk_that_is_full_or_hangs_costs_a_gap_and_no_time() {
    let folder = Folder::new("moody");
    let mut engine = engine(&folder);
    let disk = Moody::default();
    let mut tape = disk.begin(&engine);
    let mut told = 0;
    until(&mut engine, &mut tape, &mut told, || {
        !disk.heads().is_empty()
    });
    // The disk is full for a while.
    disk.full.store(true, Ordering::Relaxed);
    until(&mut engine, &mut tape, &mut told, || {
        disk.refused.load(Ordering::Relaxed)
    });
    disk.full.store(false, Ordering::Relaxed);
    until(&mut engine, &mut tape, &mut told, || {
        disk.heads().len() == 2
    });
    // It hangs, for longer than the queue has room for: nobody waits for it.
    disk.hangs.store(true, Ordering::Relaxed);
    run(&mut engine, &mut tape, told, 200_000);
    told += 200_000;
    disk.hangs.store(false, Ordering::Relaxed);
    until(&mut engine, &mut tape, &mut told, || {
        disk.heads().len() >= 3
    });
    drop(tape);
    // The writer is waited for, but not for ever, and the machine may be busy.
    let end = Wall::now() + Duration::from_secs(60);
    let (inputs, lost) = loop {
        let file = disk.bytes.lock().expect("nobody panics").clone();
        let (inputs, lost) = replayed(&file);
        if inputs + lost == told + 2 {
            break (inputs, lost);
        }
        let late = Wall::now() > end;
        assert!(
            !late,
            "{inputs} and {lost} of {told}: what isn't recorded is counted"
        );
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(lost > 1000 && inputs > 200, "{lost} lost, {inputs} kept");
}
