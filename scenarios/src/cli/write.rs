//! Writes what a run's taps saw: as pcap, which everything reads, and as pcapng, in which what
//! happened to the network stands as a comment at the first frame after it.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use locum_captures::pcapng::{self, Commented};
use locum_captures::{PcapError, pcap};
use locum_engine::Instant;
use locum_scenarios::performance::Frames;
use locum_scenarios::say;
use locum_sim::fault::TimedFault;
use locum_sim::record::{Observed, Record};
use locum_sim::topology::Topology;

use super::Failure;

/// Two files for each tap, named after it.
pub(super) fn captures(
    folder: &Path,
    topology: &Topology,
    captures: &[(String, Frames)],
    records: &[Record],
) -> Result<(), Failure> {
    let failed = |path: &Path, error: &dyn std::error::Error| {
        Failure::Said(format!("{}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let events = events(topology, records);
    for (name, frames) in captures {
        let file = folder.join(format!("{name}.pcap"));
        let plain = frames.iter().map(|(at, bytes)| (*at, &**bytes));
        pcap::write_file(&file, plain).map_err(|error| failed(&file, &error))?;
        let file = folder.join(format!("{name}.pcapng"));
        commented(&file, name, frames, &events).map_err(|error| failed(&file, &error))?;
    }
    Ok(())
}

/// What the plan did, as entries of a timeline.
fn events(topology: &Topology, records: &[Record]) -> Vec<(Instant, String)> {
    let faults = records.iter().filter_map(|record| match &record.what {
        Observed::Fault(fault) => Some(TimedFault {
            at: record.at,
            fault: fault.clone(),
        }),
        _ => None,
    });
    faults
        .map(|fault| (fault.at, say::as_toml(topology, &fault)))
        .collect()
}

fn commented(
    file: &Path,
    interface: &str,
    frames: &Frames,
    events: &[(Instant, String)],
) -> Result<(), PcapError> {
    let times: Vec<Instant> = frames.iter().map(|(at, _)| *at).collect();
    let comments = pcapng::beside(&times, events);
    let frames = frames.iter().zip(&comments);
    let frames = frames.map(|((at, bytes), comments)| Commented {
        at: *at,
        bytes,
        comments,
    });
    let out = File::create(file).map_err(|source| PcapError::Io {
        action: "creating the capture",
        source,
    })?;
    pcapng::write(BufWriter::new(out), interface, frames)
}
