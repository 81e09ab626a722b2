//! `rehearse`: carries scenarios out and shows what came of them.
//!
//! Exit status: 0 when everything came as expected, 1 when something didn't (a capture that ends inside
//! a frame among it), 2 when the question was wrong (an unreadable file, an unknown name).

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
