//! What a configuration will do, in plain words: a paragraph for each instance.
//!
//! The numbers are those the engine works with (`fsm::master_down`, the weights of keepalived), so
//! that an operator sees before a failure what will happen in it. A paragraph is about this router:
//! what its peers are configured to do isn't known here.

mod auth;
mod belongings;
mod group;
mod watched;

use core::time::Duration;

use super::lint::detection;
use crate::config::{
    CheckCommand, CheckConfig, Config, InstanceConfig, Preempt, Track, Version, VirtualAddress,
};
use crate::fsm::{master_down, patience, skew};
use crate::time::Seconds;
use crate::wire::Family;

/// What each instance and each group of a configuration will do. Ends with a newline unless it is empty.
///
/// Times are in seconds. A peer is another router of the same virtual router.
pub fn explain(config: &Config) -> String {
    let paragraphs: Vec<String> = config
        .instances
        .iter()
        .map(|instance| paragraph(config, instance))
        .chain(config.groups.iter().map(|g| group::paragraph(config, g)))
        .chain(belongings::statics(config))
        .collect();
    paragraphs.join("\n")
}

fn paragraph(config: &Config, instance: &InstanceConfig) -> String {
    let version = match instance.version {
        Version::V2 => 2,
        Version::V3 => 3,
    };
    let over = match instance.family {
        Family::V4 => "",
        Family::V6 => " over IPv6",
    };
    let mut text = format!(
        "{}: virtual router {} on {}, VRRP version {version}{over}, priority {}.\n",
        instance.name,
        instance.vrid,
        config.interface_name(instance.interface),
        instance.priority
    );
    let mut say = |sentence: String| {
        text.push_str("  ");
        text.push_str(&sentence);
        text.push('\n');
    };
    say(addresses(config, instance));
    let belongings = [
        belongings::virtual_mac(config, instance),
        belongings::access(instance),
        belongings::objects(config, instance),
    ];
    belongings.into_iter().flatten().for_each(&mut say);
    if let Some(transport) = transport(instance) {
        say(transport);
    }
    say(silence(instance));
    if !config.startup_delay.is_zero() {
        say(format!(
            "It takes part only {} after the daemon has started.",
            Seconds(config.startup_delay)
        ));
    }
    if !config.delay_after_boot.is_zero() {
        say(format!(
            "After a boot of the machine it takes part {} later, however soon the daemon starts.",
            Seconds(config.delay_after_boot)
        ));
    }
    if !instance.is_owner() {
        say(preemption(instance));
    }
    say(as_master(instance));
    if let Some(sentence) = gives_in(instance) {
        say(sentence);
    }
    if let Some(lease) = leased(instance) {
        say(lease);
    }
    if let Some(pace) = paced(config, instance) {
        say(pace);
    }
    for track in &instance.tracks {
        say(tracked(config, instance, track));
    }
    for sentence in watched::sentences(config, instance) {
        say(sentence);
    }
    if let Some(range) = range(instance) {
        say(range);
    }
    say(arbitration(config, instance));
    say(auth::authentication(instance));
    text
}

/// Whom it talks to, when that isn't the group.
fn transport(instance: &InstanceConfig) -> Option<String> {
    let Some(unicast) = instance.unicast.as_ref() else {
        let group = instance.group?;
        return Some(format!("Its adverts go to the group {group}."));
    };
    let peers: Vec<String> = unicast
        .peers
        .iter()
        .map(|peer| peer.address.to_string())
        .collect();
    let peers = peers.join(", ");
    Some(if unicast.peers.is_empty() {
        "It has no unicast peers and stays in fault.".to_owned()
    } else if unicast.check_source {
        format!(
            "Its adverts go to {peers}, and it hears no others: the multicast group isn't used."
        )
    } else {
        format!(
            "Its adverts go to {peers}, and it hears whoever writes to it: the multicast group isn't used."
        )
    })
}

/// When a backup becomes master.
fn silence(instance: &InstanceConfig) -> String {
    let (version, priority) = (instance.version, instance.priority);
    let interval = instance.advert_interval;
    if instance.is_owner() {
        return "It owns the addresses: it is master as soon as it starts and yields to nobody."
            .to_owned();
    }
    let missed = instance.tuning.down_timer_adverts;
    let skew = skew(version, priority, interval);
    let learned = match version {
        Version::V2 => "",
        Version::V3 => ", in which the master's own interval counts once it is heard",
    };
    format!(
        "It starts as backup and becomes master after {} without an advert ({missed} x {} + skew {}{learned}); when the master resigns, after {}.",
        Seconds(master_down(version, priority, interval, missed)),
        Seconds(interval.duration()),
        Seconds(skew),
        Seconds(skew),
    )
}

