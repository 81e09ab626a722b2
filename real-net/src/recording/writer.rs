//! The thread that writes.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::GATHER;
use super::file::{Disk, RingFile};
use super::queue::{Feed, ROOM, Waiting};

/// What is kept free of a slot besides what may wait: for the headers of frames.
const SPARE: usize = 4096;

/// Without a failure for so long, it works.
const WELL: Duration = Duration::from_secs(5);

/// Starts it.
pub(super) fn spawn<D: Disk>(ring: RingFile<D>, feed: Feed) -> io::Result<()> {
    let named = thread::Builder::new().name("recording".to_owned());
    let writer = Writer {
        ring,
        feed,
        segment: 0,
        failed: None,
    };
    named.stack_size(128 << 10).spawn(move || writer.run())?;
    Ok(())
}

struct Writer<D> {
    ring: RingFile<D>,
    feed: Feed,
    /// As the daemon's thread counts them.
    segment: u64,
    /// When it last did, until it is well again.
    failed: Option<Instant>,
}

impl<D: Disk> Writer<D> {
    fn run(mut self) {
        // The daemon's thread wakes this one by it.
        let _ = self.feed.shared.writer.set(thread::current());
        loop {
            // Before the queue is looked at: what was handed over before the end is written.
            let stop = self.feed.shared.stop.load(Ordering::Acquire);
            let waiting = self.feed.shared.take();
            if waiting.bytes.is_empty() {
                if stop {
                    break;
                }
                thread::park();
                continue;
            }
            self.write(&waiting);
            drop(waiting);
            if !stop {
                thread::sleep(GATHER);
            }
        }
        let Self { ring, feed, .. } = self;
        let _ = ring.sync();
        // Closed, and no longer locked, before the daemon goes on ending.
        drop(ring);
        let _ = feed.ended.send(());
    }

    fn write(&mut self, waiting: &Waiting) {
        let ends = waiting.begins.iter().skip(1).map(|(begin, _)| *begin);
        let ends = ends.chain([waiting.bytes.len()]);
        let first = waiting.begins.first().map(|(begin, _)| *begin);
        self.frame(&waiting.bytes[..first.unwrap_or(waiting.bytes.len())]);
        for (&(begin, segment), end) in waiting.begins.iter().zip(ends) {
            let _ = self.ring.sync();
            self.segment = segment;
            let begun = self.ring.begin(end - begin, ROOM + SPARE);
            self.note(begun);
            self.frame(&waiting.bytes[begin..end]);
        }
        if waiting.weighty {
            let _ = self.ring.sync();
        }
        if self.ring.room() < (ROOM + SPARE) as u64 {
            self.feed.shared.full.store(self.segment, Ordering::Relaxed);
        }
    }

    fn frame(&mut self, content: &[u8]) {
        if self.feed.shared.broken.load(Ordering::Relaxed) < self.segment {
            let written = self.ring.write(content);
            self.note(written);
        }
    }

    /// One line in the log when it begins to fail, one when it has worked for a while: on a disk that is
    /// full a few bytes may still fit.
    fn note(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) if self.failed.is_some_and(|last| last.elapsed() > WELL) => {
                self.failed = None;
                info!("recording again");
            }
            Ok(()) => {}
            Err(e) => {
                let broken = &self.feed.shared.broken;
                broken.store(self.segment, Ordering::Relaxed);
                if self.failed.replace(Instant::now()).is_none() {
                    warn!("the recording has a gap from here on: {e}");
                }
            }
        }
    }
}
