//! Sync groups: two members on two networks, in every way in which they could come to disagree.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use locum_engine::config::{
    CheckCommand, CheckConfig, Config, GroupConfig, InstanceConfig, Preempt, Track, TrackLink,
    Weight,
};
use locum_engine::event::{Event, Reason, StateKind};
use locum_engine::ids::{CheckId, GroupId, InstanceId, InterfaceId, MacAddr, Priority, Vrid};
use locum_engine::wire::GROUP_V4;
use locum_engine::{Command, Datagram, Input, LinkState, Outcome, Output};
use proptest::prelude::*;

const LAN: usize = 0;
const WAN: usize = 1;
const G: GroupId = GroupId(0);

fn member(which: usize, priority: u8) -> InstanceConfig {
    InstanceConfig {
        name: ["LAN", "WAN"][which].into(),
        interface: InterfaceId(which as u16),
        vrid: Vrid::new(51 + which as u8).expect("not zero"),
        addresses: vec![virtual_address(Ipv4Addr::new(192, 168, which as u8, 200))],
        ..instance(priority)
    }
}

fn grouped(lan: InstanceConfig, wan: InstanceConfig) -> Config {
    Config {
        interfaces: vec!["lan".into(), "wan".into()],
        instances: vec![lan, wan],
        groups: vec![GroupConfig {
            notify: None,
            name: "G".into(),
            members: vec![InstanceId(0), InstanceId(1)],
        }],
        ..Config::default()
    }
}

fn pair(lan: u8, wan: u8) -> Config {
    grouped(member(LAN, lan), member(WAN, wan))
}

fn own(which: usize) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, which as u8, 11)
}

fn link(bench: &mut Bench, which: usize, up: bool) {
    bench.give(Input::Link {
        interface: InterfaceId(which as u16),
        state: LinkState {
            up,
            mac: MacAddr([2, 0, 0, 0, which as u8, 0x10]),
            address: Some(IpAddr::V4(own(which))),
            ..LinkState::default()
        },
    });
}

fn started(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    link(&mut bench, LAN, true);
    link(&mut bench, WAN, true);
    bench.give(Input::Command(Command::Start));
    bench
}

fn hear(bench: &mut Bench, which: usize, priority: u8) {
    let peer = InstanceConfig {
        priority: Priority(priority),
        ..bench.engine.config().instances[which].clone()
    };
    let source = Ipv4Addr::new(192, 168, which as u8, 12);
    let payload = payload(source, &peer);
    bench.give(Input::Receive(Datagram {
        interface: InterfaceId(which as u16),
        source: IpAddr::V4(source),
        destination: IpAddr::V4(GROUP_V4),
        ttl: 255,
        protocol: 112,
        id: 1,
        payload: &payload,
    }));
}

fn states(bench: &Bench) -> [StateKind; 2] {
    [0, 1].map(|i| bench.engine.state(InstanceId(i)).0)
}

fn both(bench: &Bench, state: StateKind) {
    assert_eq!(states(bench), [state, state]);
    assert_eq!(bench.engine.group_state(G), state);
}

