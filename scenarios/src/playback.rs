//! A recording as a person wants to look at it: the runs of the daemon in it, each in stretches
//! without a gap, played through the engine of this version.

use core::time::Duration;

use locum_engine::recording::ring::{self, NoRecording, Segment};
use locum_engine::recording::{Head, Replay, ReplayError, Step};

/// A recording, read.
#[derive(Debug)]
pub struct Recording {
    /// The oldest first.
    pub runs: Vec<Run>,
}

/// What is left of one run of a daemon.
#[derive(Debug)]
pub struct Run {
    /// When it began, since 1970 in nanoseconds: its name.
    pub began: u64,
    /// Each can be played by itself.
    pub segments: Vec<Vec<u8>>,
}

impl Recording {
    /// Reads a file. What isn't whole in it is left out; a segment whose beginning is torn can't be
    /// played.
    ///
    /// # Errors
    /// When it isn't a recording that this version reads.
    pub fn read(file: &[u8]) -> Result<Self, NoRecording> {
        let mut runs: Vec<Run> = Vec::new();
        for Segment { bytes, .. } in ring::segments(file)? {
            let Ok((head, _)) = Replay::head(&bytes) else {
                continue;
            };
            match runs.last_mut().filter(|run| run.began == head.run) {
                Some(run) => run.segments.push(bytes),
                None => runs.push(Run {
                    began: head.run,
                    segments: vec![bytes],
                }),
            }
        }
        Ok(Self { runs })
    }
}

/// What comes of playing a run, in order.
#[derive(Debug)]
pub enum Played<'a> {
    /// A segment begins; so many inputs before it are missing.
    Begins {
        /// How it begins.
        head: &'a Head<'static>,
        /// Inputs that weren't recorded, or have been written over.
        missing: u64,
        /// This version makes another configuration of the same text.
        config_differs: bool,
    },
    /// An input, and what came of it.
    Input(&'a Step, &'a Head<'static>),
    /// The segment before didn't lead to the state in which this one begins.
    OtherState,
    /// A segment can't be played, or not further.
    Stuck(ReplayError),
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Inputs played.
    pub inputs: u64,
    /// Outputs that came of them.
    pub outputs: u64,
    /// Inputs of which something else came than the daemon's own engine made of them.
    pub different: u64,
    /// Inputs that are missing between two segments.
    pub missing: u64,
    /// Segments that couldn't be played to their end, and states that weren't arrived at.
    pub stuck: u64,
    /// The last segment was closed in order: the daemon stopped.
    pub closed: bool,
}

impl Verdict {
    /// Whether this engine decides as the daemon did.
    pub fn is_same(&self) -> bool {
        self.different == 0 && self.stuck == 0 && self.inputs > 0
    }
}

impl Run {
    /// Plays it, and tells `see` what happens.
    pub fn play(&self, mut see: impl FnMut(Played<'_>)) -> Verdict {
        let mut verdict = Verdict::default();
        let mut before: Option<Replay<'_>> = None;
        let mut last = None;
        for bytes in &self.segments {
            let mut replay = match Replay::new(bytes) {
                Ok(replay) => replay,
                Err(e) => {
                    verdict.stuck += 1;
                    see(Played::Stuck(e));
                    (before, last) = (None, None);
                    continue;
                }
            };
            let head = replay.beginning().clone();
            let missing = last.map_or(head.earlier, |last| head.earlier.saturating_sub(last));
            if last.is_some() {
                verdict.missing += missing;
            }
            let config_differs = replay.config_differs();
            see(Played::Begins {
                head: &head,
                missing,
                config_differs,
            });
            let leads_here = before.take().filter(|_| missing == 0);
            if leads_here.is_some_and(|before| !before.arrives_at(&head)) {
                verdict.stuck += 1;
                see(Played::OtherState);
            }
            let mut number = head.earlier;
            loop {
                match replay.step() {
                    Ok(None) => break,
                    Ok(Some(step)) => {
                        verdict.inputs += 1;
                        verdict.outputs += step.outputs.len() as u64;
                        verdict.different += u64::from(step.difference.is_some());
                        number = step.number;
                        see(Played::Input(&step, &head));
                    }
                    Err(e) => {
                        verdict.stuck += 1;
                        see(Played::Stuck(e));
                        break;
                    }
                }
            }
            verdict.closed = replay.is_closed();
            last = Some(number);
            before = Some(replay);
        }
        verdict
    }
}

/// A wall clock's time in words, UTC: `2026-11-28 09:16:27.123456`.
pub fn utc(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from March, so that a leap day is the last one of its year; 400 years have
    // 146,097 days.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{date:02} {:02}:{:02}:{:02}.{:06}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        since_1970.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendar_s() {
        let of = |seconds| utc(Duration::from_secs(seconds));
        assert_eq!(of(0), "1970-01-01 00:00:00.000000");
        assert_eq!(of(951_782_399), "2000-02-28 23:59:59.000000");
        assert_eq!(of(951_782_400), "2000-02-29 00:00:00.000000");
        assert_eq!(of(1_767_225_600), "2026-01-01 00:00:00.000000");
        assert_eq!(of(4_107_542_400), "2100-03-01 00:00:00.000000");
    }
}
