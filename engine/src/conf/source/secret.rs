//! Lines without the keys and passwords in them: remarks go to logs, and into questions to others.
//!
//! What the reader understands as a secret it hides by its place. This here knows secrets by the
//! words before them, for lines that aren't understood.

use std::sync::Arc;

/// The line; from the first thing on that looks like a secret there are asterisks.
pub(super) fn masked(line: &Arc<str>) -> Arc<str> {
    match secret(line) {
        Some(start) => stars(line, start),
        None => line.clone(),
    }
}

/// The line, with asterisks from that byte on.
pub(super) fn masked_from(line: &Arc<str>, start: u32) -> Arc<str> {
    stars(line, line.floor_char_boundary(start as usize))
}

/// As long as before, so that what is underlined stays where it is.
fn stars(line: &str, start: usize) -> Arc<str> {
    let (shown, hidden) = line.split_at(start);
    let hidden = hidden.chars().map(|c| if c == ' ' { ' ' } else { '*' });
    shown.chars().chain(hidden).collect::<String>().into()
}

/// Where it begins: behind `auth_pass`, behind `key` and its number, or at `hex:`.
fn secret(line: &str) -> Option<usize> {
    let mut words = words(line).peekable();
    while let Some((start, word)) = words.next() {
        match word {
            "auth_pass" => return words.next().map(|(start, _)| start),
            "key" => {
                let (id, number) = words.next()?;
                let is_number = number.bytes().all(|b| b.is_ascii_digit());
                let behind = words.peek().map(|(start, _)| *start);
                return if is_number { behind } else { Some(id) };
            }
            _ if word.starts_with("hex:") => return Some(start),
            _ => {}
        }
    }
    None
}

/// The words between blanks, braces and quotes, each with its first byte.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let apart = |c: char| c.is_whitespace() || ['{', '}', '"', '=', ';'].contains(&c);
    let place = move |word: &str| word.as_ptr().addr() - line.as_ptr().addr();
    line.split(apart)
        .filter(|word| !word.is_empty())
        .map(move |word| (place(word), word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_the_words_before_them() {
        for (line, shown) in [
            ("  auth_pass sesame", "  auth_pass ******"),
            ("  auth_pass \"open up\" x", "  auth_pass \"**** *** *"),
            ("key 1 hex:00ff", "key 1 ********"),
            ("auth_hmac { key 12 secret }", "auth_hmac { key 12 ****** *"),
            ("auth_hmac {key 12 secret}", "auth_hmac {key 12 *******"),
            ("key secret", "key ******"),
            ("$K=hex:00ff", "$K=********"),
            ("kye 1 hex:00ff x", "kye 1 ******** *"),
            (
                "authentication { auth_pass é }",
                "authentication { auth_pass * *",
            ),
            ("auth_pass", "auth_pass"),
            ("key 1", "key 1"),
            ("keyboard 1 2", "keyboard 1 2"),
        ] {
            assert_eq!(&*masked(&line.into()), shown);
        }
        assert_eq!(
            &*masked_from(&"$P=é1".into(), 4),
            "$P=**",
            "not within a character"
        );
    }
}
