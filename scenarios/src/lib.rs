//! The catalogue of scenarios, the format they are written in, and what is made of a run.
//!
//! A scenario file says in TOML what the network is, what goes wrong in it, and what has to come
//! of that. [`Scenario`] reads one; `locum-sim` carries it out; [`check()`] and [`report`] look at
//! the records of the run. No protocol knowledge lives here.

pub mod catalogue;
pub mod chaos;
pub mod check;
pub mod expect;
mod format;
pub mod history;
pub mod incident;
pub mod performance;
pub mod playback;
pub mod real;
pub mod recorder;
pub mod report;
pub mod say;
pub mod scenario;
pub mod units;
pub mod words;

pub use check::{Outcome, check};
pub use expect::{Expectation, Expected};
pub use format::{Problem, Severity};
pub use performance::Performance;
pub use scenario::Scenario;
