//! What happens to frames under way, as the kernel is told it.
//!
//! Frames are dropped by nftables on the bridges, where they come out of a cable; so the sender's
//! carrier stays, and a capture on the bridge has no frame that got lost before it. Each frame is
//! marked with the host it comes from, for partitions. What nftables can't do is done by netem.

use std::collections::BTreeSet;
use std::fmt::Write;

use locum_sim::fault::Direction;
use locum_sim::topology::{CableId, HostId, Path};

use super::Failure;
use super::lab::{Joins, Lab, joins};
use super::tool::{feed, must};

/// The state of every cable, and who is parted from whom.
pub(super) struct Rules {
    cables: Vec<[Way; 2]>,
    parted: BTreeSet<(HostId, HostId)>,
}

/// One direction of a cable.
#[derive(Clone, Copy, Debug)]
struct Way {
    dark: bool,
    path: Path,
    /// What netem was told last.
    netem: Path,
}

/// Whether only netem can do it. The latency that a cable has when nobody asks for one is left
/// to the kernel's own.
pub(super) fn needs_netem(path: &Path) -> bool {
    let plain = Path {
        loss_ppm: path.loss_ppm,
        reorder_by: path.reorder_by,
        ..Path::default()
    };
    *path != plain
}

/// Whether this kernel has netem.
pub(super) fn has_netem(lab: &Lab) -> bool {
    let namespace = lab.switches();
    let netem = |verb: &str| {
        let words = ["tc", "-n", &namespace, "qdisc", verb, "dev", "lo", "root"];
        must(&[&words[..], &["netem", "delay", "1ms"]].concat()).is_ok()
    };
    netem("add") && netem("del")
}

impl Rules {
    /// As the cables are at the start.
    pub(super) fn new(lab: &Lab) -> Self {
        let way = |path| Way {
            dark: false,
            path,
            netem: Path::default(),
        };
        let cables = lab.topology.cables.iter();
        Self {
            cables: cables.map(|c| [way(c.a_to_b), way(c.b_to_a)]).collect(),
            parted: BTreeSet::new(),
        }
    }

    /// Frames of a direction vanish, or don't.
    pub(super) fn dark(&mut self, cable: CableId, direction: Direction, dark: bool) {
        self.each(cable, direction, |way| way.dark = dark);
    }

    /// Changes what a cable does to frames.
    pub(super) fn path(
        &mut self,
        cable: CableId,
        direction: Direction,
        change: impl Fn(&mut Path),
    ) {
        self.each(cable, direction, |way| change(&mut way.path));
    }

    /// Parts two groups of hosts.
    pub(super) fn part(&mut self, left: &[HostId], right: &[HostId]) {
        for (a, b) in left
            .iter()
            .flat_map(|a| right.iter().map(move |b| (*a, *b)))
        {
            self.parted.extend([(a, b), (b, a)]);
        }
    }

    /// Ends every partition.
    pub(super) fn heal(&mut self) {
        self.parted.clear();
    }

    fn each(&mut self, cable: CableId, direction: Direction, change: impl Fn(&mut Way)) {
        let [forth, back] = &mut self.cables[cable.index()];
        if direction != Direction::BToA {
            change(forth);
        }
        if direction != Direction::AToB {
            change(back);
        }
    }

    /// Tells the kernel.
    pub(super) fn apply(&mut self, lab: &Lab) -> Result<(), Failure> {
        let namespace = lab.switches();
        feed(
            &["ip", "netns", "exec", &namespace, "nft", "-f", "-"],
            &self.ruleset(lab),
        )?;
        for index in 0..self.cables.len() {
            for forth in [true, false] {
                self.netem(lab, CableId(index as u16), forth)?;
            }
        }
        Ok(())
    }

