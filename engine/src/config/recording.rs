//! Whether, where and how much a daemon records.

use std::sync::Arc;

/// `recording` and `recording_size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// `recording off` is false.
    pub on: bool,
    /// `recording FILE`; where the daemon thinks best when absent.
    pub file: Option<Arc<str>>,
    /// `recording_size`: the file is never larger, in MiB. As much as suits the configuration when
    /// absent.
    pub size: Option<u16>,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            on: true,
            file: None,
            size: None,
        }
    }
}
