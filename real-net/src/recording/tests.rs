//! Records an engine without a network: through the queue, the thread and a file, and back.

use std::io;
use std::path::{Path, PathBuf};
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
    for segment in ring::segments(file).expect("it is a recording") {
        let mut replay = match Replay::new(&segment.bytes) {
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
    for _ in 0..3 {
        daemon(&folder, &path, 500);
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Records so many inputs as a daemon of its own, and gives back the file when they are in it.
fn daemon(folder: &Folder, path: &Path, adverts: u64) -> Vec<u8> {
    let earlier = std::fs::read(path).ok();
    let earlier = earlier.filter(|file| Layout::read(file).is_ok());
    let earlier = earlier.map_or(0, |file| replayed(&file).0);
    let mut engine = engine(folder);
    let config = engine.config().clone();
    // The one before is waited for, but not for ever, and the machine may be busy.
    let end = Wall::now() + Duration::from_secs(60);
    let mut tape = loop {
        match super::open(path, Some(2), &config, &engine) {
            Ok((tape, _)) => break tape,
            Err(e) => assert!(Wall::now() < end, "{e}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    run(&mut engine, &mut tape, 0, adverts);
    drop(tape);
    loop {
        let file = std::fs::read(path).expect("it is there");
        let found = replayed(&file);
        if found == (earlier + adverts + 2, 0) {
            return file;
        }
        assert!(Wall::now() < end, "{found:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A daemon that is started again and again doesn't push out what happened before.
#[test]
fn a_start_costs_what_it_writes() {
    let folder = Folder::new("restarts");
    let path = folder.0.join("recording");
    daemon(&folder, &path, 500);
    let sizes: Vec<u64> = (0..20)
        .map(|_| {
            let file = daemon(&folder, &path, 20);
            let segments = ring::segments(&file).expect("it is a recording");
            let first = Replay::head(&segments[0].bytes).expect("it is whole");
            assert_eq!(first.0.earlier, 0);
            let last = segments.last().expect("there are some").place;
            assert_eq!(last.turn, 1, "one slot is enough");
            last.offset
        })
        .collect();
    let most = sizes.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(most.is_some_and(|most| most < 1000), "{most:?}");
}

/// What another format of an upgraded or downgraded daemon has left is kept, not written over, and
/// doesn't keep this one from recording.
#[test]
fn a_recording_of_another_format_is_kept_beside() {
    let folder = Folder::new("format");
    let path = folder.0.join("recording");
    let layout = Layout {
        slots: 2,
        slot_size: 1 << 20,
    };
    let mut other = layout.header("9.9.9");
    other[8] = 9;
    std::fs::write(&path, other).expect("a file");
    daemon(&folder, &path, 20);
    let kept = std::fs::read(folder.0.join("recording.old")).expect("it is there");
    assert_eq!(kept, other);
    // One of an earlier version with this format is gone on with, under the name of this one.
    let mut file = std::fs::read(&path).expect("it is there");
    let own = file[..ring::HEADER_LEN].to_vec();
    let layout = Layout::read(&file).expect("it is one");
    file[..ring::HEADER_LEN].copy_from_slice(&layout.header("0.0.1"));
    std::fs::write(&path, &file).expect("a file");
    let file = daemon(&folder, &path, 20);
    assert_eq!(file[..ring::HEADER_LEN], own);
    assert_eq!(ring::segments(&file).expect("it is one").len(), 2);
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
    assert!(last.place.turn > 3, "it has begun anew: {last:?}");
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
    assert!(open(4).is_err_and(|e| e.contains("not a recording")));
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

    fn read_at(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let file = self.bytes.lock().expect("nobody panics");
        let there = file.iter().skip(offset as usize).take(len as usize);
        Ok(there.copied().collect())
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
        self.write_at(&layout.header("test"), 0)
            .expect("it is well");
        let (queue, feed) = Queue::new();
        let ring = RingFile::new(self.clone(), layout);
        writer::spawn(ring, feed).expect("a thread");
        Tape::new(queue, "test", engine.config())
    }

    fn heads(&self) -> Vec<Head<'static>> {
        let file = self.bytes.lock().expect("nobody panics");
        let segments = ring::segments(&file).expect("it is a recording");
        let heads = segments
            .iter()
            .filter_map(|segment| Replay::head(&segment.bytes).ok());
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
