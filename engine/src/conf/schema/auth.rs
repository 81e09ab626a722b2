//! `authentication` and `auth_hmac`: how adverts are authenticated. No remark repeats a key or a
//! password.

use core::time::Duration;

use super::value::{Value, literal, number, value};
use super::{Context, other};
use crate::conf::Sources;
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
    /// Those that stand in files of their own, until they are read.
    files: Vec<KeyFile>,
    /// A file has no key.
    pub(in crate::conf) broken: bool,
    pub(in crate::conf) active: Option<(u8, Span)>,
    pub(in crate::conf) window: Option<(Duration, Span)>,
    pub(in crate::conf) monotonic: bool,
    pub(in crate::conf) mode: HmacMode,
}

/// `key ID file:PATH`
#[derive(Clone, Debug)]
struct KeyFile {
    id: u8,
    path: String,
    span: Span,
}

/// The most that a file with a key holds: `hex:`, two digits for each byte, the end of the line.
const LONGEST_FILE: usize = 4 + 2 * HMAC_KEY_MAX + 8;

impl HmacDraft {
    /// Reads the keys that stand in files. What is wrong with one is fatal, as for the others.
    pub(in crate::conf) fn read_files(&mut self, sources: &mut dyn Sources, report: &mut Report) {
        for KeyFile { id, path, span } in core::mem::take(&mut self.files) {
            let seen_from = report.file_name(span.file);
            let key = match sources.secret(&path, &seen_from) {
                Ok(bytes) => key_in_file(id, bytes, span, report),
                Err(why) => {
                    report.fatal(span, format!("there is no key from this file: {why}"));
                    None
                }
            };
            self.broken |= key.is_none();
            self.keys.extend(key);
        }
    }
}

/// A file holds what else would stand in the line, perhaps with the end of a line behind it.
fn key_in_file(id: u8, mut bytes: Vec<u8>, span: Span, report: &mut Report) -> Option<HmacKey> {
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    if bytes.len() > LONGEST_FILE {
        let message = "the file is too long for a key: it holds `hex:` and digits, nothing else";
        report.fatal(span, message);
        return None;
    }
    let Ok(text) = String::from_utf8(bytes) else {
        let message = "the file holds bytes, not text";
        report
            .fatal(span, message)
            .hint("it holds what would stand here: `hex:` and hexadecimal digits");
        return None;
    };
    hmac_key(id, &text, span, report)
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
        files: Vec::new(),
        broken: false,
        active: None,
        window: None,
        monotonic: false,
        mode: HmacMode::default(),
    });
    for item in block.block.as_deref().unwrap_or_default() {
        match item.keyword.text.as_str() {
            "key" => key(item, &mut draft, report),
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
fn key(item: &Item, draft: &mut HmacDraft, report: &mut Report) {
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
    let mut files = draft.files.iter().map(|file| file.id);
    if draft.keys.iter().any(|key| key.id() == number) || files.any(|id| id == number) {
        let message = format!("there is a key {number} already");
        report
            .fatal(id.span, message)
            .hint("give each key an id of its own, the same on all routers");
        return;
    }
    if let Some(path) = secret.text.strip_prefix("file:") {
        draft.files.push(KeyFile {
            id: number,
            path: path.to_owned(),
            span: secret.span,
        });
        return;
    }
    let key = hmac_key(number, &secret.text, secret.span, report);
    draft.keys.extend(key);
}

/// The key that a text stands for.
fn hmac_key(id: u8, text: &str, span: Span, report: &mut Report) -> Option<HmacKey> {
    let bytes = secret_bytes(text, span, report)?;
    let key = HmacKey::new(id, &bytes);
    if key.is_some() {
        weakness(&bytes, span, report);
    } else {
        let (is, from, to) = (bytes.len(), HMAC_KEY_MIN, HMAC_KEY_MAX);
        let message = format!("a key has {from} to {to} bytes, this one has {is}");
        report
            .fatal(span, message)
            .hint("`openssl rand -hex 32` makes one: write it behind `hex:`");
    }
    key
}

fn secret_bytes(text: &str, span: Span, report: &mut Report) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("hex:") else {
        return Some(text.as_bytes().to_vec());
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
        report.fatal(span, message);
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
