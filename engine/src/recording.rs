//! The recording of a run: everything that went into an engine, in few bytes, and proof of what came
//! out of it.
//!
//! An engine is a function of its inputs, so that they are the whole truth about a run. A recording
//! is a ring of *segments*, each of which can be replayed by itself: it begins with a [`Head`] (the
//! configuration as it was read, and the engine's state), then each input follows with its time, the
//! number of outputs and a running hash of them. Nothing here does I/O: [`Tape`] listens to a driver
//! and hands bytes to a [`Medium`], [`ring`] says where they lie in a file, [`Replay`] plays them.
//!
//! The texts of the configuration are in it ([`Packed`]), with passwords and keys: without them the
//! same adverts wouldn't be believed. A recording is as secret as the configuration.

mod bytes;
mod decode;
mod digest;
mod encode;
mod head;
mod packed;
mod replay;
pub mod ring;
mod tape;
mod texts;

#[cfg(test)]
mod tests;

pub use decode::{Decoder, Entry, Garbled, Packet, Proof, Told};
pub use head::Head;
pub use packed::Packed;
pub use replay::{Difference, Replay, ReplayError, Step};
pub use tape::{Medium, Tape};
pub use texts::{Texts, fingerprint};

/// The format of everything here. Another one is another number.
pub const VERSION: u16 = 3;
