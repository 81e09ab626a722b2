//! `track_src_ip`: who loses the address that it sends from lets go, which keepalived doesn't (2.2.7 and
//! 2.4.3: docs/differences.md). That address may be a virtual one of the same daemon's.

use std::net::Ipv4Addr;

use locum_engine::wire::ipv4;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP};

const SOURCE: &str = "192.168.0.21";
const OTHER: &str = "192.168.0.201";

fn instance(name: &str, vrid: u8, source: &str, address: &str) -> String {
    format!(
        "vrrp_instance {name} {{
    interface eth0
    virtual_router_id {vrid}
    priority 150
    advert_int 1
{source}
    virtual_ipaddress {{
        {address}/24
    }}
}}
"
    )
}

fn tracking(source: &str) -> String {
    format!("    mcast_src_ip {source}\n    track_src_ip")
}

/// Adverts come from the address; without it the virtual address goes, with it it comes back.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn without_its_source_a_master_lets_go() {
    let mut lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    let address = |verb: &str| must(&format!("ip -n {here} addr {verb} {SOURCE}/24 dev eth0"));
    address("add");
    let capture = lab.capture();
    let configuration = instance("VI_1", 51, &tracking(SOURCE), VIP);
    lab.start("A", Kind::Locum, &configuration);
    lab.await_holders(VIP, &["A"], SOON);
    address("del");
    lab.await_holders(VIP, &[], SOON);
    address("add");
    lab.await_holders(VIP, &["A"], SOON);
    let adverts = capture.adverts();
    assert!(!adverts.is_empty(), "it spoke");
    let source: Ipv4Addr = SOURCE.parse().expect("it is one");
    for advert in adverts {
        let view = ipv4::View::new(&advert.packet).expect("a sound packet");
        assert_eq!(view.source(), source);
    }
}

/// The kernel tells the daemon nothing of the addresses that it adds itself.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_virtual_address_of_ours_is_there_while_we_hold_it() {
    let mut lab = Lab::new(&["A"]);
    let first = instance("VI_1", 51, "", VIP);
    let second = instance("VI_2", 52, &tracking(VIP), OTHER);
    lab.start("A", Kind::Locum, &format!("{first}{second}"));
    lab.await_holders(VIP, &["A"], SOON);
    lab.await_holders(OTHER, &["A"], SOON);
    lab.pull("A");
    lab.await_holders(VIP, &[], SOON);
    lab.await_holders(OTHER, &[], SOON);
    lab.plug("A");
    lab.await_holders(OTHER, &["A"], SOON);
}
