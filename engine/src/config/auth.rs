//! How adverts are authenticated. Nothing here shows a key: neither `Debug` nor an error does.

use core::fmt;
use core::time::Duration;

/// How adverts are authenticated by VRRPv2's own means (RFC 2338).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Auth {
    /// No authentication.
    #[default]
    None,
    /// `auth_type PASS`: eight bytes in clear, zero padded (RFC 2338; VRRPv2 only).
    Password([u8; 8]),
    /// `auth_type AH`: an IPsec authentication header in front of the advert (RFC 2402, RFC 2403;
    /// VRRPv2 over IPv4 only).
    Header(HeaderKey),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password(..)",
            Self::Header(_) => "Header(..)",
        })
    }
}

/// The key of `auth_type AH`: `auth_pass`, zero padded to eight bytes, as keepalived uses it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeaderKey(pub [u8; 8]);

impl fmt::Debug for HeaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderKey(..)")
    }
}

/// `auth_hmac`: a trailer behind each advert, of HMAC-SHA256 and a sequence made of the time
/// (keepalived 2.4). For both versions, both families, group and peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hmac {
    /// `key`: no two have one id, and at least one is there.
    pub keys: Vec<HmacKey>,
    /// `active_key`: the id of the key that signs; one of `keys`.
    pub active: u8,
    /// `mode`.
    pub mode: HmacMode,
    /// `anti_replay time` with its `time_window`: how far the sender's wall clock and ours may be
    /// apart, whole seconds. `None` is `anti_replay monotonic`: sequences only have to grow.
    pub window: Option<Duration>,
}

impl Hmac {
    /// The key of that id.
    pub fn key(&self, id: u8) -> Option<&HmacKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// Whether our own adverts carry a trailer.
    pub fn signs(&self) -> bool {
        match self.mode {
            HmacMode::Enforce | HmacMode::Permissive => true,
            HmacMode::ReceiveOnly => false,
        }
    }
}

/// What is asked of others, and done ourselves: the three steps of a roll-out, last one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HmacMode {
    /// Signs, and takes nothing that isn't signed.
    #[default]
    Enforce,
    /// Signs, and takes adverts without a trailer too. One that is there must be right.
    Permissive,
    /// Doesn't sign, and takes what [`HmacMode::Permissive`] takes.
    ReceiveOnly,
}

/// The shortest key, in bytes.
pub const HMAC_KEY_MIN: usize = 32;
/// The longest key, in bytes: a block of SHA-256.
pub const HMAC_KEY_MAX: usize = 64;

/// A key of `auth_hmac`.
#[derive(Clone, PartialEq, Eq)]
pub struct HmacKey {
    id: u8,
    bytes: Vec<u8>,
}

impl HmacKey {
    /// `None` when the id is zero or the key hasn't 32 to 64 bytes.
    pub fn new(id: u8, bytes: &[u8]) -> Option<Self> {
        let fits = (HMAC_KEY_MIN..=HMAC_KEY_MAX).contains(&bytes.len());
        (id != 0 && fits).then(|| Self {
            id,
            bytes: bytes.to_vec(),
        })
    }

    /// What the trailer calls it, 1 to 255.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The secret.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_32_to_64_bytes_and_an_id() {
        for (id, length, good) in [
            (1, 31, false),
            (1, 32, true),
            (255, 64, true),
            (1, 65, false),
            (0, 32, false),
        ] {
            assert_eq!(HmacKey::new(id, &vec![7; length]).is_some(), good);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let hmac = Hmac {
            keys: vec![HmacKey::new(3, &[b'q'; 32]).expect("long enough")],
            active: 3,
            mode: HmacMode::Enforce,
            window: None,
        };
        let shown = format!("{hmac:?} {:?}", Auth::Header(HeaderKey(*b"qqqqqqqq")));
        assert!(!shown.contains("113") && !shown.contains("qq"), "{shown}");
        assert!(shown.contains("id: 3"), "{shown}");
    }
}
