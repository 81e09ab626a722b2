//! The addresses that an advert carries, ready for the wire. Nearly always there is one, which needs
//! no memory of its own.

use core::net::IpAddr;
use core::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::InstanceConfig;

/// The advertised addresses, in the order of the configuration.
#[derive(Debug)]
pub(super) enum Advertised {
    One(IpAddr),
    Many(Box<[IpAddr]>),
}

impl Advertised {
    pub(super) fn of(config: &InstanceConfig) -> Self {
        config.addresses.iter().map(|a| a.address).collect()
    }
}

impl FromIterator<IpAddr> for Advertised {
    fn from_iter<T: IntoIterator<Item = IpAddr>>(addresses: T) -> Self {
        let list: Vec<IpAddr> = addresses.into_iter().collect();
        match *list {
            [one] => Self::One(one),
            _ => Self::Many(list.into()),
        }
    }
}

impl Deref for Advertised {
    type Target = [IpAddr];

    fn deref(&self) -> &[IpAddr] {
        match self {
            Self::One(address) => core::slice::from_ref(address),
            Self::Many(addresses) => addresses,
        }
    }
}

impl Serialize for Advertised {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Advertised {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}
