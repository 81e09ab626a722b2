//! How late deadlines are honoured: the whole engine's, in a few classes.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Upper bounds of the classes; a last class has what is later.
const BOUNDS: [Duration; 10] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// A histogram of lateness. Adverts, takeovers and announcements of all instances count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateness {
    classes: [u64; BOUNDS.len() + 1],
    total: Duration,
    most: Duration,
}

impl Lateness {
    /// A deadline was honoured so late.
    pub(crate) fn note(&mut self, late: Duration) {
        let class = BOUNDS.iter().position(|bound| late <= *bound);
        self.classes[class.unwrap_or(BOUNDS.len())] += 1;
        self.total = self.total.saturating_add(late);
        self.most = self.most.max(late);
    }

    /// How many deadlines were honoured.
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// All their lateness together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The latest of all.
    pub fn most(&self) -> Duration {
        self.most
    }

    /// Each bound, and how many deadlines were honoured no later than that.
    pub fn up_to(&self) -> impl Iterator<Item = (Duration, u64)> {
        let sums = self.classes.iter().scan(0, |sum, class| {
            *sum += class;
            Some(*sum)
        });
        BOUNDS.into_iter().zip(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lateness_is_in_one_class() {
        let mut lateness = Lateness::default();
        for micros in [0, 50, 51, 900, 5_000_000] {
            lateness.note(Duration::from_micros(micros));
        }
        let up_to: Vec<u64> = lateness.up_to().map(|(_, count)| count).collect();
        assert_eq!(up_to, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4]);
        assert_eq!(lateness.count(), 5);
        assert_eq!(lateness.most(), Duration::from_secs(5));
        assert_eq!(lateness.total(), Duration::from_micros(5_001_001));
    }
}
