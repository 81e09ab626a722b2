//! Reading scenario files: TOML with a place for every value, so that every complaint has one.
//!
//! The text is walked by hand instead of by serde: one pass reports every problem, each with its
//! line, a pointer, and what to write instead.

mod cabling;
mod chaos;
mod config;
mod expectations;
mod faults;
mod fields;
mod forge;
mod includes;
mod network;
mod options;
pub(crate) mod route;
mod source;
mod timeline;
mod watched;

pub use locum_engine::conf::{Diagnostic as Problem, Severity};

pub(crate) use chaos::read_chaos;
pub(crate) use config::node_texts;
pub(crate) use expectations::read_expectations;
pub(crate) use faults::undo;
pub(crate) use fields::{Fields, Sink};
pub(crate) use network::{Named, read_network};
pub(crate) use source::Source;
pub(crate) use timeline::read_timeline;
