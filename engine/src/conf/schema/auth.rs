//! `authentication` and `auth_hmac`: how adverts are authenticated. No remark repeats a key or a
//! password.

use core::time::Duration;

use super::value::{Value, literal, number, value};
use super::{Context, other};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::{Auth, HMAC_KEY_MAX, HMAC_KEY_MIN, HeaderKey, HmacKey, HmacMode};

/// The keywords of `authentication` that are acted on.
pub(super) const AUTH_KEYWORDS: [&str; 2] = ["auth_type", "auth_pass"];
/// Those of `auth_hmac`.
pub(super) const HMAC_KEYWORDS: [&str; 5] =
    ["key", "active_key", "time_window", "anti_replay", "mode"];

/// Fewer different bytes than this are no random key.
const FEW_BYTES: usize = 10;

/// `auth_type`.
#[derive(Clone, Copy)]
enum Kind {
    Pass,
    Header,
    Unknown,
}

/// One `auth_hmac` block.
#[derive(Clone, Debug)]
pub(in crate::conf) struct HmacDraft {
    /// Where it begins.
    pub(in crate::conf) span: Span,
    /// In order; no two with one id.
    pub(in crate::conf) keys: Vec<HmacKey>,
    pub(in crate::conf) active: Option<(u8, Span)>,
    pub(in crate::conf) window: Option<(Duration, Span)>,
    pub(in crate::conf) monotonic: bool,
    pub(in crate::conf) mode: HmacMode,
}

/// Reads `authentication`.
pub(super) fn authentication(block: &Item, report: &mut Report) -> Option<(Auth, Span)> {
    let mut kind: Option<(Kind, Span)> = None;
    let mut password: Option<([u8; 8], Span)> = None;
    let mut foreign = false;
    for item in block.block.as_deref().unwrap_or_default() {
        match item.keyword.text.as_str() {
            "auth_type" => {
                if let Some(value) = literal(item, report) {
                    kind = Some((auth_type(value, report), value.span));
                }
            }
            "auth_pass" => {
                hide(item, 0, report);
                if let Some(value) = literal(item, report) {
                    password = Some((auth_pass(value, report), value.span));
                }
            }
            _ => {
                hide(item, 0, report);
                other(Context::Authentication, item, report);
                foreign = true;
            }
        }
    }
    match (kind, password) {
        (Some((Kind::Pass, _)), Some((bytes, span))) => Some((Auth::Password(bytes), span)),
        (Some((Kind::Header, _)), Some((bytes, span))) => {
            Some((Auth::Header(HeaderKey(bytes)), span))
        }
        (Some((Kind::Pass, span)), None) => {
            let message = "`auth_type PASS` without `auth_pass`: adverts carry no password";
            report.warning(span, message);
            None
        }
        (Some((Kind::Header, span)), None) => {
            let message = "`auth_type AH` without `auth_pass`: adverts carry no authentication";
            report.warning(span, message);
            None
        }
        (None, Some((_, span))) => {
            let message = "`auth_pass` without `auth_type PASS`: adverts carry no password";
            report.warning(span, message).hint("add `auth_type PASS`");
            None
        }
        (None, None) if !foreign => {
            let message = "this block is empty: adverts carry no password";
            report.note(block.keyword.span, message);
            None
        }
        (Some((Kind::Unknown, _)), _) | (None, None) => None,
    }
}

fn auth_type(value: Value<'_>, report: &mut Report) -> Kind {
    let plain = value.text.trim_end_matches(';').to_ascii_uppercase();
    let kind = match plain.as_str() {
        "PASS" => Kind::Pass,
        "AH" => Kind::Header,
        _ => Kind::Unknown,
    };
    match kind {
        Kind::Pass | Kind::Header if value.text == plain => {}
        Kind::Pass => {
            report
                .warning(value.span, format!("`{}` is read as `PASS`", value.text))
                .hint("keepalived doesn't know it and sends no password at all: write PASS on all routers");
        }
        Kind::Header => {
            report
                .warning(value.span, format!("`{}` is read as `AH`", value.text))
                .hint("keepalived doesn't know it and sends no authentication at all: write AH on all routers");
        }
        Kind::Unknown => {
            let message = "`auth_type` is PASS or AH: adverts carry no authentication";
            report
                .warning(value.span, message)
                .hint("did you mean `PASS`?");
        }
    }
    kind
}

/// The eight bytes that go into adverts, or are the key of AH.
fn auth_pass(value: Value<'_>, report: &mut Report) -> [u8; 8] {
    let bytes = value.text.as_bytes();
    if bytes.len() > 8 {
        let message = "only the first 8 bytes of a password count: the rest is ignored";
        report.note(value.span, message);
    }
    if bytes.ends_with(b";") && bytes.len() <= 8 {
        report.note(value.span, "the semicolon is part of the password");
    }
    let mut password = [0; 8];
    for (slot, byte) in password.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    password
}

