//! `locum`: the daemon and its commands.

fn main() {}
