//! How long announcements may take that keep a distance (`vrrp_garp_interval`, `garp_group`).

use core::time::Duration;

use locum_engine::config::GarpConfig;

use super::member::Member;

/// From asking for a burst to its last announcement, at most: a router has one burst under way at a
/// time, so that no more than the largest of everybody's can wait in a queue. Zero without a
/// distance.
pub(super) fn longest_burst(member: &Member) -> Duration {
    let config = member.config();
    let mut longest = Duration::ZERO;
    for pace in &config.pacing {
        let covers = |a: &&_| {
            let address: &locum_engine::config::VirtualAddress = a;
            pace.interfaces.contains(&address.interface)
        };
        if member.spec().held_addresses().any(|a| covers(&a)) {
            let waiting = config.instances.iter().map(|instance| {
                let held = instance.held_addresses().filter(covers).count();
                u32::try_from(held).unwrap_or(u32::MAX) * most_rounds(&instance.garp)
            });
            let gap = pace.garp.max(pace.gna);
            longest = longest.max(gap * waiting.sum::<u32>());
        }
    }
    longest
}

fn most_rounds(garp: &GarpConfig) -> u32 {
    let rounds = [garp.repeat, garp.refresh_repeat, garp.contest_repeat, 1];
    rounds.into_iter().max().unwrap_or(1)
}
