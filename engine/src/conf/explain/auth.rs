//! How adverts are authenticated, in words. Keys are named by their ids, and never shown.

use crate::config::{Auth, Hmac, HmacMode, InstanceConfig};
use crate::time::Seconds;

pub(super) fn authentication(instance: &InstanceConfig) -> String {
    if let Some(hmac) = &instance.hmac {
        return signatures(hmac);
    }
    match instance.auth {
        Auth::None => "Adverts are not authenticated.".to_owned(),
        Auth::Password(_) => {
            "Adverts carry a password in the clear: it tells apart what isn't meant for this router, and keeps no attacker out."
                .to_owned()
        }
        Auth::Header(_) => {
            "Adverts are authenticated by an IPsec header (AH, HMAC-MD5 with a password of at most 8 bytes): old, but nobody can read the password off the wire."
                .to_owned()
        }
    }
}

fn signatures(hmac: &Hmac) -> String {
    let ids: Vec<_> = hmac.keys.iter().map(|key| key.id().to_string()).collect();
    let verify = match ids.as_slice() {
        [id] => format!("key {id} verifies"),
        _ => format!("keys {} verify", ids.join(", ")),
    };
    let signed = match hmac.mode {
        HmacMode::Enforce => format!(
            "Adverts are signed with key {}; {verify} those of others, and what isn't signed is ignored.",
            hmac.active
        ),
        HmacMode::Permissive => format!(
            "Adverts are signed with key {}; {verify} those of others, and what isn't signed is BELIEVED, until `mode` is enforce.",
            hmac.active
        ),
        HmacMode::ReceiveOnly => format!(
            "Adverts are NOT signed; {verify} those of others, and what isn't signed is BELIEVED, until `mode` is enforce.",
        ),
    };
    match hmac.window {
        Some(window) => format!(
            "{signed} The routers' wall clocks may be {} apart: keep them synchronised, or they don't hear each other.",
            Seconds(window)
        ),
        None => format!(
            "{signed} An advert is used once; wall clocks don't matter, but a restarted router's must not have gone back."
        ),
    }
}
