//! Tracked files and processes: what is known of them now.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::weight::{Standing, known};
use crate::config::{ProcessConfig, Weight};
use crate::time::Instant;

/// The number in a tracked file: blanks, a sign, digits; whatever follows doesn't count, and
/// anything else is 0, as keepalived reads it. Beyond 32 bits it stays at the limit.
pub fn tracked_value(content: &[u8]) -> i32 {
    let text = content.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    let size = digits.fold(0_i64, |sum, digit| {
        (sum * 10 + i64::from(digit - b'0')).min(1 << 31)
    });
    let value = if negative { -size } else { size };
    let limited = value.clamp(i32::MIN.into(), i32::MAX.into());
    i32::try_from(limited).expect("limited to 32 bits")
}

/// What the number in a file means for an instance (keepalived 2.2.7): the number times the weight
/// moves the priority, by 253 at most; -254 or less is a fault. With weight 0 every number but 0 is
/// a fault; in reverse, 0 is.
pub(super) fn file_standing(value: Option<i32>, weight: Weight) -> Standing {
    let Some(value) = value else {
        return match weight.value {
            0 => Standing::Pending,
            _ => Standing::Fine,
        };
    };
    if weight.value == 0 {
        return match (value != 0) != weight.reverse {
            true => Standing::Fault,
            false => Standing::Fine,
        };
    }
    let product = i64::from(value) * i64::from(weight.value);
    match if weight.reverse { -product } else { product } {
        ..=-254 => Standing::Fault,
        0 => Standing::Fine,
        shift => Standing::Shift(i16::try_from(shift.min(253)).expect("within 253")),
    }
}

/// The verdict on one tracked process.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Process {
    count: u32,
    good: Option<bool>,
    /// When the other verdict begins to count.
    turns_at: Option<Instant>,
}

impl Process {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.turns_at
    }

    pub(crate) fn verdict(&self) -> Option<bool> {
        self.good
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Takes a count. The new verdict, if there is one at once; the first counts at once.
    pub(super) fn counted(
        &mut self,
        spec: &ProcessConfig,
        count: u32,
        now: Instant,
    ) -> Option<bool> {
        self.count = count;
        let good = spec.is_good(count);
        let delay = match (self.good, good) {
            (None, _) => Duration::ZERO,
            (Some(known), _) if known == good => {
                self.turns_at = None;
                return None;
            }
            (Some(_), true) => spec.fork_delay,
            (Some(_), false) => spec.terminate_delay,
        };
        self.turns_at = self.turns_at.or(Some(now + delay));
        self.due(spec, now)
    }

    /// The new verdict, if its time has come.
    pub(super) fn due(&mut self, spec: &ProcessConfig, now: Instant) -> Option<bool> {
        self.turns_at.take_if(|at| now >= *at)?;
        self.good = Some(spec.is_good(self.count));
        self.good
    }

    pub(super) fn standing(&self, weight: Weight) -> Standing {
        match self.good {
            Some(good) => known(good, weight),
            None if weight.value == 0 => Standing::Pending,
            None => Standing::Fine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ParameterMatch, ProcessPattern};

    #[test]
    fn numbers_are_read_as_keepalived_reads_them() {
        let rows: [(&[u8], i32); 10] = [
            (b"", 0),
            (b"5", 5),
            (b" \n-12 apples\n", -12),
            (b"+7\n", 7),
            (b"0x10", 0),
            (b"ten", 0),
            (b"-", 0),
            (b"99999999999999999999", i32::MAX),
            (b"-99999999999999999999", i32::MIN),
            (b"\xff\xfe", 0),
        ];
        for (content, value) in rows {
            assert_eq!(tracked_value(content), value, "{content:?}");
        }
    }

    #[test]
    fn the_table_of_files() {
        use Standing::{Fault, Fine, Pending, Shift};
        let rows = [
            (None, 0, false, Pending),
            (None, 0, true, Pending),
            (None, 1, false, Fine),
            (Some(0), 0, false, Fine),
            (Some(-1), 0, false, Fault),
            (Some(0), 0, true, Fault),
            (Some(1), 0, true, Fine),
            (Some(0), 5, false, Fine),
            (Some(3), 5, false, Shift(15)),
            (Some(3), 5, true, Shift(-15)),
            (Some(-3), 5, true, Shift(15)),
            (Some(-253), 1, false, Shift(-253)),
            (Some(-254), 1, false, Fault),
            (Some(254), 1, true, Fault),
            (Some(254), 1, false, Shift(253)),
            (Some(i32::MIN), 254, false, Fault),
            (Some(i32::MIN), -254, false, Shift(253)),
        ];
        for (value, weight, reverse, standing) in rows {
            let given = Weight {
                value: weight,
                reverse,
            };
            assert_eq!(file_standing(value, given), standing, "{value:?} {given:?}");
        }
    }

    #[test]
    fn a_verdict_turns_only_after_its_delay() {
        let spec = ProcessConfig {
            name: "web".into(),
            pattern: ProcessPattern {
                command: "web".into(),
                parameters: Vec::new(),
                parameter_match: ParameterMatch::Any,
                full_command: false,
            },
            quorum: 2,
            quorum_max: 3,
            fork_delay: Duration::from_secs(1),
            terminate_delay: Duration::from_secs(2),
        };
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        let mut process = Process::default();
        assert_eq!(
            process.counted(&spec, 2, at(0)),
            Some(true),
            "the first counts"
        );
        assert_eq!(process.counted(&spec, 1, at(1)), None);
        assert_eq!(process.counted(&spec, 0, at(2)), None);
        assert_eq!(process.deadline(), Some(at(3)), "the wait isn't begun anew");
        assert_eq!(process.counted(&spec, 3, at(2)), None);
        assert_eq!(process.deadline(), None, "a blip passes unnoticed");
        assert_eq!(process.counted(&spec, 4, at(5)), None, "too many");
        assert_eq!(process.due(&spec, at(6)), None);
        assert_eq!(process.due(&spec, at(7)), Some(false));
        assert_eq!(process.counted(&spec, 2, at(8)), None);
        assert_eq!(process.due(&spec, at(9)), Some(true));
    }
}
