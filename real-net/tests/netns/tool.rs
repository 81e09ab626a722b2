//! The commands that the tests lean on.

use std::process::{Command, Output};

/// What has to be installed, and the package it comes in.
const TOOLS: [(&str, &str); 6] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("tcpdump", "tcpdump"),
    ("ping", "iputils-ping"),
    ("keepalived", "keepalived"),
    ("strace", "strace"),
];

/// Fails the test when it can't work here.
pub(crate) fn require() {
    assert!(
        nix::unistd::Uid::effective().is_root(),
        "these tests build network namespaces: run them as root"
    );
    for (tool, package) in TOOLS {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
        });
        assert!(found, "`{tool}` is missing: apt-get install {package}");
    }
}

/// Runs a command line, split at blanks.
pub(crate) fn run(line: &str) -> Output {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a command");
    Command::new(program)
        .args(words)
        .output()
        .unwrap_or_else(|e| panic!("`{line}`: {e}"))
}

/// Runs a command line that must succeed; gives what it printed.
pub(crate) fn must(line: &str) -> String {
    let output = run(line);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{line}`: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
