//! Routes, rules, static objects and the filter of `no_accept`, as the kernel shows them.

use std::fs::File;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::{must, run};
use crate::{SOON, VIP};

const ROUTES: &str = "
static_ipaddress {
    192.168.0.77/32 dev eth0
}
static_routes {
    10.7.0.0/16 via 192.168.0.1 dev eth0
}
static_rules {
    from 10.7.0.0/16 table 77 priority 770
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 150
    virtual_ipaddress {
        192.168.0.200/24
    }
    virtual_routes {
        10.9.0.0/16 via 192.168.0.1 src 192.168.0.200 metric 50
        default via 192.168.0.1 dev eth0 table 100 mtu 1400
        blackhole 10.8.0.0/16
        10.5.0.0/16 via 192.168.0.1 realms 5/10 congctl reno
        10.4.0.0/16 via 192.168.0.1 congctl lock reno
        2001:db8:1::/48 dev eth0 pref high
        2001:db8:2::/48 from 2001:db8:3::/48 via fe80::9 dev eth0
        from 2001:db8:4::/48 2001:db8:2::/48 via fe80::9 dev eth0
        10.10.0.0/16 encap ip id 7 dst 192.0.2.9 src 192.168.0.11 tos 4 ttl 9 via 192.168.0.1
        10.11.0.0/16 encap ip6 dst 2001:db8::9 hoplimit 5 via 192.168.0.1
        2001:db8:5::/48 encap ip6 id 7 dst 2001:db8::9 tc 4 via fe80::9 dev eth0
        2001:db8:6::/48 via fe80::9 dev eth0 expires 300
        10.20.0.0/16 via 192.168.0.1 append
        10.21.0.0/16 via 192.168.0.1 add
        10.22.0.0/16 via 192.168.0.1
        10.12.0.0/16 via 192.168.0.1 ttl-propagate enabled as to 100
        10.6.0.0/16 table 6000 nexthop via 192.168.0.1 dev eth0 weight 2 nexthop via 192.168.0.2 dev eth0
    }
    virtual_rules {
        from 10.1.0.0/16 table 100 priority 1000
        from 10.1.0.0/16 realms 5 tunnel-id 7 lookup 6000 priority 1002
        from 10.1.0.0/16 realms 5/6 lookup 6000 priority 1003
        from 2001:db8:3::/48 tunnel-id 8 lookup 6000 priority 1004
        to 10.2.0.0/16 fwmark 0x10/0xff ipproto udp lookup 6000 priority 1001
    }
}
";

struct Seen {
    routes: String,
    rules: String,
    rules6: String,
    /// What is there besides, and what of ours before and behind it.
    shared: String,
}

impl Seen {
    /// Its lines, without what is left of a route's time.
    fn sorted(&self) -> Vec<String> {
        let texts = [&self.routes, &self.rules, &self.rules6].into_iter();
        let mut lines: Vec<_> = texts.flat_map(|text| text.lines()).map(timeless).collect();
        lines.sort();
        lines
    }
}

/// `... expires 297sec ...` without the number.
fn timeless(line: &str) -> String {
    let mut words: Vec<_> = line.split_whitespace().collect();
    if let Some(at) = words.iter().position(|word| *word == "expires") {
        words.remove(at + 1);
    }
    words.join(" ")
}

fn look(lab: &Lab) -> Seen {
    let here = lab.namespace("A");
    let routes = must(&format!("ip -n {here} route show table all proto 18"));
    let rules = must(&format!("ip -n {here} rule"));
    let rules6 = must(&format!("ip -n {here} -6 rule"));
    let shared = ["10.20.0.0/16", "10.21.0.0/16", "10.22.0.0/16"]
        .map(|network| must(&format!("ip -n {here} route show {network}")));
    Seen {
        routes,
        rules,
        rules6,
        shared: shared.concat(),
    }
}

