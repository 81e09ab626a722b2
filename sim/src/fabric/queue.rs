//! The event queue: ordered by time, then by the order in which events were put in.

use core::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use locum_engine::Instant;

/// Events of type `E` in order of (time, sequence): first come, first served within an instant.
#[derive(Clone, Debug)]
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    sequence: u64,
}

#[derive(Clone, Debug)]
struct Entry<E> {
    at: Instant,
    sequence: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            sequence: 0,
        }
    }

    /// Puts an event in; one at [`Instant::FAR_FUTURE`] never comes and isn't kept.
    pub(crate) fn push(&mut self, at: Instant, event: E) {
        if at == Instant::FAR_FUTURE {
            return;
        }
        let sequence = self.sequence;
        self.sequence += 1;
        self.heap.push(Reverse(Entry {
            at,
            sequence,
            event,
        }));
    }

    /// The time of the earliest event.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// How many events there are, void ones included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Takes the earliest event out, unless it is later than `until`.
    pub(crate) fn pop_until(&mut self, until: Instant) -> Option<(Instant, E)> {
        if self.next_at()? > until {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut queue = Queue::new();
        queue.push(Instant::from_nanos(2), 'c');
        queue.push(Instant::from_nanos(1), 'a');
        queue.push(Instant::from_nanos(2), 'd');
        queue.push(Instant::from_nanos(1), 'b');
        queue.push(Instant::FAR_FUTURE, 'x');
        let order: String = core::iter::from_fn(|| queue.pop_until(Instant::from_nanos(2)))
            .map(|(_, event)| event)
            .collect();
        assert_eq!(order, "abcd");
        assert_eq!(queue.next_at(), None);
    }
}
