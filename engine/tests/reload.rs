//! Going on with another configuration: who isn't changed isn't touched.

mod common;

use common::*;
use locum_engine::conf::{NoIncludes, read};
use locum_engine::config::Config;
use locum_engine::event::{Event, Reason, StateKind};
use locum_engine::ids::{CheckId, InstanceId, InterfaceId, MacAddr, Priority};
use locum_engine::{Command, Effect, Input, LinkState, Outcome, Output};

fn conf(text: &str) -> Config {
    let reading = read("k.conf", text, &mut NoIncludes);
    reading
        .config
        .unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

/// An instance with those addresses.
fn router(name: &str, vrid: u8, rest: &str, addresses: &[&str]) -> String {
    let addresses = addresses.join("\n");
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\n{rest}\n\
         virtual_ipaddress {{\n{addresses}\n}}\n}}\n"
    )
}

/// Started, and every instance master since just now.
fn masters(text: &str) -> Bench {
    let mut bench = Bench::new(conf(text));
    bench.give(Input::Command(Command::Start));
    bench.run_for(secs(30));
    for i in 0..bench.engine.config().instances.len() {
        assert_eq!(
            bench.engine.state(InstanceId(i as u16)).0,
            StateKind::Master
        );
    }
    bench.said.clear();
    bench
}

fn reload(bench: &mut Bench, text: &str) -> Vec<String> {
    bench.give(Input::Command(Command::Reload(Box::new(conf(text)))));
    bench.words()
}

#[test]
fn nothing_changed_says_nothing_and_moves_no_timer() {
    let text = router("A", 51, "priority 150", &["10.0.0.1"]);
    let (mut reloaded, mut left_alone) = (masters(&text), masters(&text));
    for bench in [&mut reloaded, &mut left_alone] {
        bench.run_for(secs(1) / 3);
        bench.said.clear();
    }
    let stats = reloaded.engine.stats(VI).clone();
    let deadline = reloaded.engine.poll_timeout();
    assert_eq!(reload(&mut reloaded, &text), ["reloaded"]);
    assert_eq!(reloaded.engine.poll_timeout(), deadline);
    assert_eq!(*reloaded.engine.stats(VI), stats);
    for bench in [&mut reloaded, &mut left_alone] {
        bench.run_for(secs(60));
    }
    assert_eq!(reloaded.said, left_alone.said);
}

/// keepalived takes its timers down and builds them anew: whoever reloads every second never
/// becomes master, and fast adverts run out on the other side.
#[test]
fn reloading_all_the_time_delays_nothing() {
    let text = router("A", 51, "priority 150", &["10.0.0.1"]);
    let mut bench = Bench::new(conf(&text));
    bench.give(Input::Command(Command::Start));
    for _ in 0..40 {
        bench.run_for(secs(1) / 10);
        bench.give(Input::Command(Command::Reload(Box::new(conf(&text)))));
    }
    assert_eq!(bench.state(), StateKind::Master, "after 4 s, as without");
    assert_eq!(bench.engine.stats(VI).became_master, 1);
}

#[test]
fn a_master_with_another_priority_stays_master() {
    let text = |priority| router("A", 51, &format!("priority {priority}"), &["10.0.0.1"]);
    let mut bench = masters(&text(100));
    let deadline = bench.engine.poll_timeout();
    let said = reload(&mut bench, &text(150));
    assert_eq!(said, ["reloaded", "priority 100 -> 150"]);
    assert_eq!(bench.engine.poll_timeout(), deadline);
    bench.run_for(secs(1));
    let adverts = bench.adverts();
    assert!(adverts.iter().all(|(_, p)| *p == 150), "{adverts:?}");
}

#[test]
fn an_operators_priority_outlives_a_reload() {
    let text = |priority| router("A", 51, &format!("priority {priority}"), &["10.0.0.1"]);
    let mut bench = masters(&text(100));
    bench.give(Input::Command(Command::SetPriority {
        instance: VI,
        priority: Some(Priority(70)),
    }));
    bench.said.clear();
    assert_eq!(reload(&mut bench, &text(150)), ["reloaded"]);
    assert_eq!(bench.engine.state(VI).1, Priority(70));
}