fn master(config: Config) -> Bench {
    let mut bench = started(config);
    bench.run_for(secs(5));
    both(&bench, StateKind::Master);
    bench.said.clear();
    bench
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn all_become_master_when_the_slowest_is_ready() {
    let mut bench = started(pair(100, 99));
    both(&bench, StateKind::Backup);
    bench.said.clear();
    bench.run_for(ms(3612)); // 3 + 156/256 s = 3.609 s: LAN is ready.
    both(&bench, StateKind::Backup);
    bench.run_for(ms(2)); // 3 + 157/256 s = 3.613 s.
    both(&bench, StateKind::Master);
    insta::assert_snapshot!(bench.words().join("\n"));
}

#[test]
fn one_that_hears_a_master_keeps_all_back() {
    let mut bench = started(pair(100, 100));
    for _ in 0..20 {
        bench.run_for(secs(1));
        hear(&mut bench, WAN, 101);
        both(&bench, StateKind::Backup);
    }
    bench.run_for(ms(3600));
    both(&bench, StateKind::Backup);
    bench.run_for(ms(20));
    both(&bench, StateKind::Master);
}

#[test]
fn a_ripe_member_that_is_held_back_again_is_not_ripe() {
    let mut bench = started(pair(100, 99));
    bench.run_for(ms(3611)); // LAN waits for WAN.
    hear(&mut bench, LAN, 150);
    bench.run_for(ms(1000));
    both(&bench, StateKind::Backup);
    bench.run_for(ms(2700));
    both(&bench, StateKind::Master);
}

#[test]
fn one_fault_takes_all_down_and_says_so_on_the_other_network() {
    let mut bench = master(pair(100, 100));
    link(&mut bench, LAN, false);
    both(&bench, StateKind::Fault);
    insta::assert_snapshot!(bench.words().join("\n"));
    link(&mut bench, WAN, false);
    both(&bench, StateKind::Fault);
    link(&mut bench, LAN, true);
    both(&bench, StateKind::Fault);
    link(&mut bench, WAN, true);
    both(&bench, StateKind::Backup);
    bench.run_for(secs(4));
    both(&bench, StateKind::Master);
}

#[test]
fn both_links_may_come_back_in_either_order_or_with_a_fault_at_start() {
    let mut bench = Bench::new(pair(100, 100));
    link(&mut bench, LAN, false);
    link(&mut bench, WAN, true);
    bench.give(Input::Command(Command::Start));
    both(&bench, StateKind::Fault);
    link(&mut bench, LAN, true);
    both(&bench, StateKind::Backup);
}

#[test]
fn one_that_loses_makes_all_let_go_and_says_so() {
    let mut bench = master(pair(100, 100));
    hear(&mut bench, WAN, 101);
    both(&bench, StateKind::Backup);
    insta::assert_snapshot!(bench.words().join("\n"));
    // WAN is held back by the winner, so LAN's silence doesn't count.
    for _ in 0..10 {
        bench.run_for(secs(1));
        hear(&mut bench, WAN, 101);
        both(&bench, StateKind::Backup);
    }
}

#[test]
fn of_two_contests_the_one_on_the_lower_virtual_router_id_counts() {
    let mut bench = master(pair(100, 100));
    hear(&mut bench, LAN, 90); // Won,
    hear(&mut bench, WAN, 110); // so this isn't lost.
    both(&bench, StateKind::Master);
    bench.run_for(ms(100));
    hear(&mut bench, WAN, 110);
    both(&bench, StateKind::Master);
    // The other way round it is.
    let mut bench = master(pair(100, 100));
    hear(&mut bench, WAN, 90);
    hear(&mut bench, LAN, 110);
    both(&bench, StateKind::Backup);
}

#[test]
fn a_rival_that_doesnt_hear_us_is_held_against_for_a_master_down_time_only() {
    let mut bench = master(pair(100, 100));
    for tenth in 0..37 {
        hear(&mut bench, LAN, 90);
        hear(&mut bench, WAN, 110);
        let expected = match tenth {
            0..36 => StateKind::Master, // 3.609 s
            _ => StateKind::Backup,
        };
        if tenth < 36 {
            both(&bench, expected);
        }
        bench.run_for(ms(100));
    }
    hear(&mut bench, WAN, 110);
    both(&bench, StateKind::Backup);
}

#[test]
fn a_resignation_on_one_network_waits_for_the_other() {
    let mut bench = started(pair(100, 100));
    hear(&mut bench, LAN, 150);
    hear(&mut bench, WAN, 150);
    bench.run_for(ms(100));
    hear(&mut bench, WAN, 0);
    bench.run_for(ms(3400));
    both(&bench, StateKind::Backup);
    bench.run_for(ms(200));
    both(&bench, StateKind::Master);
}

#[test]
fn one_member_that_doesnt_preempt_keeps_all_from_it() {
    let polite = InstanceConfig {
        preempt: Preempt::Never,
        ..member(WAN, 150)
    };
    let mut bench = started(grouped(member(LAN, 150), polite));
    for _ in 0..10 {
        hear(&mut bench, LAN, 100);
        hear(&mut bench, WAN, 100);
        bench.run_for(secs(1));
        both(&bench, StateKind::Backup);
    }
}

#[test]
fn an_owner_waits_for_its_partners_and_two_owners_dont() {
    let mut bench = started(pair(255, 100));
    both(&bench, StateKind::Backup);
    bench.run_for(ms(3610));
    both(&bench, StateKind::Master);
    let bench = started(pair(255, 255));
    both(&bench, StateKind::Master);
}

#[test]
fn a_tracked_link_of_one_member_takes_all_down() {
    let tracking = InstanceConfig {
        links: vec![TrackLink {
            interface: InterfaceId(1),
            weight: Weight::default(),
        }],
        ..member(LAN, 100)
    };
    let mut config = grouped(tracking, member(WAN, 100));
    config.instances[1].dont_track_primary = true;
    let mut bench = master(config);
    link(&mut bench, WAN, false);
    both(&bench, StateKind::Fault);
    link(&mut bench, WAN, true);
    both(&bench, StateKind::Backup);
}

#[test]
fn a_refused_address_takes_all_down_and_all_come_back() {
    let mut bench = master(pair(100, 100));
    bench.give(Input::AddressRefused {
        instance: InstanceId(1),
        address: IpAddr::V4(Ipv4Addr::new(192, 168, 1, 200)),
    });
    both(&bench, StateKind::Fault);
    bench.run_for(ms(10_001));
    both(&bench, StateKind::Backup);
}

#[test]
fn draining_one_drains_all() {
    let mut bench = master(pair(100, 100));
    bench.give(Input::Command(Command::Drain {
        instance: Some(InstanceId(1)),
        within: secs(2),
    }));
    assert_eq!(
        [0, 1].map(|i| bench.engine.state(InstanceId(i)).1.get()),
        [1, 1]
    );
    both(&bench, StateKind::Master);
    bench.run_for(secs(2));
    both(&bench, StateKind::Backup);
    assert!(
        bench
            .transitions()
            .iter()
            .all(|(_, why)| *why == Reason::Drained)
    );
}

#[test]
fn stopping_ends_with_stopped() {
    let mut bench = master(pair(100, 100));
    bench.give(Input::Command(Command::Stop));
    both(&bench, StateKind::Init);
    assert!(matches!(bench.said.last(), Some((_, Output::Stopped))));
    let told = |o: &Output| matches!(o, Output::Event(Event::GroupChanged { .. }));
    assert_eq!(bench.said.iter().filter(|(_, o)| told(o)).count(), 1);
    bench.give(Input::Command(Command::Start));
    both(&bench, StateKind::Backup);
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u16),
    NextDeadline,
    Hear(usize, u8),
    Link(usize, bool),
    Check(bool),
    Refused(u16),
    Priority(u16, u8),
    Drain(u16),
    Resume,
    Stop,
    Start,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_000_u16).prop_map(Step::Pass),
        10 => Just(Step::NextDeadline),
        8 => (0..2_usize, prop_oneof![Just(0_u8), 90..110_u8, any::<u8>()])
            .prop_map(|(which, priority)| Step::Hear(which, priority)),
        3 => (0..2_usize, any::<bool>()).prop_map(|(which, up)| Step::Link(which, up)),
        2 => any::<bool>().prop_map(Step::Check),
        1 => (0..2_u16).prop_map(Step::Refused),
        1 => (0..2_u16, 1..=254_u8).prop_map(|(which, p)| Step::Priority(which, p)),
        1 => (0..2_u16).prop_map(Step::Drain),
        1 => Just(Step::Resume),
        1 => Just(Step::Stop),
        2 => Just(Step::Start),
    ]
}

