//! Any bytes as a recording, at each of its levels: the file, a segment, records, an engine's state.
//! Nothing panics or allocates more than is there, and what is a record is read to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use locum_engine::config::Config;
use locum_engine::recording::{Decoder, Replay, ring};
use locum_engine::{Engine, Instant};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(segments) = ring::segments(bytes) {
        let all: usize = segments.iter().map(|s| s.bytes.len()).sum();
        assert!(all <= bytes.len());
        segments.iter().for_each(|s| segment(&s.bytes));
    }
    segment(bytes);
    let mut decoder = Decoder::new(bytes, Instant::ZERO, 64);
    let mut records = 0;
    while let Ok(Some(_)) = decoder.next_entry() {
        records += 1;
        // A record is two bytes at least: its tag and the time.
        assert!(records * 2 <= bytes.len());
    }
    let _ = Engine::restore(Config::default(), bytes);
});

fn segment(bytes: &[u8]) {
    if let Ok((head, records)) = Replay::head(bytes) {
        assert!(records.len() < bytes.len());
        let _ = head.wall_at(Instant::FAR_FUTURE);
        let _ = head.texts.unpack();
    }
}
