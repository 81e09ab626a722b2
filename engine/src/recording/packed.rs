//! The texts of a configuration, compressed: thousands of instances are alike, so that a tenth of the
//! memory and of the recording is enough.

use serde::{Deserialize, Serialize};

use super::decode::Garbled;
use super::texts::Texts;

/// Some [`Texts`] as they are kept and recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed(Vec<u8>);

impl Default for Packed {
    /// Of texts that nobody has.
    fn default() -> Self {
        Self::new(&Texts::default())
    }
}

/// Bytes that unpacked texts have at most. A file of a configuration has at most a quarter of it.
const UNPACKED_MAX: usize = 256 << 20;

/// Of 1 to 10. More is slower, and hardly shorter.
const EFFORT: u8 = 3;

impl Packed {
    /// Compresses texts.
    pub fn new(texts: &Texts) -> Self {
        let bytes = postcard::to_allocvec(texts).expect("plain data, and a Vec that grows");
        let mut packed = miniz_oxide::deflate::compress_to_vec(&bytes, EFFORT);
        packed.shrink_to_fit();
        Self(packed)
    }

    /// The texts again.
    ///
    /// # Errors
    /// When it isn't what [`Packed::new`] has made, or of more than 256 MiB of texts.
    pub fn unpack(&self) -> Result<Texts, Garbled> {
        self.unpack_within(UNPACKED_MAX)
    }

    fn unpack_within(&self, most: usize) -> Result<Texts, Garbled> {
        let unpacked = miniz_oxide::inflate::decompress_to_vec_with_limit(&self.0, most);
        let bytes = unpacked.map_err(|_| Garbled::Head)?;
        postcard::from_bytes(&bytes).map_err(|_| Garbled::Head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Texts {
        Texts::plain("k.conf", text)
    }

    #[test]
    fn texts_are_the_same_again_and_alike_ones_are_short() {
        let instances = (0..1000).map(|n| {
            format!(
                "vrrp_instance V{n} {{\n interface eth0\n virtual_router_id 7\n priority 100\n}}\n"
            )
        });
        let all = texts(&instances.collect::<String>());
        let packed = Packed::new(&all);
        assert_eq!(packed.unpack(), Ok(all.clone()));
        assert!(packed.0.len() * 10 < all.text.len(), "{}", packed.0.len());
    }

    #[test]
    fn what_is_garbled_is_refused_whatever_it_claims_to_become() {
        let packed = Packed::new(&texts(&"a configuration\n".repeat(100)));
        for len in 0..packed.0.len() {
            assert_eq!(
                Packed(packed.0[..len].to_vec()).unpack(),
                Err(Garbled::Head)
            );
        }
        let long = texts(&"0".repeat(100_000));
        let packed = Packed::new(&long);
        assert!(packed.0.len() < 1000, "{}", packed.0.len());
        assert_eq!(packed.unpack_within(99_999), Err(Garbled::Head));
        assert_eq!(packed.unpack_within(101_000), Ok(long));
    }
}
