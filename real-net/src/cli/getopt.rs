//! What getopt(3) reads otherwise than clap: the optional values of short flags.
//!
//! keepalived takes `-g/var/log/a.log` and `-tFILE`; such a value goes behind an equals sign here.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Short flags whose value may be absent.
const OPTIONAL: &[u8] = b"tgM";
/// Short flags whose value is the rest of the word, or the next word.
const REQUIRED: &[u8] = b"fprcbSuisA";

/// The same arguments with `-gFILE` as `-g=FILE`. What follows `probe` is the probe's.
pub(super) fn normalised(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut theirs = false;
    words
        .map(|word| {
            theirs |= word == "probe" || word == "--";
            if theirs { word } else { normal(word) }
        })
        .collect()
}

fn normal(word: OsString) -> OsString {
    let bytes = word.as_bytes();
    let is_cluster = bytes.len() > 2 && bytes[0] == b'-' && bytes[1] != b'-';
    if !is_cluster {
        return word;
    }
    let takes_value = |b: &u8| OPTIONAL.contains(b) || REQUIRED.contains(b);
    let Some(at) = bytes.iter().skip(1).position(takes_value) else {
        return word;
    };
    let rest = at + 2;
    if REQUIRED.contains(&bytes[at + 1]) || matches!(bytes.get(rest), None | Some(b'=')) {
        return word;
    }
    let mut bytes = word.into_vec();
    bytes.insert(rest, b'=');
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_values_get_their_equals_sign_and_nothing_else_does() {
        let all = |line: &str| {
            let words = line.split(' ').map(OsString::from);
            let words = normalised(words).into_iter().map(|w| w.into_string());
            words
                .collect::<Result<Vec<_>, _>>()
                .expect("text")
                .join(" ")
        };
        assert_eq!(all("locum -nlDg/a -f/t -t=b"), "locum -nlDg=/a -f/t -t=b");
        assert_eq!(
            all("locum -tlog -t -g -p/run/g"),
            "locum -t=log -t -g -p/run/g"
        );
        assert_eq!(all("locum probe ping -gx"), "locum probe ping -gx");
    }
}
