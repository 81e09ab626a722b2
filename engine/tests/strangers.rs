//! `log_unknown_vrids`: adverts of virtual routers that aren't configured here.

mod common;

use common::*;
use locum_engine::Event;
use locum_engine::Output;
use locum_engine::config::{Config, InstanceConfig};
use locum_engine::ids::Vrid;

fn stranger(vrid: u8) -> InstanceConfig {
    InstanceConfig {
        vrid: Vrid::new(vrid).expect("not zero"),
        ..instance(77)
    }
}

fn listening(log_unknown_vrids: bool) -> Bench {
    let mut bench = Bench::new(Config {
        log_unknown_vrids,
        ..config(instance(100))
    });
    bench.said.clear();
    bench
}

#[test]
fn each_is_told_of_once() {
    let mut bench = listening(true);
    for _ in 0..3 {
        bench.hear_from(PEER, &stranger(7));
        bench.hear_from(PEER, &stranger(8));
        bench.hear_from(PEER, &stranger(51));
    }
    assert_eq!(
        bench.words(),
        [
            "192.168.0.12 advertises virtual router 7, which isn't configured on eth0",
            "192.168.0.12 advertises virtual router 8, which isn't configured on eth0",
        ]
    );
    assert_eq!(bench.engine.strays(), 6);
}

/// However many packets there are, at most 255 of these for an interface; and none of what is no
/// VRRP at all.
#[test]
fn a_flood_ends() {
    let mut bench = listening(true);
    for n in 0..2_000_u16 {
        let [_, vrid] = n.to_be_bytes();
        let mut payload = payload(PEER, &stranger(7));
        payload[1] = vrid;
        bench.receive(PEER, 255, &payload);
    }
    bench.receive(PEER, 255, &[]);
    bench.receive(PEER, 255, &[0x21]);
    let told = bench
        .said
        .iter()
        .filter(|(_, said)| matches!(said, Output::Event(Event::UnknownVrid { .. })));
    assert_eq!(told.count(), 254, "all but our own");
}

#[test]
fn it_is_off_by_default() {
    let mut bench = listening(false);
    bench.hear_from(PEER, &stranger(7));
    assert_eq!(bench.words(), [""; 0]);
    assert_eq!(bench.engine.strays(), 1);
    assert!(!Config::default().log_unknown_vrids);
}
