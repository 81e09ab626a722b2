//! `recording` and `recording_size` in `global_defs`: keywords of ours, as `address_lease` is.

use std::sync::Arc;

use super::value::{literal, number, without_semicolon};
use crate::conf::source::Report;
use crate::conf::tree::Item;
use crate::config::Recording;

/// The smallest file and the largest, in MiB.
const SIZES: core::ops::RangeInclusive<u32> = 2..=4096;

/// What is given of it.
#[derive(Debug, Default)]
pub(in crate::conf) struct RecordingDraft {
    off: bool,
    file: Option<Arc<str>>,
    size: Option<u16>,
}

impl RecordingDraft {
    /// Reads one line. False when it is about something else.
    pub(super) fn read(&mut self, item: &Item, report: &mut Report) -> bool {
        match item.keyword.text.as_str() {
            "recording" => self.place(item, report),
            "recording_size" => {
                let read = number(item, SIZES, "the line is ignored", report);
                let read = read.and_then(|(size, _)| u16::try_from(size).ok());
                self.size = read.or(self.size);
            }
            _ => return false,
        }
        true
    }

    fn place(&mut self, item: &Item, report: &mut Report) {
        let Some(value) = literal(item, report) else {
            return;
        };
        let value = without_semicolon(value, report);
        match value.text {
            "off" | "no" | "false" => self.off = true,
            "on" | "yes" | "true" => self.off = false,
            path if path.starts_with('/') => {
                (self.off, self.file) = (false, Some(path.into()));
            }
            _ => {
                let message = "`recording` is `off`, `on`, or a file with its whole path: the line is ignored";
                report.warning(value.span, message);
            }
        }
    }

    pub(in crate::conf) fn settle(&self) -> Recording {
        Recording {
            on: !self.off,
            file: self.file.clone(),
            size: self.size,
        }
    }
}