#[test]
fn only_the_addresses_that_differ_are_touched() {
    let mut bench = masters(&router("A", 51, "", &["10.0.0.1", "10.0.0.2"]));
    let said = reload(
        &mut bench,
        &router("A", 51, "garp_master_repeat 2", &["10.0.0.2", "10.0.0.3"]),
    );
    let expected = [
        "remove 10.0.0.1",
        "reloaded",
        "add 10.0.0.3",
        "garp 10.0.0.3",
        "garp 10.0.0.3",
        "announces its addresses: new in the configuration",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_moved_address_never_leaves_the_host() {
    let both =
        |a: &[&str], b: &[&str]| format!("{}{}", router("A", 51, "", a), router("B", 52, "", b));
    let mut bench = masters(&both(&["10.0.0.1", "10.0.0.9"], &["10.0.0.2"]));
    let said = reload(&mut bench, &both(&["10.0.0.1"], &["10.0.0.2", "10.0.0.9"]));
    let changes = said
        .iter()
        .filter(|s| s.starts_with("add") && !s.starts_with("addresses"));
    assert_eq!(changes.count(), 0, "{said:?}");
    assert!(!said.iter().any(|s| s.starts_with("remove")), "{said:?}");
    assert!(said.contains(&"garp 10.0.0.9".to_owned()), "{said:?}");
    assert!(!said.contains(&"advert 0".to_owned()), "{said:?}");
}

#[test]
fn an_address_with_another_prefix_goes_and_comes() {
    let mut bench = masters(&router("A", 51, "garp_master_repeat 1", &["10.0.0.1/32"]));
    let said = reload(
        &mut bench,
        &router("A", 51, "garp_master_repeat 1", &["10.0.0.1/24"]),
    );
    assert_eq!(said[..3], ["remove 10.0.0.1", "reloaded", "add 10.0.0.1"]);
}

/// Two instances that swap their VRIDs swap names and addresses: all stay where they are.
#[test]
fn swapped_numbers_lose_nothing() {
    let both = |a, b| {
        format!(
            "{}{}",
            router("A", a, "", &["10.0.0.1"]),
            router("B", b, "", &["10.0.0.2"])
        )
    };
    let mut bench = masters(&both(51, 52));
    let said = reload(&mut bench, &both(52, 51));
    for lost in ["remove", "add 1", "advert 0"] {
        assert!(!said.iter().any(|s| s.starts_with(lost)), "{said:?}");
    }
    for i in [0, 1] {
        assert_eq!(bench.engine.state(InstanceId(i)).0, StateKind::Master);
    }
}

#[test]
fn who_is_removed_resigns_and_the_others_do_not_notice() {
    let (a, b) = (
        router("A", 51, "", &["10.0.0.1"]),
        router("B", 52, "", &["10.0.0.2"]),
    );
    let mut bench = masters(&format!("{a}{b}"));
    let stats = bench.engine.stats(InstanceId(1)).clone();
    let deadline = bench.engine.poll_timeout();
    let said = reload(&mut bench, &b);
    let expected = [
        "remove 10.0.0.1",
        "advert 0",
        "master -> init: no longer configured",
        "reloaded",
    ];
    assert_eq!(said, expected);
    assert_eq!(
        *bench.engine.stats(InstanceId(0)),
        stats,
        "B is the first now"
    );
    assert_eq!(bench.engine.state(InstanceId(0)).0, StateKind::Master);
    assert_eq!(
        bench.engine.poll_timeout(),
        deadline,
        "both advertised together"
    );
    bench.run_for(secs(1));
    let sent = bench
        .said
        .iter()
        .filter(|(_, o)| matches!(o, Output::Transmit(_)));
    assert!(sent.count() > 0, "B goes on");
}

#[test]
fn an_address_of_a_removed_router_may_live_on_with_another() {
    let (a, b) = (
        router("A", 51, "", &["10.0.0.1"]),
        |addresses: &[&str]| router("B", 52, "", addresses),
    );
    let mut bench = masters(&format!("{a}{}", b(&["10.0.0.2"])));
    let said = reload(&mut bench, &b(&["10.0.0.2", "10.0.0.1"]));
    assert!(said.contains(&"advert 0".to_owned()), "{said:?}");
    assert!(!said.iter().any(|s| s.starts_with("remove")), "{said:?}");
}

#[test]
fn a_new_router_begins_as_backup_once_its_link_is_known() {
    let a = router("A", 51, "", &["10.0.0.1"]);
    let same_link = router("B", 52, "", &["10.0.0.2"]);
    let other_link = router("C", 53, "", &["10.0.0.3"]).replace("eth0", "eth1");
    let mut bench = masters(&a);
    let said = reload(&mut bench, &format!("{other_link}{same_link}{a}"));
    assert_eq!(
        said,
        ["reloaded", "remove 10.0.0.2", "init -> backup: started"]
    );
    let states = |bench: &Bench| [0, 1, 2].map(|i| bench.engine.state(InstanceId(i)).0);
    use StateKind::{Backup, Init, Master};
    assert_eq!(states(&bench), [Init, Backup, Master]);
    let config = bench.engine.config();
    let eth1 = config
        .interfaces
        .iter()
        .position(|n| &**n == "eth1")
        .expect("it is used");
    let state = LinkState {
        up: true,
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        address: Some(US.into()),
        ..LinkState::default()
    };
    bench.give(Input::Link {
        interface: InterfaceId(eth1 as u16),
        state,
    });
    assert_eq!(states(&bench), [Backup, Backup, Master]);
}

#[test]
fn another_interval_counts_from_the_next_advert() {
    let text = |interval| {
        router(
            "A",
            51,
            &format!("version 3\nadvert_int {interval}"),
            &["10.0.0.1"],
        )
    };
    let mut bench = masters(&text("1"));
    bench.run_for(secs(1) / 2);
    bench.said.clear();
    let due = bench.engine.poll_timeout().expect("an advert").at;
    reload(&mut bench, &text("0.1"));
    bench.run_to(due + secs(1) / 10);
    let times: Vec<_> = bench.adverts().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [due, due + secs(1) / 10]);
}

#[test]
fn another_refresh_counts_from_now() {
    let text = |refresh| {
        router(
            "A",
            51,
            &format!("garp_master_refresh {refresh}"),
            &["10.0.0.1"],
        )
    };
    let mut bench = masters(&text(0));
    reload(&mut bench, &text(7));
    let announced = |bench: &mut Bench| {
        let said = bench.said.drain(..);
        said.filter(|(_, o)| matches!(o, Output::Event(Event::Announced { .. })))
            .count()
    };
    bench.run_for(secs(20));
    assert_eq!(announced(&mut bench), 2);
    reload(&mut bench, &text(0));
    bench.run_for(secs(20));
    assert_eq!(announced(&mut bench), 0);
}

const CHECK: &str = "vrrp_script web {\nscript \"/bin/true\"\ninterval 2\nfall 3\nrise 2\n}\n";

fn tracked(rest: &str) -> String {
    format!(
        "{CHECK}{}",
        router("A", 51, "track_script {\nweb\n}", &["10.0.0.1"])
    )
    .replace("interval 2", rest)
}

fn checked(text: &str) -> Bench {
    let mut bench = Bench::new(conf(text));
    bench.give(Input::Command(Command::Start));
    for _ in 0..5 {
        bench.run_for(secs(1));
        bench.give(Input::CheckDone {
            check: CheckId(0),
            outcome: Outcome::Success,
        });
    }
    assert_eq!(bench.state(), StateKind::Master);
    bench.said.clear();
    bench
}

#[test]
fn an_unchanged_check_keeps_its_verdict_and_its_schedule() {
    let text = tracked("interval 2");
    let mut bench = checked(&text);
    let deadline = bench.engine.poll_timeout();
    let said = reload(&mut bench, &text);
    assert_eq!(said, ["reloaded"]);
    assert_eq!(bench.engine.poll_timeout(), deadline);
}

#[test]
fn a_new_check_does_not_topple_a_master() {
    let without = router("A", 51, "", &["10.0.0.1"]);
    let mut bench = masters(&without);
    let said = reload(&mut bench, &tracked("interval 2"));
    assert_eq!(said, ["reloaded"]);
    bench.give(Input::Timeout);
    assert_eq!(bench.words(), ["check 0"], "it runs at once");
    assert_eq!(bench.state(), StateKind::Master);
    let outcome = Outcome::Failure(1);
    bench.give(Input::CheckDone {
        check: CheckId(0),
        outcome,
    });
    assert_eq!(
        bench.transitions(),
        [(StateKind::Fault, Reason::CheckFailed { check: CheckId(0) })]
    );
}

#[test]
fn another_command_runs_at_once_and_the_verdict_waits_for_it() {
    let text = tracked("interval 2");
    let mut bench = checked(&text);
    // A run of the old command is under way.
    bench.run_for(secs(1));
    bench.said.clear();
    let said = reload(&mut bench, &text.replace("/bin/true", "/bin/false"));
    assert_eq!(said, ["cancel 0", "reloaded"]);
    bench.give(Input::Timeout);
    assert_eq!(bench.words(), ["check 0"]);
    assert_eq!(bench.state(), StateKind::Master);
}

#[test]
fn a_check_that_goes_takes_its_obstacle_along() {
    let mut bench = checked(&tracked("interval 2"));
    for _ in 0..8 {
        bench.run_for(secs(1));
        bench.give(Input::CheckDone {
            check: CheckId(0),
            outcome: Outcome::Failure(1),
        });
    }
    assert_eq!(bench.state(), StateKind::Fault);
    bench.said.clear();
    let said = reload(&mut bench, &router("A", 51, "", &["10.0.0.1"]));
    assert_eq!(
        said.last().map(String::as_str),
        Some("fault -> backup: recovered"),
        "{said:?}"
    );
}

#[test]
fn a_reload_before_the_start_starts_nothing() {
    let mut bench = Bench::new(conf(&router("A", 51, "", &["10.0.0.1"])));
    let said = reload(&mut bench, &router("B", 52, "", &["10.0.0.2"]));
    assert_eq!(said, ["reloaded"]);
    assert_eq!(bench.engine.poll_timeout(), None);
    bench.give(Input::Command(Command::Start));
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn a_start_delay_goes_on_and_is_not_begun_again() {
    let text = |delay, extra: &str| {
        let global = format!("global_defs {{\nvrrp_startup_delay {delay}\n}}\n");
        format!("{global}{}{extra}", router("A", 51, "", &["10.0.0.1"]))
    };
    let mut bench = Bench::new(conf(&text(5, "")));
    bench.give(Input::Command(Command::Start));
    bench.run_for(secs(3));
    bench.said.clear();
    let said = reload(&mut bench, &text(50, &router("B", 52, "", &["10.0.0.2"])));
    assert_eq!(said, ["reloaded"]);
    bench.run_for(secs(2));
    let states = [0, 1].map(|i| bench.engine.state(InstanceId(i)).0);
    assert_eq!(states, [StateKind::Backup; 2]);
    // Nor does a running daemon wait again.
    reload(&mut bench, &text(60, ""));
    assert_eq!(bench.state(), StateKind::Backup);
}

/// The outputs of one reload, checked against what the host should hold afterwards: over many
/// pairs of configurations, with whoever is master staying so.
#[test]
fn whatever_moves_the_host_ends_up_with_what_the_masters_hold() {
    let lists: [&[&str]; 5] = [
        &["10.0.0.1"],
        &["10.0.0.1", "10.0.0.2"],
        &["10.0.0.2/24"],
        &["10.0.0.3", "10.0.0.1/24"],
        &["10.0.0.4"],
    ];
    let text = |a: usize, b: usize, vrids: (u8, u8)| {
        let a = router("A", vrids.0, "", lists[a]);
        let b = router("B", vrids.1, "", lists[b]);
        format!("{a}{b}")
    };
    let mut pairs = Vec::new();
    for a in 0..lists.len() {
        for b in 0..lists.len() {
            let shared = lists[a].iter().any(|x| lists[b].contains(x));
            if !shared {
                pairs.push((a, b));
            }
        }
    }
    for &(a, b) in &pairs {
        for &(c, d) in &pairs {
            for vrids in [(51, 52), (52, 51), (51, 60)] {
                let mut bench = masters(&text(a, b, (51, 52)));
                let mut held: std::collections::BTreeSet<_> = {
                    let config = bench.engine.config();
                    let all = config.instances.iter().flat_map(|i| i.held_addresses());
                    all.cloned().collect()
                };
                let new = conf(&text(c, d, vrids));
                bench.give(Input::Command(Command::Reload(Box::new(new))));
                for (_, output) in bench.said.drain(..) {
                    match output {
                        Output::Effect(Effect::AddAddress { address, .. }) => {
                            assert!(held.insert(address), "added twice");
                        }
                        Output::Effect(Effect::RemoveAddress { address, .. }) => {
                            held.remove(&address);
                        }
                        _ => {}
                    }
                }
                let config = bench.engine.config();
                let ids = (0..2).map(InstanceId);
                let masters = ids.filter(|id| bench.engine.state(*id).0 == StateKind::Master);
                let wanted = masters.flat_map(|id| config.instance(id).held_addresses());
                let wanted: std::collections::BTreeSet<_> = wanted.cloned().collect();
                assert_eq!(held, wanted, "{a} {b} to {c} {d} {vrids:?}");
            }
        }
    }
}
