//! What the system's interface offers only through `unsafe`: the one place of it.

pub(crate) mod dropped;
pub(crate) mod memory;
pub(crate) mod packet;
pub(crate) mod process;
pub(crate) mod readable;
pub(crate) mod time;