    /// Replaces the whole table at once.
    fn ruleset(&self, lab: &Lab) -> String {
        let mut entering = String::new();
        let mut leaving = String::new();
        for (index, ways) in self.cables.iter().enumerate() {
            let cable = CableId(index as u16);
            let (joined, host_first) = joins(&lab.topology, cable);
            let port = |n: usize| lab.ports(cable).get(n).cloned().unwrap_or_default();
            // Where frames of each direction come out, or go in when that is a host.
            let places = match joined {
                Joins::Hosts => continue,
                Joins::Host(..) => {
                    let (from_host, to_host) = if host_first { (0, 1) } else { (1, 0) };
                    drops(
                        &mut entering,
                        &format!("iifname {}", port(0)),
                        ways[from_host],
                    );
                    drops(&mut leaving, &format!("oifname {}", port(0)), ways[to_host]);
                    continue;
                }
                Joins::Switches(..) => [port(1), port(0)],
            };
            for (place, way) in places.iter().zip(ways) {
                drops(&mut entering, &format!("iifname {place}"), *way);
            }
        }
        for (index, _) in self.cables.iter().enumerate() {
            if let (Joins::Host(host, _), _) = joins(&lab.topology, CableId(index as u16)) {
                let mark = host.index() + 1;
                // Writing to a String can't fail.
                let _ = writeln!(entering, "iifname p{index} meta mark set {mark}");
            }
        }
        let mut across = String::new();
        for (index, _) in self.cables.iter().enumerate() {
            let (Joins::Host(to, _), _) = joins(&lab.topology, CableId(index as u16)) else {
                continue;
            };
            for (from, _) in self.parted.iter().filter(|(_, other)| *other == to) {
                let mark = from.index() + 1;
                let _ = writeln!(across, "meta mark {mark} oifname p{index} drop");
            }
        }
        let chain = |name: &str, hook: &str, rules: &str| {
            format!("chain {name} {{\ntype filter hook {hook} priority 0\n{rules}}}\n")
        };
        format!(
            "add table bridge rehearse\ndelete table bridge rehearse\ntable bridge rehearse {{\n{}{}{}}}\n",
            chain("entering", "prerouting", &entering),
            chain("across", "forward", &across),
            chain("leaving", "postrouting", &leaving),
        )
    }

    fn netem(&mut self, lab: &Lab, cable: CableId, forth: bool) -> Result<(), Failure> {
        let way = &mut self.cables[cable.index()][usize::from(!forth)];
        let told = needs_netem(&way.netem);
        if (way.netem == way.path) || (!told && !needs_netem(&way.path)) {
            return Ok(());
        }
        way.netem = way.path;
        let (joined, host_first) = joins(&lab.topology, cable);
        let (namespace, device) = match joined {
            Joins::Hosts => return Ok(()),
            Joins::Host(host, _) if forth == host_first => {
                (lab.host(host), lab.nic(host).to_owned())
            }
            Joins::Host(..) => (lab.switches(), format!("p{}", cable.index())),
            Joins::Switches(..) => {
                let end = if forth { "a" } else { "b" };
                (lab.switches(), format!("p{}{end}", cable.index()))
            }
        };
        let path = way.path;
        let verb = if needs_netem(&path) { "replace" } else { "del" };
        let mut line = format!("tc -n {namespace} qdisc {verb} dev {device} root");
        if needs_netem(&path) {
            let _ = write!(line, " netem{}", options(&path));
        }
        must(&line.split(' ').collect::<Vec<_>>()).map(|_| ())
    }
}

/// The rules that drop frames of one direction.
fn drops(rules: &mut String, place: &str, way: Way) {
    if way.dark {
        let _ = writeln!(rules, "{place} drop");
    } else if way.path.loss_ppm > 0 {
        let ppm = way.path.loss_ppm;
        let _ = writeln!(rules, "{place} numgen random mod 1000000 < {ppm} drop");
    }
}

/// What netem is told.
fn options(path: &Path) -> String {
    let percent = |ppm: u32| format!("{}.{:04}%", ppm / 10_000, ppm % 10_000);
    let mut text = format!(" delay {}us", path.latency.as_micros());
    if let Some(burst) = path.burst {
        let (begins, ends) = (percent(burst.enter_ppm), percent(burst.leave_ppm));
        let _ = write!(text, " loss gemodel {begins} {ends}");
    }
    for (word, ppm) in [
        ("duplicate", path.duplicate_ppm),
        ("corrupt", path.corrupt_ppm),
    ] {
        if ppm > 0 {
            let _ = write!(text, " {word} {}", percent(ppm));
        }
    }
    if path.reorder_ppm > 0 {
        // netem sends the others late, and these at once.
        let by = path.latency + path.reorder_by;
        let early = percent(1_000_000 - path.reorder_ppm);
        text = text.replace(
            &format!("delay {}us", path.latency.as_micros()),
            &format!("delay {}us", by.as_micros()),
        );
        let _ = write!(text, " reorder {early}");
    }
    text
}
