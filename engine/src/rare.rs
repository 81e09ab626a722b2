//! What most routers never need, at the price of a pointer.
//!
//! There may be thousands of routers, and each is looked at every second: what they carry along is
//! memory, and time to fetch it.

use core::cmp::Ordering;
use core::net::IpAddr;
use core::ops::{Deref, DerefMut};
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A value that is blank until somebody wants to change it. Shown as the value itself; saved as it
/// is, so that who goes on from there does just the same.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Rare<T>(Option<Box<T>>);

/// Something that has a blank, its default, at hand.
pub trait Blank: Default + 'static {
    /// The default, somewhere.
    fn blank() -> &'static Self;
}

impl Blank for BTreeSet<IpAddr> {
    fn blank() -> &'static Self {
        static BLANK: BTreeSet<IpAddr> = BTreeSet::new();
        &BLANK
    }
}

impl<T> Rare<T> {
    /// To be changed if it isn't blank.
    pub(crate) fn present(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T: Blank> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::blank())
    }
}

impl<T: Blank> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Blank + PartialEq> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self((value != *T::blank()).then(|| Box::new(value)))
    }
}

impl<T: Blank + PartialEq> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Blank + Eq> Eq for Rare<T> {}

impl<T: Blank + PartialOrd> PartialOrd for Rare<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Blank + Ord> Ord for Rare<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Blank + core::fmt::Debug> core::fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}
