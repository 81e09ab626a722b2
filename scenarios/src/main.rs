//! `rehearse`: carries scenarios out and shows what came of them.

fn main() {}