fn any_pair() -> impl Strategy<Value = Config> {
    let preempt = || {
        prop_oneof![
            Just(Preempt::Always),
            Just(Preempt::Never),
            Just(Preempt::After(secs(3)))
        ]
    };
    let priority = || prop_oneof![95..105_u8, Just(255)];
    let each = (priority(), preempt(), priority(), preempt());
    (each, any::<bool>(), -1..=1_i16).prop_map(|((lan, a, wan, b), reversed, weight)| {
        let mut config = pair(lan, wan);
        config.instances[0].preempt = a;
        config.instances[1].preempt = b;
        config.instances[1].tracks.push(Track {
            check: CheckId(0),
            weight: Weight {
                value: weight * 20,
                reverse: false,
            },
        });
        config.checks.push(CheckConfig {
            name: "check".into(),
            command: CheckCommand::Script(vec!["/bin/true".into()]),
            interval: secs(1),
            timeout: secs(1),
            rise: 1,
            fall: 2,
            init_fail: false,
            user: None,
        });
        if reversed {
            config.groups[0].members.reverse();
        }
        config
    })
}

fn give(bench: &mut Bench, step: &Step) {
    match *step {
        Step::Pass(n) => bench.run_for(ms(u64::from(n))),
        Step::NextDeadline => {
            if let Some(wake) = bench.engine.poll_timeout() {
                bench.now = bench.now.max(wake.at);
                bench.give(Input::Timeout);
            }
        }
        Step::Hear(which, priority) => hear(bench, which, priority),
        Step::Link(which, up) => link(bench, which, up),
        Step::Check(good) => bench.give(Input::CheckDone {
            check: CheckId(0),
            outcome: if good {
                Outcome::Success
            } else {
                Outcome::Failure(1)
            },
        }),
        Step::Refused(which) => bench.give(Input::AddressRefused {
            instance: InstanceId(which),
            address: IpAddr::V4(Ipv4Addr::new(192, 168, which as u8, 200)),
        }),
        Step::Priority(which, priority) => bench.give(Input::Command(Command::SetPriority {
            instance: InstanceId(which),
            priority: Some(Priority(priority)),
        })),
        Step::Drain(which) => bench.give(Input::Command(Command::Drain {
            instance: Some(InstanceId(which)),
            within: secs(2),
        })),
        Step::Resume => bench.give(Input::Command(Command::Resume { instance: None })),
        Step::Stop => bench.give(Input::Command(Command::Stop)),
        Step::Start => bench.give(Input::Command(Command::Start)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn members_never_disagree(
        config in any_pair(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut bench = started(config);
        let mut told = bench.engine.group_state(G);
        bench.said.clear();
        for step in &steps {
            give(&mut bench, step);
            let [lan, wan] = states(&bench);
            prop_assert_eq!(lan, wan);
            prop_assert_eq!(lan, bench.engine.group_state(G));
            for (_, output) in bench.said.drain(..) {
                if let Output::Event(Event::GroupChanged { from, to, .. }) = output {
                    prop_assert_eq!(from, told);
                    told = to;
                }
            }
            prop_assert_eq!(told, lan);
        }
        // Whatever happened: with both links, a good check and nobody else, it becomes master.
        for which in [LAN, WAN] {
            link(&mut bench, which, true);
        }
        bench.give(Input::Command(Command::Start));
        for _ in 0..40 {
            bench.run_for(secs(1));
            give(&mut bench, &Step::Check(true));
        }
        both(&bench, StateKind::Master);
    }
}

/// Two groups that outrank each other on one network each: what isn't yielded to isn't answered, or
/// the answers would go to and fro as fast as the wire carries them.
#[test]
fn a_master_that_stands_doesnt_answer() {
    let mut bench = master(pair(100, 100));
    hear(&mut bench, LAN, 90);
    bench.said.clear();
    hear(&mut bench, WAN, 110);
    both(&bench, StateKind::Master);
    assert_eq!(bench.adverts(), []);
}
