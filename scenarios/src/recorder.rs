//! Records the daemons of a simulation as `locum` records itself: the same bytes, in memory.

use core::fmt;
use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use locum_engine::config::Config;
use locum_engine::recording::ring::{self, Layout, Place};
use locum_engine::recording::{Medium, Packed, Tape, Texts};
use locum_sim::fault::Fault;
use locum_sim::run::Listeners;
use locum_sim::topology::HostId;

use crate::format::node_texts;
use crate::scenario::Scenario;

/// The daemons' recordings. Clones are the same.
#[derive(Clone)]
pub struct Recorder {
    reels: Rc<RefCell<Vec<Reel>>>,
    texts: Rc<Vec<(HostId, Arc<Config>, Texts)>>,
    /// Records of a segment, in bytes; then another begins.
    segment: usize,
}

/// One segment of one host's daemon.
#[derive(Debug)]
struct Reel {
    host: HostId,
    bytes: Vec<u8>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// For a run of this scenario, in segments of so many bytes.
    pub fn new(scenario: &Scenario, segment: usize) -> Self {
        let folder = scenario.folder.as_deref();
        let text_of = |host: HostId, text: &str| {
            let name = &scenario.topology.hosts[host.index()].name;
            node_texts(name, text, folder)
        };
        let written = scenario.topology.routers().filter_map(|(host, spec)| {
            let name = &scenario.topology.hosts[host.index()].name;
            let text = scenario.configurations.get(name)?;
            Some((host, Arc::clone(&spec.config), text_of(host, text)))
        });
        let reloaded = scenario.timeline.iter().filter_map(|timed| {
            let Fault::Reload(host, file) = &timed.fault else {
                return None;
            };
            let config = file.config.as_ref()?;
            Some((*host, Arc::clone(config), text_of(*host, &file.text)))
        });
        Self {
            reels: Rc::default(),
            texts: Rc::new(written.chain(reloaded).collect()),
            segment,
        }
    }

    /// Who records.
    pub fn listeners(&self) -> Listeners {
        let recorder = self.clone();
        Listeners::new(move |host, config| {
            let medium = Memory {
                recorder: recorder.clone(),
                host,
                reel: None,
            };
            let tape = Tape::new(medium, env!("CARGO_PKG_VERSION"), config);
            Some(Box::new(tape))
        })
    }

    /// The recording of a host's daemons as a file, whole however long it is; `None` when none ran.
    pub fn file(&self, host: HostId) -> Option<Vec<u8>> {
        let reels = self.reels.borrow();
        let segments: Vec<&[u8]> = reels
            .iter()
            .filter(|reel| reel.host == host)
            .map(|reel| &*reel.bytes)
            .collect();
        let longest = segments.iter().map(|bytes| bytes.len()).max()?;
        let frame = ring::SLOT_HEADER_LEN + ring::FRAME_HEADER_LEN + size_of::<u32>();
        let layout = Layout {
            slots: u32::try_from(segments.len() + 1).ok()?,
            slot_size: (longest + frame).max(64) as u64,
        };
        let mut file = layout.header(env!("CARGO_PKG_VERSION")).to_vec();
        for (turn, bytes) in (1..).zip(segments) {
            let start = usize::try_from(layout.offset(layout.slot_of(turn))).ok()?;
            let (frame, _) = Place::first(turn).frame(bytes, true);
            let content = [&ring::slot_header(turn)[..], &frame].concat();
            file.resize(file.len().max(start + content.len()), 0);
            file[start..start + content.len()].copy_from_slice(&content);
        }
        Some(file)
    }
}

/// One daemon's segments.
#[derive(Debug)]
struct Memory {
    recorder: Recorder,
    host: HostId,
    reel: Option<usize>,
}

impl Medium for Memory {
    fn wants_segment(&mut self) -> bool {
        let reels = self.recorder.reels.borrow();
        let len = self.reel.map(|reel| reels[reel].bytes.len());
        len.is_none_or(|len| len >= self.recorder.segment)
    }

    fn begin(&mut self, end: &[u8], head: &[u8]) -> bool {
        let mut reels = self.recorder.reels.borrow_mut();
        if let Some(reel) = self.reel {
            reels[reel].bytes.extend_from_slice(end);
        }
        self.reel = Some(reels.len());
        reels.push(Reel {
            host: self.host,
            bytes: head.to_vec(),
        });
        true
    }

    fn more(&mut self, bytes: &[u8], _weighty: bool) -> bool {
        let mut reels = self.recorder.reels.borrow_mut();
        let Some(reel) = self.reel else {
            return false;
        };
        reels[reel].bytes.extend_from_slice(bytes);
        true
    }

    /// 2026-01-01, as the simulation has it when a run begins; a little later for each segment, so
    /// that no two runs of one daemon are the same.
    fn wall(&self) -> Duration {
        let segments = self.recorder.reels.borrow().len() as u64;
        Duration::from_secs(1_767_225_600) + Duration::from_nanos(segments)
    }

    fn texts(&mut self, config: &Config) -> Packed {
        let known = self.recorder.texts.iter();
        let mut known = known.filter(|(host, _, _)| *host == self.host);
        let found = known.find(|(_, known, _)| **known == *config);
        found.map_or_else(Packed::default, |(_, _, texts)| Packed::new(texts))
    }
}