/// Reads `auth_hmac`. A second block of an instance adds to the first, as in keepalived.
pub(super) fn hmac(block: &Item, before: Option<HmacDraft>, report: &mut Report) -> HmacDraft {
    let mut draft = before.unwrap_or_else(|| HmacDraft {
        span: block.keyword.span,
        keys: Vec::new(),
        active: None,
        window: None,
        monotonic: false,
        mode: HmacMode::default(),
    });
    for item in block.block.as_deref().unwrap_or_default() {
        match item.keyword.text.as_str() {
            "key" => key(item, &mut draft.keys, report),
            "active_key" => {
                let read = number(item, 1..=255, "the line is ignored", report);
                let read = read.and_then(|(id, span)| Some((u8::try_from(id).ok()?, span)));
                draft.active = read.or(draft.active);
            }
            "time_window" => {
                let read = number(item, 1..=300, "the line is ignored", report);
                let read = read.map(|(s, span)| (Duration::from_secs(s.into()), span));
                draft.window = read.or(draft.window);
            }
            "anti_replay" => {
                let known = [("time", false), ("monotonic", true)];
                draft.monotonic = choice(item, &known, report).unwrap_or(draft.monotonic);
            }
            "mode" => {
                let known = [
                    ("enforce", HmacMode::Enforce),
                    ("permissive", HmacMode::Permissive),
                    ("receive-only", HmacMode::ReceiveOnly),
                ];
                draft.mode = choice(item, &known, report).unwrap_or(draft.mode);
            }
            _ => {
                hide(item, 0, report);
                other(Context::Hmac, item, report);
            }
        }
    }
    draft
}

/// No remark shows these arguments. A word that isn't understood here may be a misspelt `key`.
fn hide(item: &Item, from: usize, report: &mut Report) {
    for word in item.arguments.iter().skip(from) {
        report.hide(word.span);
    }
}

/// One of a few words.
fn choice<T: Copy>(item: &Item, known: &[(&str, T)], report: &mut Report) -> Option<T> {
    let value = value(item, report)?;
    let found = known.iter().find(|(word, _)| *word == value.text);
    if found.is_none() {
        let words: Vec<_> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
        let (keyword, words) = (&item.keyword.text, words.join(" or "));
        let message = format!("`{keyword}` is {words}: the line is ignored");
        report.warning(value.span, message);
    }
    found.map(|(_, value)| *value)
}

/// `key ID VALUE`. Whatever is wrong with it is fatal: without it adverts would be refused, or sent
/// without a signature.
fn key(item: &Item, keys: &mut Vec<HmacKey>, report: &mut Report) {
    // Without a number in front, the key itself may be first.
    let numbered = item
        .arguments
        .first()
        .is_some_and(|id| id.text.parse::<u32>().is_ok());
    hide(item, usize::from(numbered), report);
    super::value::extra(item, 2, report);
    let [id, secret, ..] = item.arguments.as_slice() else {
        report
            .fatal(item.keyword.span, "`key` needs an id and a key")
            .hint("write `key 1 hex:` and 64 hexadecimal digits, the same on all routers");
        return;
    };
    let Some(number) = id.text.parse::<u8>().ok().filter(|id| *id != 0) else {
        report.fatal(id.span, "the id of a key is a number from 1 to 255");
        return;
    };
    if keys.iter().any(|key| key.id() == number) {
        let message = format!("there is a key {number} already");
        report
            .fatal(id.span, message)
            .hint("give each key an id of its own, the same on all routers");
        return;
    }
    let Some(bytes) = secret_bytes(secret, report) else {
        return;
    };
    match HmacKey::new(number, &bytes) {
        Some(key) => {
            weakness(&bytes, secret.span, report);
            keys.push(key);
        }
        None => {
            let (is, from, to) = (bytes.len(), HMAC_KEY_MIN, HMAC_KEY_MAX);
            let message = format!("a key has {from} to {to} bytes, this one has {is}");
            report
                .fatal(secret.span, message)
                .hint("`openssl rand -hex 32` makes one: write it behind `hex:`");
        }
    }
}

fn secret_bytes(secret: &Word, report: &mut Report) -> Option<Vec<u8>> {
    if secret.text.starts_with("file:") {
        report
            .fatal(secret.span, "keys aren't read from files named here")
            .hint("put the line `key ID hex:...` into a file that only root may read, and `include` it here");
        return None;
    }
    let Some(digits) = secret.text.strip_prefix("hex:") else {
        return Some(secret.text.as_bytes().to_vec());
    };
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let all = pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
        let text = core::str::from_utf8(pair).ok().filter(|_| all)?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    if bytes.is_none() {
        let message = "`hex:` is followed by pairs of hexadecimal digits, without blanks";
        report.fatal(secret.span, message);
    }
    bytes
}

/// A key that can be guessed is worth nothing, however long it is.
fn weakness(bytes: &[u8], span: Span, report: &mut Report) {
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    let counts_up = bytes
        .windows(2)
        .all(|pair| pair[0].wrapping_add(1) == pair[1]);
    if different.len() < FEW_BYTES || counts_up {
        report
            .warning(span, "this key can be guessed: it isn't random")
            .hint("`openssl rand -hex 32` makes a good one: write it behind `hex:`");
    }
}