/// Looks until it is so.
fn until(lab: &Lab, what: &str, is: impl Fn(&Seen) -> bool) {
    let start = Instant::now();
    loop {
        let seen = look(lab);
        if is(&seen) {
            return;
        }
        let late = start.elapsed() > SOON;
        assert!(!late, "{what}:\n{}\n{}", seen.routes, seen.rules);
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn routes_and_rules_are_there_while_it_is_master() {
    let ours = installed(Kind::Locum);
    let theirs = installed(Kind::Keepalived);
    assert_eq!(ours.sorted(), theirs.sorted());
    assert_eq!(ours.shared, theirs.shared);
    assert_eq!(ours.shared.lines().count(), 5, "{}", ours.shared);
}

/// What is installed by a master; and nothing of it is there before and after.
fn installed(kind: Kind) -> Seen {
    let mut lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    for network in ["10.20.0.0/16", "10.21.0.0/16", "10.22.0.0/16"] {
        must(&format!("ip -n {here} route add {network} via 192.168.0.3"));
    }
    lab.start("A", kind, ROUTES);
    until(&lab, "static ones first", |s| {
        s.routes.contains("10.7.0.0/16") && s.rules.contains("770:")
    });
    assert_eq!(lab.holders("192.168.0.77"), ["A"]);
    assert!(!look(&lab).routes.contains("10.9.0.0/16"), "it is backup");
    until(&lab, "a master's", |s| {
        s.routes.contains("10.12.0.0/16") && s.rules.contains("1001:")
    });
    let seen = look(&lab);
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    let left = look(&lab);
    assert_eq!(left.routes, "", "after the end");
    assert_eq!(left.rules.lines().count(), 3, "{}", left.rules);
    assert_eq!(lab.holders("192.168.0.77"), [""; 0]);
    seen
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn what_somebody_removes_is_put_back() {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, ROUTES);
    lab.await_holders(VIP, &["A"], SOON);
    let whole = |s: &Seen| {
        let routes = [
            "10.9.0.0/16",
            "default",
            "10.8.0.0/16",
            "10.6.0.0/16",
            "10.7.0.0/16",
            "from 2001:db8:3::/48",
            "from 2001:db8:4::/48",
            "encap ip id 7",
        ];
        let rules = ["1000:", "1001:", "1002:", "770:"];
        routes.iter().all(|r| s.routes.contains(r))
            && rules.iter().all(|r| s.rules.contains(r))
            && s.rules6.contains("1004:")
    };
    until(&lab, "all of it", whole);
    let here = lab.namespace("A");
    for command in [
        "route del 10.9.0.0/16",
        "route del default table 100",
        "route del 10.6.0.0/16 table 6000",
        "route del 10.7.0.0/16",
        "route del 10.10.0.0/16",
        "-6 route del 2001:db8:2::/48 from 2001:db8:3::/48 dev eth0",
        "-6 rule del priority 1004",
        "rule del priority 1002",
        "rule del priority 1000",
        "rule del priority 770",
        "addr del 192.168.0.77/32 dev eth0",
    ] {
        must(&format!("ip -n {here} {command}"));
        until(&lab, command, whole);
    }
    lab.await_holders("192.168.0.77", &["A"], SOON);
    let log = lab.daemon("A").log();
    assert!(
        log.contains("route 10.9.0.0/16 via 192.168.0.1 metric 50 was missing"),
        "{log}"
    );
    assert!(
        !log.contains("-> fault") && !log.contains("master -> backup"),
        "{log}"
    );
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn no_accept_makes_the_address_silent_and_leaves_nothing() {
    let mut lab = Lab::new(&["A", "G"]);
    let configuration = |line: &str| {
        format!(
            "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 150\n{line}\n\
             virtual_ipaddress {{\n{VIP}/24\n}}\n}}\n"
        )
    };
    let ping = format!("ip netns exec {} ping -c 1 -W 1 {VIP}", lab.namespace("G"));
    lab.start("A", Kind::Locum, &configuration("no_accept"));
    lab.await_holders(VIP, &["A"], SOON);
    assert!(!run(&ping).status.success(), "it must not answer");
    let own = format!(
        "ip netns exec {} ping -c 1 -W 1 192.168.0.11",
        lab.namespace("G")
    );
    must(&own);
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    let left = must(&format!(
        "ip netns exec {} nft list ruleset",
        lab.namespace("A")
    ));
    assert_eq!(left.trim(), "");
    lab.start("A", Kind::Locum, &configuration("accept"));
    lab.await_holders(VIP, &["A"], SOON);
    must(&ping);
}

/// What one daemon removes or leaves behind is its own.
#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn two_daemons_in_a_namespace_have_a_table_each() {
    const OTHER_VIP: &str = "192.168.0.201";
    let mut lab = Lab::new(&["A"]);
    let configuration = |vrid: u8, vip: &str| {
        format!(
            "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id {vrid}\nno_accept\n\
             virtual_ipaddress {{\n{vip}/24\n}}\n}}\n"
        )
    };
    let here = lab.namespace("A");
    let table = |name: &str| run(&format!("ip netns exec {here} nft list table inet {name}"));
    let drops = |name: &str, vip: &str| {
        let start = Instant::now();
        while !String::from_utf8_lossy(&table(name).stdout).contains(vip) {
            assert!(start.elapsed() < SOON, "{vip} is not in {name}");
            thread::sleep(Duration::from_millis(50));
        }
    };
    // They were claimed like this before, and everybody could.
    let _names = by_everybody(&here);
    lab.start("A", Kind::Locum, &configuration(51, VIP));
    lab.await_holders(VIP, &["A"], SOON);
    lab.start_beside("A", "C", Kind::Locum, &configuration(52, OTHER_VIP));
    lab.await_holders(OTHER_VIP, &["A"], SOON);
    drops("locum", VIP);
    drops("locum2", OTHER_VIP);
    // A killed one's table stays until there is a start without another daemon.
    lab.daemon("C").signal(Signal::SIGKILL);
    lab.daemon("C").await_end(SOON);
    drops("locum", VIP);
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    assert!(!table("locum").status.success(), "it is removed");
    assert!(table("locum2").status.success(), "another one's");
    lab.start("A", Kind::Locum, &configuration(51, VIP));
    lab.await_holders(VIP, &["A"], SOON);
    drops("locum", VIP);
    assert!(!table("locum2").status.success(), "a leftover");
}

/// Sockets that any user of the namespace can have, with the names of tables.
fn by_everybody(namespace: &str) -> Vec<UnixDatagram> {
    let there = File::open(format!("/run/netns/{namespace}")).expect("the node");
    let bind = || {
        setns(there, CloneFlags::CLONE_NEWNET).expect("we are root");
        let numbers = (2..=99).map(|n: u8| n.to_string());
        let names = std::iter::once(String::new()).chain(numbers);
        let addresses =
            names.map(|n| SocketAddr::from_abstract_name(format!("nftables inet locum{n}")));
        let all = addresses.map(|address| UnixDatagram::bind_addr(&address?));
        all.collect::<Result<_, _>>().expect("they are free")
    };
    thread::scope(|scope| scope.spawn(bind).join().expect("the sockets"))
}

/// Without accept mode the address isn't talked to; but it is found, by ARP and by neighbour discovery,
/// and what is sent through it goes on.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn no_accept_lets_neighbour_discovery_pass() {
    const VIP_6: &str = "2001:db8::200";
    let mut lab = Lab::new(&["A", "B", "G"]);
    lab.add_network();
    behind(&lab, VIP_6);
    let instance = |vrid: u8, lines: &str| {
        format!(
            "vrrp_instance VI_{vrid} {{\ninterface eth0\nvirtual_router_id {vrid}\npriority 150\n\
             no_accept\n{lines}\n}}\n"
        )
    };
    let v4 = instance(4, &format!("virtual_ipaddress {{\n{VIP}/24\n}}"));
    let v6 = format!("version 3\nvirtual_ipaddress {{\nfe80::200\n{VIP_6}/64\n}}");
    lab.start("A", Kind::Locum, &format!("{v4}{}", instance(6, &v6)));
    lab.await_holders(VIP, &["A"], SOON);
    lab.await_holders(VIP_6, &["A"], SOON);
    let client = lab.namespace("G");
    let ping = |to: &str| format!("ip netns exec {client} ping -c 1 -W 2 {to}");
    for (address, beyond) in [(VIP, "10.77.0.1"), (VIP_6, "2001:db8:77::1")] {
        let neighbour = || must(&format!("ip -n {client} neigh show {address} dev eth0"));
        must(&format!("ip -n {client} neigh flush {address} dev eth0"));
        assert!(!run(&ping(address)).status.success(), "{address} answers");
        assert!(neighbour().contains("02:00:00:00:00:11"), "{}", neighbour());
        // A question to the neighbour alone, which is how an entry is confirmed.
        must(&format!(
            "ip -n {client} neigh replace {address} lladdr 02:00:00:00:00:11 dev eth0 nud probe"
        ));
        let start = Instant::now();
        while !neighbour().contains("REACHABLE") {
            assert!(start.elapsed() < SOON, "not confirmed: {}", neighbour());
            thread::sleep(Duration::from_millis(20));
        }
        must(&ping(beyond));
        assert!(!run(&ping(address)).status.success(), "{address} answers");
    }
}

/// A network that is reached through A's virtual addresses: G, then A, then B, who answers G directly.
fn behind(lab: &Lab, gateway_v6: &str) {
    let [a, b, g] = ["A", "B", "G"].map(|node| lab.namespace(node));
    for (namespace, last) in [(&a, "11"), (&b, "12"), (&g, "1")] {
        must(&format!(
            "ip -n {namespace} addr add 2001:db8::{last}/64 dev eth0 nodad"
        ));
        must(&format!(
            "ip -n {namespace} addr add 2001:db8:9::{last}/64 dev eth1 nodad"
        ));
        for interface in ["all", "eth0", "eth1"] {
            let name = format!("net.ipv4.conf.{interface}.rp_filter=0");
            must(&format!("ip netns exec {namespace} sysctl -qw {name}"));
        }
    }
    for setting in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
        must(&format!("ip netns exec {a} sysctl -qw {setting}"));
    }
    must(&format!("ip -n {b} addr add 10.77.0.1/32 dev lo"));
    must(&format!("ip -n {b} addr add 2001:db8:77::1/128 dev lo"));
    must(&format!("ip -n {a} route add 10.77.0.1/32 via 10.9.0.12"));
    must(&format!(
        "ip -n {a} route add 2001:db8:77::1/128 via 2001:db8:9::12"
    ));
    must(&format!("ip -n {g} route add 10.77.0.1/32 via {VIP}"));
    must(&format!(
        "ip -n {g} route add 2001:db8:77::1/128 via {gateway_v6}"
    ));
}
