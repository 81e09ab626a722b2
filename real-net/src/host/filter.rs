//! `no_accept`: an nftables table of our own that drops what is addressed to virtual addresses.
//!
//! Made at the daemon's start if some instance wants it, removed at its end; what a crash left
//! behind is replaced. `nft` does the work, in a child process that takes a few milliseconds.
//!
//! The table is `locum`; of a second daemon in the same network namespace `locum2`, and so on. A name is
//! claimed by a raw socket at an address that says which one it is: only who may send anything anyway
//! can take a name, the kernel lists these sockets for each namespace, and closes them with their daemon.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::process::{Command, Stdio};

use socket2::{Domain, Protocol, Socket, Type};
use tracing::{error, info};

use super::leftovers::raw_sockets;
use crate::privileges::lend;

/// The table, if there is one.
#[derive(Debug)]
pub(crate) struct Filter {
    table: Option<Table>,
}

/// A name that no other daemon uses meanwhile.
#[derive(Debug)]
struct Table {
    name: String,
    _claim: Socket,
}

/// So many daemons in a namespace have tables of their own.
const TABLES: u8 = u8::MAX;

/// Neighbours are found by ICMPv6, which must pass; ARP isn't seen here.
const RULES: &str = "\
add table inet TABLE
delete table inet TABLE
table inet TABLE {
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
        let make = || {
            let table = Table::claim()?;
            run(&RULES.replace("TABLE", &table.name))?;
            Ok(table)
        };
        let what = "can't make the nftables table for no_accept";
        Self {
            table: wanted.then(|| said(make(), what)).flatten(),
        }
    }

    /// The table stays when this is dropped.
    pub(crate) fn leave(&mut self) {
        self.table = None;
    }

    /// Removes the tables of earlier runs. Without `nft` there are none.
    pub(crate) fn remove_leftovers() {
        let tables = run("list tables inet\n").unwrap_or_default();
        let tables = tables.lines().filter_map(|l| l.strip_prefix("table inet "));
        for number in 1..=TABLES {
            let name = Table::name(number);
            if tables.clone().any(|table| table == name)
                && let Ok(Some(table)) = Table::of(number)
            {
                info!(
                    "the nftables table {} of an earlier run is removed",
                    table.name
                );
                table.remove();
            }
        }
    }

    /// Another configuration is in force, whose sets are empty if the one before had none.
    pub(crate) fn reload(&mut self, wanted: bool) {
        if wanted != self.table.is_some() {
            *self = Self::new(wanted);
        }
    }

    /// Drops what is addressed to these addresses, or no longer.
    pub(crate) fn set(&self, addresses: &[IpAddr], shut: bool) {
        if let Some(table) = &self.table {
            let script = script(&table.name, addresses, shut);
            said(run(&script), "can't change the nftables table");
        }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        if let Some(table) = self.table.take() {
            table.remove();
        }
    }
}

impl Table {
    fn name(number: u8) -> String {
        match number {
            1 => "locum".to_owned(),
            n => format!("locum{n}"),
        }
    }

    /// The first name that is free.
    fn claim() -> io::Result<Self> {
        for number in 1..=TABLES {
            if let Some(table) = Self::of(number)? {
                return Ok(table);
            }
        }
        Err(io::Error::other("too many daemons"))
    }

    /// This name, if it is free. Of two that claim it together both may go away empty-handed, but
    /// never with the same name: each looks when its own socket is there.
    fn of(number: u8) -> io::Result<Option<Self>> {
        let address = Self::address(number);
        // It never receives anything.
        let protocol = Protocol::from(libc::IPPROTO_RAW);
        let claim = Socket::new(Domain::IPV4, Type::RAW, Some(protocol))?;
        // The loopback interface may be down.
        claim.set_freebind_v4(true)?;
        claim.bind(&SocketAddrV4::new(address, 0).into())?;
        let list = fs::read_to_string("/proc/self/net/raw")?;
        let is_alone = claims(&list).filter(|claimed| *claimed == address).count() == 1;
        Ok(is_alone.then(|| Self {
            name: Self::name(number),
            _claim: claim,
        }))
    }

    /// Where the socket is that claims a name.
    const fn address(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 112, number)
    }

    fn remove(&self) {
        let script = format!("delete table inet {}\n", self.name);
        said(run(&script), "can't remove the nftables table");
    }
}

/// Which addresses have a claim, by the kernel's list.
fn claims(list: &str) -> impl Iterator<Item = Ipv4Addr> {
    let raw = raw_sockets(list).filter(|(_, protocol)| i32::from(*protocol) == libc::IPPROTO_RAW);
    // In the order of this machine.
    let number = raw.filter_map(|(address, _)| u32::from_str_radix(address, 16).ok());
    number.map(|number| Ipv4Addr::from(number.to_ne_bytes()))
}

/// One transaction. An element that is removed is added first: it may not be there.
fn script(table: &str, addresses: &[IpAddr], shut: bool) -> String {
    let mut script = String::new();
    for address in addresses {
        let set = if address.is_ipv4() { "v4" } else { "v6" };
        let verbs: &[&str] = if shut { &["add"] } else { &["add", "delete"] };
        for verb in verbs {
            // Writing to a string doesn't fail.
            let _ = writeln!(script, "{verb} element inet {table} {set} {{ {address} }}");
        }
    }
    script
}

/// What `nft` prints.
fn run(script: &str) -> io::Result<String> {
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = lend(|| nft.spawn())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let text = String::from_utf8_lossy(&output.stderr);
            let first = text.lines().next().unwrap_or("nft failed");
            Err(io::Error::other(first.to_owned()))
        }
    }
}

fn said<T>(result: io::Result<T>, what: &str) -> Option<T> {
    let complain = |e: &io::Error| {
        error!("{what}: {e}: the virtual addresses can be reached although they should not be");
    };
    result.inspect_err(complain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_raw_sockets_that_only_send() {
        let [tables, ours] = [[127, 0, 112, 2], [127, 0, 112, 1]].map(u32::from_ne_bytes);
        let list = format!(
            "  sl  local_address rem_address\n   1: {ours:08X}:0070 00000000:0000 07\n\
             255: {tables:08X}:00FF 00000000:0000 07\n"
        );
        let claims: Vec<_> = claims(&list).collect();
        assert_eq!(claims, [Table::address(2)]);
    }

    #[test]
    fn a_script_is_one_line_an_element() {
        let addresses = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([0; 16])];
        let expected =
            "add element inet locum v4 { 192.0.2.1 }\nadd element inet locum v6 { :: }\n";
        assert_eq!(script("locum", &addresses, true), expected);
        let away =
            "add element inet locum v4 { 192.0.2.1 }\ndelete element inet locum v4 { 192.0.2.1 }\n";
        assert_eq!(script("locum", &addresses[..1], false), away);
    }
}
