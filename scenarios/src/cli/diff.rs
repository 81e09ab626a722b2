//! `rehearse diff`: two captures compared as protocols.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use locum_captures::{Deviation, Frame, Listing, Options, compare};
use locum_engine::time::nanos;
use locum_scenarios::report::{BAD, GOOD, Palette};
use locum_scenarios::units::{SPAN_HELP, parse_span};

use super::show::open;
use super::{Answer, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// What is expected: a pcap or pcapng file.
    a: PathBuf,
    /// What is compared with it.
    b: PathBuf,
    /// How far two times may be apart.
    #[arg(long, default_value = "20ms", value_parser = span)]
    tolerance: Duration,
    /// The first is a recording of keepalived, and here we differ on purpose; may be repeated.
    #[arg(long = "deviation", value_name = "NAME")]
    deviations: Vec<Deviation>,
    /// Show so many differences.
    #[arg(long, default_value_t = 10)]
    first: usize,
}

pub(super) fn diff(out: &mut impl Write, palette: Palette, args: &DiffArgs) -> Answer {
    let (mut a, whole_a) = open(&args.a)?;
    let (b, whole_b) = open(&args.b)?;
    for (file, listing) in [(&args.a, &a), (&args.b, &b)] {
        if listing.routers().is_empty() {
            let message = "no VRRP and no announcement in it: nothing to compare";
            return Err(Failure::Said(format!("{}: {message}", file.display())));
        }
    }
    for deviation in &args.deviations {
        let frames: Vec<Frame> = a.entries.into_iter().map(|entry| entry.frame).collect();
        let (frames, places) = deviation.apply(frames);
        writeln!(out, "{deviation}: {places} on purpose")?;
        a = Listing::new(frames);
    }
    let options = Options {
        tolerance_ns: nanos(args.tolerance),
        start_ns: [start(&a), start(&b)],
    };
    let comparison = compare(&a, &b, &options);
    write!(
        out,
        "{}",
        comparison.differences_in_words(&a, &b, args.first)
    )?;
    writeln!(out, "{}", comparison.table(&options))?;
    let count = comparison.differences.len();
    match comparison.is_same() {
        true => writeln!(out, "{}", palette.paint(GOOD, "the same"))?,
        false => writeln!(
            out,
            "{}",
            palette.paint(BAD, format!("{count} differences"))
        )?,
    }
    Ok(comparison.is_same() && whole_a && whole_b)
}

/// Runs, simulated or real, begin at their own zero; other captures at some time after 1970.
fn start(listing: &Listing) -> Option<u64> {
    const YEAR_NS: u64 = 365 * 86_400 * 1_000_000_000;
    (listing.begin_ns() < YEAR_NS).then_some(0)
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| SPAN_HELP.to_owned())
}
