//! Any sequence of inputs, at any pace: the engine doesn't panic, and what it says stays true to
//! a few rules that hold whatever happens.

mod common;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use locum_engine::config::{
    Auth, CheckCommand, CheckConfig, Config, InstanceConfig, Preempt, Track, Version, Weight,
};
use locum_engine::event::{Event, StateKind};
use locum_engine::ids::{CheckId, Priority};
use locum_engine::{Command, Effect, Input, NotRun, Outcome, Output, Transmit};
use proptest::prelude::*;

/// More outputs than this for one input would be a flood: two bursts of five rounds over the
/// addresses, and a handful of everything else.
const OUTPUTS_MAX: usize = 64;

#[derive(Clone, Debug)]
enum Step {
    Pass(u32),
    NextDeadline,
    Hear {
        priority: u8,
        last_octet: u8,
        good_password: bool,
    },
    Garbage(Vec<u8>, u8),
    Link(bool),
    Check(Outcome),
    Removed,
    Refused,
    Drain(u16),
    Resume,
    SetPriority(Option<u8>),
    Stop,
    Start,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_000_u32).prop_map(Step::Pass),
        8 => Just(Step::NextDeadline),
        8 => (any::<u8>(), 1..20_u8, prop::bool::weighted(0.9)).prop_map(
            |(priority, last_octet, good_password)| Step::Hear { priority, last_octet, good_password }
        ),
        2 => (prop::collection::vec(any::<u8>(), 0..64), any::<u8>())
            .prop_map(|(bytes, ttl)| Step::Garbage(bytes, ttl)),
        1 => any::<bool>().prop_map(Step::Link),
        3 => prop_oneof![
            Just(Outcome::Success),
            Just(Outcome::Failure(1)),
            Just(Outcome::TimedOut),
            Just(Outcome::NotRun(NotRun::Missing))
        ]
        .prop_map(Step::Check),
        1 => Just(Step::Removed),
        1 => Just(Step::Refused),
        1 => (0..5_000_u16).prop_map(Step::Drain),
        1 => Just(Step::Resume),
        1 => prop::option::of(1..=254_u8).prop_map(Step::SetPriority),
        1 => Just(Step::Stop),
        2 => Just(Step::Start),
    ]
}

fn any_config() -> impl Strategy<Value = Config> {
    let preempt = prop_oneof![
        Just(Preempt::Always),
        Just(Preempt::Never),
        Just(Preempt::After(Duration::from_secs(3)))
    ];
    (
        1..=255_u8,
        any::<bool>(),
        preempt,
        -5..5_i16,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(priority, v3, preempt, weight, reverse, audible_yield)| {
            let (version, auth) = if v3 {
                (Version::V3, Auth::None)
            } else {
                (Version::V2, PASSWORD)
            };
            let check = CheckConfig {
                name: "check".into(),
                command: CheckCommand::Script(vec!["/bin/true".into()]),
                interval: secs(1),
                timeout: Duration::from_millis(700),
                rise: 2,
                fall: 3,
                init_fail: false,
                user: None,
            };
            let weight = Weight {
                value: weight * 20,
                reverse,
            };
            let tracks = vec![Track {
                check: CheckId(0),
                weight,
            }];
            let instance = InstanceConfig {
                version,
                auth,
                preempt,
                tracks,
                audible_yield,
                lease: audible_yield.then_some(secs(5)),
                ..instance(priority)
            };
            Config {
                checks: vec![check],
                ..config(instance)
            }
        })
}

/// What the host holds, from the effects alone.
#[derive(Default)]
struct Ledger {
    held: BTreeSet<IpAddr>,
    state: Option<StateKind>,
}

