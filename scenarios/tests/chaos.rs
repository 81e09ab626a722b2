//! What a seed expands into: fixed, explicit, put right in time, and stable when more is asked for.

use std::collections::BTreeSet;

use locum_engine::Instant;
use locum_scenarios::{Scenario, catalogue, say};
use locum_sim::fault::{Fault, TimedFault};

fn scenario(faults: u32) -> Scenario {
    let text = catalogue::find("any-day")
        .expect("it is in the catalogue")
        .text;
    let text = text.replace("faults = 8", &format!("faults = {faults}"));
    Scenario::read("any-day.toml", &text, None).expect("it is good")
}

#[test]
fn a_seed_is_a_plan_and_another_is_another() {
    let scenario = scenario(8);
    let plans: Vec<_> = (0..100).map(|seed| scenario.plan(seed)).collect();
    for (seed, plan) in (0..).zip(&plans) {
        assert_eq!(*plan, scenario.plan(seed));
        assert!(plan.faults.is_sorted_by_key(|fault| fault.at));
    }
    let distinct: BTreeSet<String> = plans.iter().map(|p| format!("{:?}", p.faults)).collect();
    assert_eq!(distinct.len(), 100);
}

#[test]
fn asking_for_more_leaves_the_earlier_faults_alone() {
    for seed in 0..50 {
        let more = scenario(9).plan(seed).faults;
        for fault in scenario(8).plan(seed).faults {
            assert!(more.contains(&fault), "seed {seed}: {fault:?}");
        }
    }
}

#[test]
fn every_fault_is_put_right_before_the_end() {
    let scenario = scenario(30);
    let (from, to) = (Instant::from_millis(10_000), Instant::from_millis(50_000));
    let spared = scenario.topology.cables.len() as u16 - 1;
    let mut kinds = BTreeSet::new();
    for seed in 0..200 {
        let faults = scenario.plan(seed).faults;
        let open = faults.iter().fold(0, |open, fault| open + opens(fault));
        assert_eq!(open, 0, "seed {seed}");
        for TimedFault { at, fault } in &faults {
            assert!((from..=to).contains(at), "seed {seed}: {fault:?} at {at}");
            if let Fault::RebootSwitch(_, lasts) = fault {
                assert!(*at + *lasts <= to, "seed {seed}");
            }
            let touches = matches!(fault, Fault::Pull(c) | Fault::Dark(c, _) if c.0 == spared);
            assert!(!touches, "seed {seed}: the client's cable is spared");
            let text = format!("{fault:?}");
            kinds.insert(text[..text.find('(').unwrap_or(text.len())].to_owned());
        }
    }
    let expected = [
        "Dark",
        "Hang",
        "Heal",
        "Light",
        "Loss",
        "Partition",
        "PauseVm",
        "Plug",
        "PowerOff",
        "PowerOn",
        "Pull",
        "RebootSwitch",
        "Resume",
        "ResumeVm",
        "Start",
        "Stop",
    ];
    assert_eq!(
        kinds.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}

/// One for what breaks, minus one for what mends.
fn opens(fault: &TimedFault) -> i32 {
    match fault.fault {
        Fault::Pull(_)
        | Fault::Dark(..)
        | Fault::Partition(..)
        | Fault::PowerOff(_)
        | Fault::Stop(_)
        | Fault::Hang(_)
        | Fault::PauseVm(_) => 1,
        Fault::Loss(_, _, rate, _) => i32::from(rate > 0) * 2 - 1,
        Fault::RebootSwitch(..) => 0,
        _ => -1,
    }
}

#[test]
fn a_plan_can_be_kept_as_a_timeline() {
    for seed in 0..50 {
        let scenario = scenario(8);
        let plan = scenario.plan(seed);
        let entries: Vec<String> = plan
            .faults
            .iter()
            .map(|fault| say::as_toml(&scenario.topology, fault))
            .collect();
        let text = catalogue::find("any-day")
            .expect("it is in the catalogue")
            .text;
        let (before, rest) = text.split_once("[chaos]").expect("it has some");
        let (_, after) = rest.split_once("\n\n").expect("a table follows");
        let text = format!("timeline = [{}]\n{before}{after}", entries.join(", "));
        let kept = Scenario::read("kept.toml", &text, None).expect("it reads back");
        assert!(kept.chaos.is_none());
        assert_eq!(kept.plan(seed), plan);
    }
}