fn preemption(instance: &InstanceConfig) -> String {
    match instance.preempt {
        Preempt::Always => {
            "It takes over from a master of lower priority, after the same time.".to_owned()
        }
        Preempt::After(delay) => format!(
            "It leaves a master of lower priority alone for {} from first hearing it, then takes over after the same time.",
            Seconds(delay)
        ),
        Preempt::Never => {
            "It leaves a master alone for as long as it hears one, whatever the priorities."
                .to_owned()
        }
    }
}

fn as_master(instance: &InstanceConfig) -> String {
    let garp = &instance.garp;
    let mut text = format!(
        "As master it sends an advert each {} and announces each address {} at once",
        Seconds(instance.advert_interval.duration()),
        times(garp.repeat)
    );
    if !garp.delay.is_zero() {
        text += &format!(
            ", {} more after {}",
            times(garp.repeat),
            Seconds(garp.delay)
        );
    }
    if !garp.refresh.is_zero() {
        text += &format!(
            ", and {} each {}",
            times(garp.refresh_repeat),
            Seconds(garp.refresh)
        );
    }
    if !garp.elsewhere.is_zero() {
        text += &format!(
            "; those on other interfaces also each {}",
            Seconds(garp.elsewhere)
        );
    }
    text + "."
}

/// When a master that was held up doesn't go on.
fn gives_in(instance: &InstanceConfig) -> Option<String> {
    let rival = instance.tuning.timer_expired_backup?;
    let (version, interval) = (instance.version, instance.advert_interval);
    let late = patience(version, rival, interval, instance.tuning.down_timer_adverts);
    Some(format!(
        "When it was held up and an advert is more than {} late, so that a peer of priority {rival} may have taken over, it becomes backup.",
        Seconds(late)
    ))
}

/// What becomes of its addresses when it is killed or hangs.
fn leased(instance: &InstanceConfig) -> Option<String> {
    instance.held_addresses().next()?;
    let Some(lease) = instance.lease else {
        return Some(
            "Killed or hung as master, it leaves its addresses where they are.".to_owned(),
        );
    };
    Some(format!(
        "Killed or hung as master, it loses its addresses within {}: the kernel removes them unless they are refreshed, which happens three times in that span.",
        Seconds(lease)
    ))
}

