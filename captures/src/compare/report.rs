//! A comparison in words: the first differences, decoded, and a table of what came out.

use std::fmt::{self, Write};
use std::time::Duration;

use locum_engine::time::Seconds;

use super::{Comparison, Difference, Options, What};
use crate::listing::{Line, Listing};
use crate::timing::{Cause, Timing, signed};

impl Comparison {
    /// The first `most` differences, each with the frame it is about, and how many more there are.
    pub fn differences_in_words(&self, a: &Listing, b: &Listing, most: usize) -> String {
        let mut text = String::new();
        for difference in self.differences.iter().take(most) {
            // Writing to a String can't fail.
            let _ = describe(&mut text, difference, [a, b]);
        }
        let more = self.differences.len().saturating_sub(most);
        if more > 0 {
            let _ = writeln!(text, "... and {more} more");
        }
        text
    }

    /// One line for each sender: how many frames of each kind there are in either capture, how many
    /// are equal, how many differences there are, and the largest difference in time.
    pub fn table(&self, options: &Options) -> String {
        let mut text = String::new();
        let _ = self.write_table(&mut text, options);
        text
    }

    fn write_table(&self, text: &mut String, options: &Options) -> fmt::Result {
        let tolerance = Seconds(Duration::from_nanos(options.tolerance_ns));
        writeln!(
            text,
            "{:<17} {:>11} {:>15} {:>7} {:>12}  largest difference in time (up to {tolerance} is the same)",
            "sender", "adverts", "announcements", "equal", "differences",
        )?;
        for row in &self.senders {
            writeln!(
                text,
                "{:<17} {:>11} {:>15} {:>7} {:>12}  {}",
                row.sender.to_string(),
                versus(row.adverts),
                versus(row.announcements),
                row.equal,
                row.differences,
                Seconds(Duration::from_nanos(row.worst_ns)),
            )?;
        }
        let kernel = versus(self.kernel);
        writeln!(text, "the kernels' own frames, not compared: {kernel}")
    }
}

fn versus([a, b]: [usize; 2]) -> String {
    format!("{a} | {b}")
}

fn describe(text: &mut String, difference: &Difference, listings: [&Listing; 2]) -> fmt::Result {
    let heading = match &difference.what {
        What::Bytes(_) => "differs",
        What::Missing => "only in the first",
        What::Extra => "only in the second",
        What::Time { .. } => "comes at another time",
    };
    writeln!(text, "{}: {heading}", difference.sender)?;
    for (name, (listing, frame)) in ["a", "b"]
        .iter()
        .zip(listings.iter().zip(difference.frames))
    {
        if let Some(index) = frame {
            let line = Line {
                entry: &listing.entries[index],
                begin_ns: listing.begin_ns(),
            };
            writeln!(text, "  {name} {line}")?;
        }
    }
    match &difference.what {
        What::Bytes(fields) => {
            let nothing = "(not there)";
            for field in fields {
                let a = field.a.as_deref().unwrap_or(nothing);
                let b = field.b.as_deref().unwrap_or(nothing);
                writeln!(text, "    {:<26} {a} | {b}", field.name)?;
            }
            Ok(())
        }
        What::Missing | What::Extra => Ok(()),
        What::Time { a, b, by_ns } => {
            writeln!(text, "    a: {}", why(a, listings[0]))?;
            writeln!(text, "    b: {}", why(b, listings[1]))?;
            let by = Seconds(Duration::from_nanos(by_ns.unsigned_abs()));
            let how = if *by_ns < 0 { "earlier" } else { "later" };
            writeln!(text, "    b comes {by} {how}")
        }
    }
}

/// `1.000093 s after frame 12, its advert before`.
fn why(timing: &Timing, listing: &Listing) -> String {
    let reason = match timing.cause {
        Cause::Start => return "its first, with nobody heard before".to_owned(),
        Cause::Unseen => return "nothing on the wire that explains it".to_owned(),
        Cause::Interval => "its advert before",
        Cause::Silence => "the last advert it heard",
        Cause::Resignation => "the resignation it heard",
        Cause::Answer => "the advert it answers",
        Cause::Before => "its frame before",
    };
    let gap = Seconds(Duration::from_nanos(timing.gap_ns));
    let of = timing.of.map_or(0, |index| listing.entries[index].number);
    let mut text = format!("{gap} after frame {of}, {reason}");
    if let Some(late) = timing.late_ns() {
        let formula = Seconds(Duration::from_nanos(timing.formula_ns.unwrap_or_default()));
        let _ = write!(text, " (by the formula {formula}, so {})", signed(late));
    }
    text
}
