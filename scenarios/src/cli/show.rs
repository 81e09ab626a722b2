//! `rehearse show`: what the frames of a capture say, one line each.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use locum_captures::PcapError;
use locum_captures::listing::{Kind, Line, Listing};
use locum_scenarios::report::{BAD, DIM, FAULT, GOOD, Palette};

use super::{Answer, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// A pcap or pcapng file.
    file: PathBuf,
    /// Only what the daemons sent, without the kernels' own ARP, ICMP and the like.
    #[arg(long)]
    daemons: bool,
}

pub(super) fn show(out: &mut impl Write, palette: Palette, args: &ShowArgs) -> Answer {
    let (listing, whole) = open(&args.file)?;
    let begin_ns = listing.begin_ns();
    for entry in &listing.entries {
        if args.daemons && !entry.kind.is_daemons() {
            continue;
        }
        for comment in &entry.frame.comments {
            writeln!(out, "{}", palette.paint(FAULT, format!("# {comment}")))?;
        }
        let line = Line { entry, begin_ns };
        match &entry.kind {
            Kind::Kernel(_) => writeln!(out, "{}", palette.paint(DIM, line))?,
            Kind::Announcement(_) => writeln!(out, "{}", palette.paint(GOOD, line))?,
            Kind::Unreadable(_) => writeln!(out, "{}", palette.paint(BAD, line))?,
            Kind::Advert(_) => writeln!(out, "{line}")?,
        }
    }
    Ok(whole)
}

/// Reads and decodes a capture, and says whether it is whole. One that ends inside a frame, because
/// whoever recorded it was killed or had no room, has all frames before; standard error says so.
pub(super) fn open(file: &Path) -> Result<(Listing, bool), Failure> {
    let name = file.display();
    match locum_captures::read_file(file) {
        Ok(frames) => Ok((Listing::new(frames), true)),
        Err(PcapError::Truncated { before }) => {
            let frame = before.len() + 1;
            let remark = "what comes before is whole";
            let _ = writeln!(
                io::stderr(),
                "{name}: the file ends inside frame {frame}; {remark}"
            );
            Ok((Listing::new(before), false))
        }
        Err(error) => Err(Failure::Said(format!("{name}: {error}"))),
    }
}