/// How far its announcements are apart.
fn paced(config: &Config, instance: &InstanceConfig) -> Option<String> {
    let mut parts = Vec::new();
    for pace in &config.pacing {
        let on = |address: &&VirtualAddress| pace.interfaces.contains(&address.interface);
        for (what, gap, v4) in [
            ("gratuitous ARPs", pace.garp, true),
            ("neighbour advertisements", pace.gna, false),
        ] {
            let held = instance.held_addresses().filter(on);
            let count = held.filter(|a| a.address.is_ipv4() == v4).count();
            if gap.is_zero() || count == 0 {
                continue;
            }
            let names = pace.interfaces.iter().map(|&id| config.interface_name(id));
            let names = names.collect::<Vec<_>>().join(", ");
            let burst = u32::try_from(count).unwrap_or(u32::MAX);
            let gaps = burst.saturating_mul(instance.garp.repeat).saturating_sub(1);
            parts.push(format!(
                "{what} out of {names} are {} apart, so that its burst takes {} or more",
                Seconds(gap),
                Seconds(gap.saturating_mul(gaps))
            ));
        }
    }
    (!parts.is_empty()).then(|| format!("Its {}.", parts.join("; its ")))
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn addresses(config: &Config, instance: &InstanceConfig) -> String {
    if instance.held_addresses().next().is_none() {
        return "It holds no address.".to_owned();
    }
    let list = |addresses: &[VirtualAddress]| {
        let shown = addresses.iter().take(MOST_SHOWN).map(|address| {
            let mut text = format!("{}/{}", address.address, address.prefix);
            if address.interface != instance.interface {
                text += &format!(" on {}", config.interface_name(address.interface));
            }
            text
        });
        let mut text = shown.collect::<Vec<_>>().join(", ");
        if addresses.len() > MOST_SHOWN {
            text += &format!(" and {} more", addresses.len() - MOST_SHOWN);
        }
        text
    };
    match (&instance.addresses[..], &instance.excluded[..]) {
        (advertised, []) => format!("The master holds {}.", list(advertised)),
        ([], excluded) => format!("The master holds, unadvertised, {}.", list(excluded)),
        (advertised, excluded) => format!(
            "The master holds {}; and, unadvertised, {}.",
            list(advertised),
            list(excluded)
        ),
    }
}

/// Addresses named, at most.
const MOST_SHOWN: usize = 8;

/// What one check's result does.
fn tracked(config: &Config, instance: &InstanceConfig, track: &Track) -> String {
    let check = config.check(track.check);
    let subject = subject(check);
    let weight = track.weight;
    let bad = if weight.reverse { "succeeds" } else { "fails" };
    let noticed = format!(
        "noticed within {} at fall {}",
        Seconds(Duration::from_nanos(detection(check))),
        check.fall
    );
    if weight.value == 0 {
        return format!(
            "While {subject} {bad} ({noticed}) it is in fault: it holds no addresses and sends nothing, so that a peer takes over."
        );
    }
    let base = i16::from(instance.priority.get());
    let shift = if weight.reverse {
        -weight.value
    } else {
        weight.value
    };
    // A positive weight counts while the check is good, a negative one while it is bad.
    let (succeeding, failing) = match weight.value {
        1.. => (clamp(base + shift), clamp(base)),
        _ => (clamp(base), clamp(base + shift)),
    };
    let (low, high) = (succeeding.min(failing), succeeding.max(failing));
    let then = match instance.preempt {
        Preempt::Never => format!(
            "at {low} no peer with `nopreempt` takes over while this router is heard, and others only above {low}"
        ),
        _ => format!(
            "at {low} a peer takes over whose priority, its own checks counted, is above {low}, at {high} one above {high}"
        ),
    };
    format!(
        "While {subject} succeeds its priority is {succeeding}, while it fails {failing} ({noticed}): {then}."
    )
}

fn clamp(priority: i16) -> i16 {
    priority.clamp(1, 254)
}

/// What is checked, in words.
fn subject(check: &CheckConfig) -> String {
    match &check.command {
        CheckCommand::Script(_) => format!("the script `{}`", check.name),
        CheckCommand::Probe(_) => format!("the probe `{}`", check.name),
    }
}

/// Where the priority can get to, when several weights move it.
fn range(instance: &InstanceConfig) -> Option<String> {
    let weights = instance.tracks.iter().map(|track| track.weight);
    let weights = weights.chain(instance.links.iter().map(|track| track.weight));
    let weights = weights.chain(instance.processes.iter().map(|track| track.weight));
    let moves = weights.map(|weight| {
        let value = i32::from(weight.value);
        if weight.reverse { -value } else { value }
    });
    let moves: Vec<i32> = moves.filter(|&value| value != 0).collect();
    if moves.len() < 2 || !instance.files.is_empty() || instance.is_owner() {
        return None;
    }
    let base = i32::from(instance.priority.get());
    let low: i32 = base + moves.iter().filter(|&&m| m < 0).sum::<i32>();
    let high: i32 = base + moves.iter().filter(|&&m| m > 0).sum::<i32>();
    Some(format!(
        "All checks together move its priority between {} and {}.",
        low.clamp(1, 254),
        high.clamp(1, 254)
    ))
}

/// What happens when the network itself fails: the policy that the checks amount to.
fn arbitration(config: &Config, instance: &InstanceConfig) -> String {
    let gives_up = |track: &&Track| track.weight.value == 0 && !track.weight.reverse;
    let outward = |track: &&Track| match &config.check(track.check).command {
        CheckCommand::Probe(probe) => !probe.is_local(),
        CheckCommand::Script(_) => true,
    };
    let names = |tracks: &mut dyn Iterator<Item = &Track>| {
        let names = tracks.map(|t| format!("`{}`", config.check(t.check).name));
        names.collect::<Vec<_>>().join(" and ")
    };
    let deciding = names(&mut instance.tracks.iter().filter(gives_up).filter(outward));
    if !deciding.is_empty() {
        let in_time = instance
            .tracks
            .iter()
            .filter(gives_up)
            .filter(outward)
            .map(|track| detection(config.check(track.check)))
            .min()
            .is_some_and(|needed| needed <= super::lint::takeover(instance));
        let split = match in_time {
            true => "a router that is cut off has let go before its peer takes over",
            false => "a router that is cut off lets go too late to prevent two masters for a while",
        };
        return format!(
            "When {deciding} fails on every router nobody serves; when the routers can't hear each other, {split}."
        );
    }
    let watched = instance.links.len() + instance.files.len() + instance.processes.len();
    let start = match instance.tracks.is_empty() && watched == 0 {
        true => "Nothing is checked: a master that its clients can't reach stays master",
        false => "When its checks fail on every router one of them still serves",
    };
    format!("{start}; when the routers can't hear each other, each of them serves.")
}
