//! A recording made into a scenario: what one node was told, retold as what happened around it.
//!
//! A node knows its own links, checks, files and commands, and of its peers their adverts. From these
//! the network is invented: one switch for each interface, one node for each peer that was heard, and
//! a timeline that gives the node the same story. What can't be known (why a peer fell silent) or
//! isn't carried over is said in comments of the file. It isn't the incident, it is one that looks
//! the same from where the recording was made.

mod conf;
mod nodes;
mod peers;
mod story;
mod write;

pub use story::{Story, Transition};

use crate::playback::Run;

/// The text of a scenario file, made of the last stretch of a run in which nothing is missing.
///
/// # Errors
/// When there is nothing to tell, in words.
pub fn scenario(run: &Run) -> Result<String, String> {
    let story = Story::of(run)?;
    Ok(write::write(&story))
}
