//! `no_accept`: an nftables table of our own that drops what is addressed to virtual addresses.
//!
//! Made at the daemon's start if some instance wants it, removed at its end; what a crash left
//! behind is replaced. `nft` does the work, in a child process that takes a few milliseconds.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;
use std::process::{Command, Stdio};

use tracing::{error, info};

use crate::privileges::lend;

/// The table, if there is one.
#[derive(Debug)]
pub(crate) struct Filter {
    there: bool,
}

/// Neighbours are found by ICMPv6, which must pass; ARP isn't seen here.
const RULES: &str = "\
add table inet locum
delete table inet locum
table inet locum {
    set v4 { type ipv4_addr; }
    set v6 { type ipv6_addr; }
    chain in {
        type filter hook input priority -1; policy accept;
        ip daddr @v4 drop
        ip6 daddr @v6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ip6 daddr @v6 drop
    }
    chain out {
        type filter hook output priority -1; policy accept;
        ip saddr @v4 drop
        ip6 saddr @v6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ip6 saddr @v6 drop
    }
}
";

impl Filter {
    /// Makes the table, with empty sets, if it is `wanted`.
    pub(crate) fn new(wanted: bool) -> Self {
        let there = wanted && said(run(RULES), "can't make the nftables table for no_accept");
        Self { there }
    }

    /// The table stays when this is dropped.
    pub(crate) fn leave(&mut self) {
        self.there = false;
    }

    /// Removes the table of an earlier run. Without `nft` there is none.
    pub(crate) fn remove_leftover() {
        if run("list table inet locum\n").is_ok() {
            info!("the nftables table of an earlier run is removed");
            said(
                run("delete table inet locum\n"),
                "can't remove the nftables table",
            );
        }
    }

    /// Another configuration is in force, whose sets are empty if the one before had none.
    pub(crate) fn reload(&mut self, wanted: bool) {
        if wanted != self.there {
            *self = Self::new(wanted);
        }
    }

    /// Drops what is addressed to these addresses, or no longer.
    pub(crate) fn set(&self, addresses: &[IpAddr], shut: bool) {
        if self.there {
            let script = script(addresses, shut);
            said(run(&script), "can't change the nftables table");
        }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        if self.there {
            said(
                run("delete table inet locum\n"),
                "can't remove the nftables table",
            );
        }
    }
}

/// One transaction. An element that is removed is added first: it may not be there.
fn script(addresses: &[IpAddr], shut: bool) -> String {
    let mut script = String::new();
    for address in addresses {
        let set = if address.is_ipv4() { "v4" } else { "v6" };
        let verbs: &[&str] = if shut { &["add"] } else { &["add", "delete"] };
        for verb in verbs {
            // Writing to a string doesn't fail.
            let _ = writeln!(script, "{verb} element inet locum {set} {{ {address} }}");
        }
    }
    script
}

fn run(script: &str) -> io::Result<()> {
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = lend(|| nft.spawn())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let text = String::from_utf8_lossy(&output.stderr);
            let first = text.lines().next().unwrap_or("nft failed");
            Err(io::Error::other(first.to_owned()))
        }
    }
}

fn said(result: io::Result<()>, what: &str) -> bool {
    if let Err(e) = &result {
        error!("{what}: {e}: the virtual addresses can be reached although they should not be");
    }
    result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_one_line_an_element() {
        let addresses = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([0; 16])];
        let expected =
            "add element inet locum v4 { 192.0.2.1 }\nadd element inet locum v6 { :: }\n";
        assert_eq!(script(&addresses, true), expected);
        let away =
            "add element inet locum v4 { 192.0.2.1 }\ndelete element inet locum v4 { 192.0.2.1 }\n";
        assert_eq!(script(&addresses[..1], false), away);
    }
}