impl Ledger {
    /// Reads what was said for one input, and checks it.
    fn read(&mut self, bench: &mut Bench) -> Result<(), TestCaseError> {
        prop_assert!(
            bench.said.len() <= OUTPUTS_MAX,
            "{} outputs",
            bench.said.len()
        );
        let state_before = self.state.unwrap_or(StateKind::Init);
        for (_, output) in bench.said.drain(..) {
            match output {
                Output::Effect(Effect::AddAddress { address, .. }) => {
                    self.held.insert(address.address);
                }
                Output::Effect(Effect::RefreshAddress { address, .. }) => {
                    let held = self.held.contains(&address.address);
                    prop_assert!(held, "refreshes what it doesn't hold");
                }
                Output::Effect(Effect::RemoveAddress { address, .. }) => {
                    self.held.remove(&address.address);
                }
                Output::Transmit(Transmit::Advert {
                    priority: Priority::RELEASE,
                    ..
                }) => {
                    prop_assert!(self.held.is_empty(), "resigns with addresses in hand");
                    prop_assert_eq!(state_before, StateKind::Master, "resigns from nothing");
                }
                Output::Event(Event::StateChanged { from, to, .. }) => {
                    prop_assert_eq!(from, self.state.unwrap_or(StateKind::Init));
                    self.state = Some(to);
                }
                _ => {}
            }
        }
        let master = bench.state() == StateKind::Master;
        prop_assert_eq!(bench.state(), self.state.unwrap_or(StateKind::Init));
        prop_assert_eq!(
            !self.held.is_empty(),
            master,
            "holds addresses exactly as master"
        );
        let deadline = bench.engine.poll_timeout().map(|w| w.at);
        if master {
            let soon = bench.now + secs(1);
            prop_assert!(
                deadline.is_some_and(|at| at <= soon),
                "a master that says nothing"
            );
        }
        Ok(())
    }
}

fn give(bench: &mut Bench, step: &Step) {
    match step {
        Step::Pass(ms) => {
            bench.now = bench.now + Duration::from_millis(u64::from(*ms));
            bench.give(Input::Timeout);
        }
        Step::NextDeadline => {
            if let Some(wake) = bench.engine.poll_timeout() {
                bench.now = bench.now.max(wake.at);
                bench.give(Input::Timeout);
            }
        }
        Step::Hear {
            priority,
            last_octet,
            good_password,
        } => {
            let mut peer = bench.engine.config().instances[0].clone();
            peer.priority = Priority(*priority);
            if !good_password {
                peer.auth = Auth::Password(*b"nonsense");
            }
            bench.hear_from(Ipv4Addr::new(192, 168, 0, *last_octet), &peer);
        }
        Step::Garbage(bytes, ttl) => bench.receive(PEER, *ttl, bytes),
        Step::Link(up) => bench.link(*up),
        Step::Check(outcome) => {
            bench.give(Input::CheckDone {
                check: CheckId(0),
                outcome: *outcome,
            });
        }
        Step::Removed => {
            bench.give(Input::AddressRemoved {
                interface: ETH0,
                address: IpAddr::V4(VIP),
            });
        }
        Step::Refused => {
            bench.give(Input::AddressRefused {
                instance: VI,
                address: IpAddr::V4(VIP),
            });
        }
        Step::Drain(ms) => {
            let within = Duration::from_millis(u64::from(*ms));
            bench.give(Input::Command(Command::Drain {
                instance: None,
                within,
            }));
        }
        Step::Resume => bench.give(Input::Command(Command::Resume { instance: None })),
        Step::SetPriority(priority) => {
            let priority = priority.map(Priority);
            bench.give(Input::Command(Command::SetPriority {
                instance: VI,
                priority,
            }));
        }
        Step::Stop => bench.give(Input::Command(Command::Stop)),
        Step::Start => bench.give(Input::Command(Command::Start)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_after_every_input(
        config in any_config(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut bench = Bench::new(config);
        let mut ledger = Ledger::default();
        bench.give(Input::Command(Command::Start));
        ledger.read(&mut bench)?;
        for step in &steps {
            give(&mut bench, step);
            ledger.read(&mut bench)?;
            if matches!(step, Step::Pass(_) | Step::NextDeadline) {
                let ahead = bench.engine.poll_timeout().is_none_or(|w| w.at > bench.now);
                prop_assert!(ahead, "a deadline was not honoured");
            }
        }
    }

    /// Early timeouts change nothing and say nothing.
    #[test]
    fn a_timeout_too_early_is_harmless(
        config in any_config(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let run = |early: bool| {
            let mut bench = Bench::new(config.clone());
            bench.give(Input::Command(Command::Start));
            for step in &steps {
                give(&mut bench, step);
                let due = bench.engine.poll_timeout().is_none_or(|w| w.at <= bench.now);
                if early && !due {
                    bench.give(Input::Timeout);
                }
            }
            bench.words()
        };
        prop_assert_eq!(run(false), run(true));
    }
}
