//! How adverts are authenticated, once version and interval are known.

use core::time::Duration;
use std::sync::Arc;

use crate::conf::schema::instance::InstanceDraft;
use crate::conf::source::Report;
use crate::config::{Auth, Hmac, Version};
use crate::time::Centis;
use crate::wire::Family;

/// The shortest and the longest time window that follows from `advert_int`.
const WINDOW: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// `authentication`, which gives way to `auth_hmac`, as in keepalived.
pub(super) fn legacy(
    draft: &InstanceDraft,
    version: Version,
    family: Family,
    report: &mut Report,
) -> Auth {
    let Some((auth, span)) = draft.auth else {
        return Auth::None;
    };
    if draft.hmac.is_some() {
        let message = "`auth_hmac` stands in place of `authentication`: this is ignored";
        report
            .warning(span, message)
            .hint("remove the `authentication` block");
        return Auth::None;
    }
    match (auth, version, family) {
        (Auth::Header(_), Version::V2, Family::V6) => {
            let message = "`auth_type AH` is for IPv4 only: adverts carry no authentication";
            report
                .warning(span, message)
                .hint("`auth_hmac` authenticates adverts over IPv6, also towards keepalived 2.4");
            Auth::None
        }
        (Auth::Password(_), Version::V2, Family::V6) => {
            let message = "over IPv6 adverts say that there is a password and carry none, as \
                           keepalived's do: nothing is protected by it";
            report
                .warning(span, message)
                .hint("`auth_hmac` authenticates adverts over IPv6, also towards keepalived 2.4");
            auth
        }
        (Auth::Password(_) | Auth::Header(_), Version::V3, _) => {
            let message = "version 3 has no passwords: adverts carry none";
            report.warning(span, message).hint(
                "`auth_hmac` authenticates adverts of version 3, also towards keepalived 2.4",
            );
            Auth::None
        }
        (Auth::None | Auth::Password(_) | Auth::Header(_), Version::V2 | Version::V3, _) => auth,
    }
}

/// `auth_hmac`. A block that can't sign is fatal: keepalived would leave it out, and go on without.
pub(super) fn hmac(
    draft: &InstanceDraft,
    interval: Centis,
    report: &mut Report,
) -> Option<Arc<Hmac>> {
    let block = draft.hmac.as_ref().filter(|block| !block.broken)?;
    if block.keys.is_empty() {
        let message = "`auth_hmac` without a key: nothing could be signed or verified";
        report
            .fatal(block.span, message)
            .hint("add a line such as `key 1 hex:...`, the same on all routers");
        return None;
    }
    let ids: Vec<_> = block.keys.iter().map(|key| key.id().to_string()).collect();
    let Some((active, span)) = block.active else {
        let message = "`auth_hmac` without `active_key`: which key signs?";
        report
            .fatal(block.span, message)
            .hint(format!("add `active_key {}`", ids[0]));
        return None;
    };
    if !block.keys.iter().any(|key| key.id() == active) {
        let message = format!("there is no key {active}");
        report
            .fatal(span, message)
            .hint(format!("there is {}", ids.join(", ")));
        return None;
    }
    if let (true, Some((_, span))) = (block.monotonic, block.window) {
        report.note(
            span,
            "`anti_replay monotonic` has no time window: the line has no effect",
        );
    }
    let derived = || {
        let window = Duration::from_secs(3 * interval.duration().as_secs());
        window.clamp(WINDOW.0, WINDOW.1)
    };
    let window = (!block.monotonic).then(|| block.window.map_or_else(derived, |(w, _)| w));
    Some(Arc::new(Hmac {
        keys: block.keys.clone(),
        active,
        mode: block.mode,
        window,
    }))
}
