//! `track_src_ip`: that the host loses the address that adverts are sent from is a fault.

mod common;

use std::net::IpAddr;

use common::*;
use locum_engine::config::InstanceConfig;
use locum_engine::event::{Reason, StateKind};
use locum_engine::{Command, Input};

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 21));

fn tracking(on: bool) -> InstanceConfig {
    InstanceConfig {
        source: Some(SOURCE),
        track_source: on,
        ..instance(100)
    }
}

fn tell(bench: &mut Bench, present: bool) {
    let address = SOURCE;
    bench.give(Input::Source { address, present });
}

fn master(on: bool) -> Bench {
    let mut bench = Bench::new(config(tracking(on)));
    tell(&mut bench, true);
    bench.give(Input::Command(Command::Start));
    bench.run_until_state(StateKind::Master);
    bench.said.clear();
    bench
}

#[test]
fn losing_the_source_is_a_fault_that_is_said_aloud() {
    let mut bench = master(true);
    tell(&mut bench, true);
    assert_eq!(bench.words(), [""; 0], "no news");
    tell(&mut bench, false);
    assert_eq!(
        bench.words(),
        [
            "remove 192.168.0.200",
            "advert 0",
            "master -> fault: this host doesn't have 192.168.0.21, which it sends from"
        ]
    );
    tell(&mut bench, true);
    assert_eq!(bench.words(), ["fault -> backup: recovered"]);
}

#[test]
fn without_the_keyword_it_changes_nothing() {
    let mut bench = master(false);
    tell(&mut bench, false);
    bench.run_for(secs(3));
    assert_eq!(bench.adverts().len(), 3);
    assert_eq!(bench.state(), StateKind::Master);
}

#[test]
fn a_source_that_was_never_there_is_a_fault_from_the_start() {
    let mut bench = Bench::new(config(tracking(true)));
    tell(&mut bench, false);
    bench.give(Input::Command(Command::Start));
    let why = Reason::SourceGone { address: SOURCE };
    assert_eq!(bench.transitions(), [(StateKind::Fault, why)]);
}

#[test]
fn a_reload_watches_from_then_on() {
    let mut bench = master(false);
    let reload = |on| Input::Command(Command::Reload(Box::new(config(tracking(on)))));
    bench.give(reload(true));
    bench.run_for(secs(1));
    tell(&mut bench, true);
    bench.run_for(secs(5));
    assert_eq!(
        bench.transitions(),
        [],
        "it isn't known at first, which is no fault"
    );
    tell(&mut bench, false);
    assert_eq!(bench.state(), StateKind::Fault);
    bench.give(reload(false));
    assert_eq!(bench.state(), StateKind::Backup);
}
