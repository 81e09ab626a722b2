//! What has to wait for the host: the announcement of an address that isn't up yet, and the
//! resignation of a master whose addresses aren't gone yet. Other adverts never wait.

use std::collections::VecDeque;

use locum_engine::Transmit;
use locum_engine::ids::{InstanceId, Priority};

/// What waits, in order.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: VecDeque<Item>,
    /// How many resignations are among them.
    resignations: usize,
}

#[derive(Debug)]
struct Item {
    /// Leaves when the host has done so much.
    after: u64,
    transmit: Transmit,
    /// Announcements are repeated; they are kept once.
    times: u32,
}

impl Held {
    /// Gives back what may leave at once, when the host was asked for `asked` things, and has done so
    /// many.
    pub(super) fn admit(&mut self, transmit: Transmit, asked: u64, done: u64) -> Option<Transmit> {
        let waits = match &transmit {
            Transmit::Advert {
                instance, priority, ..
            } if *priority != Priority::RELEASE => self.resigns(*instance),
            Transmit::Advert { .. }
            | Transmit::GratuitousArp { .. }
            | Transmit::NeighbourAdvert { .. } => done < asked || !self.queue.is_empty(),
        };
        if !waits {
            return Some(transmit);
        }
        match self.queue.back_mut() {
            Some(last) if last.after == asked && last.transmit == transmit => last.times += 1,
            Some(_) | None => {
                self.resignations += usize::from(is_resignation(&transmit).is_some());
                self.queue.push_back(Item {
                    after: asked,
                    transmit,
                    times: 1,
                });
            }
        }
        None
    }

    /// The next thing that may leave, when the host has done so much.
    pub(super) fn next(&mut self, done: u64) -> Option<Transmit> {
        let first = self.queue.front_mut()?;
        if first.after > done {
            return None;
        }
        if first.times > 1 {
            first.times -= 1;
            return Some(first.transmit.clone());
        }
        let item = self.queue.pop_front()?;
        if self.queue.is_empty() {
            // Thousands may have waited.
            self.queue = VecDeque::new();
        }
        self.resignations -= usize::from(is_resignation(&item.transmit).is_some());
        Some(item.transmit)
    }

    /// An advert must not overtake its own router's resignation.
    fn resigns(&self, instance: InstanceId) -> bool {
        let mut queue = self.queue.iter();
        self.resignations > 0 && queue.any(|item| is_resignation(&item.transmit) == Some(instance))
    }
}

/// Whose resignation it is, if it is one.
fn is_resignation(transmit: &Transmit) -> Option<InstanceId> {
    match transmit {
        Transmit::Advert {
            instance,
            priority: Priority::RELEASE,
            ..
        } => Some(*instance),
        Transmit::Advert { .. }
        | Transmit::GratuitousArp { .. }
        | Transmit::NeighbourAdvert { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use locum_engine::ids::{InterfaceId, MacAddr};

    use super::*;

    fn advert(instance: u16, priority: u8) -> Transmit {
        Transmit::Advert {
            instance: InstanceId(instance),
            interface: InterfaceId(0),
            destination: Ipv4Addr::new(224, 0, 0, 18).into(),
            priority: Priority(priority),
            copy: false,
            packet: vec![],
        }
    }

    fn announcement(last: u8) -> Transmit {
        Transmit::GratuitousArp {
            instance: InstanceId(0),
            interface: InterfaceId(0),
            address: Ipv4Addr::new(10, 0, 0, last),
            mac: MacAddr::default(),
            frame: locum_engine::wire::arp::gratuitous(
                MacAddr::default(),
                Ipv4Addr::new(10, 0, 0, last),
            ),
        }
    }

    #[test]
    fn announcements_wait_for_their_address_and_adverts_do_not() {
        let mut held = Held::default();
        assert!(held.admit(announcement(1), 0, 0).is_some(), "nothing to do");
        for _ in 0..3 {
            assert_eq!(held.admit(announcement(1), 1, 0), None);
        }
        assert_eq!(held.admit(announcement(2), 2, 0), None);
        assert!(held.admit(advert(0, 100), 2, 0).is_some());
        assert_eq!(held.next(0), None);
        let first: Vec<_> = std::iter::from_fn(|| held.next(1)).collect();
        assert_eq!(first, [announcement(1), announcement(1), announcement(1)]);
        assert_eq!(held.next(2), Some(announcement(2)));
        assert_eq!(held.next(2), None);
    }

    #[test]
    fn an_advert_stays_behind_its_own_resignation() {
        let mut held = Held::default();
        assert_eq!(held.admit(advert(0, 0), 1, 0), None);
        assert_eq!(held.admit(advert(0, 100), 1, 0), None);
        assert!(held.admit(advert(1, 100), 1, 0).is_some(), "another's");
        assert_eq!(held.next(1), Some(advert(0, 0)));
        assert_eq!(held.next(1), Some(advert(0, 100)));
        assert!(held.admit(advert(0, 100), 1, 1).is_some());
    }
}
