//! A node's keepalived.conf as its daemon gets it: the scenario's text, changed as little as possible.
//!
//! The text is changed by lines: a check's script becomes one that says what the scenario wants,
//! a tracked file is the node's own, an include finds its file again, a priority is another after an operator's change.

use std::path::Path;

/// Lets includes that are relative be found from elsewhere.
pub(super) fn anchor_includes(text: &str, folder: Option<&Path>) -> String {
    let Some(folder) = folder.and_then(|folder| std::fs::canonicalize(folder).ok()) else {
        return text.to_owned();
    };
    let lines = text.lines().map(|line| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(word), Some(file), None)
                if word.starts_with("include") && !Path::new(file).is_absolute() =>
            {
                format!("{word} {}\n", folder.join(file).display())
            }
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// Gives a check another script; `None` when the text has no such line.
pub(super) fn with_script(text: &str, check: &str, script: &Path) -> Option<String> {
    let blocks = ["vrrp_script"];
    let (text, _) = replace(text, &blocks, check, "script", |_| {
        format!("script \"{}\"", script.display())
    })?;
    Some(text)
}

/// Gives a tracked file another path; `None` when the text has no such line.
pub(super) fn with_file(text: &str, name: &str, path: &Path) -> Option<String> {
    let blocks = ["track_file", "vrrp_track_file"];
    let (text, _) = replace(text, &blocks, name, "file", |_| {
        format!("file \"{}\"", path.display())
    })?;
    Some(text)
}

/// The command line of a check's script as it is written.
pub(super) fn script(text: &str, check: &str) -> Option<String> {
    let (_, line) = replace(text, &["vrrp_script"], check, "script", str::to_owned)?;
    let command = line.trim().strip_prefix("script")?.trim();
    let quoted = command.strip_prefix('"').and_then(|c| c.split_once('"'));
    let bare = command.split(['#', '!']).next().unwrap_or("").trim();
    Some(quoted.map_or(bare, |(inside, _)| inside).to_owned())
}

/// Gives an instance another priority; `None` when the text has no such line.
pub(super) fn with_priority(text: &str, instance: &str, priority: u8) -> Option<String> {
    let (text, _) = replace(text, &["vrrp_instance"], instance, "priority", |_| {
        format!("priority {priority}")
    })?;
    Some(text)
}

/// Replaces the line that begins with `keyword` in the block of that kind and name; gives the new
/// text and the old line.
fn replace(
    text: &str,
    blocks: &[&str],
    name: &str,
    keyword: &str,
    new: impl Fn(&str) -> String,
) -> Option<(String, String)> {
    let mut changed = String::with_capacity(text.len());
    let (mut depth, mut inside, mut found) = (0_i32, None, None);
    for line in text.lines() {
        let code = line.split(['#', '!']).next().unwrap_or("");
        let mut words = code.split_whitespace();
        let first = words.next().unwrap_or("");
        let named = words.next().map(|word| word.trim_matches('"'));
        if depth == 0 && blocks.contains(&first) && named == Some(name) {
            inside = Some(depth);
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        match inside {
            Some(_) if first == keyword && depth == 1 && found.is_none() => {
                changed.push_str(indent);
                changed.push_str(new(line.trim()).trim_start());
                found = Some(line.to_owned());
            }
            _ => changed.push_str(line),
        }
        changed.push('\n');
        let braces = |brace: char| code.matches(brace).count() as i32;
        depth += braces('{') - braces('}');
        if inside.is_some() && depth == 0 && code.contains('}') {
            inside = None;
        }
    }
    found.map(|line| (changed, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
vrrp_script one {
    script \"/bin/one -x\"    # a remark
    interval 1
}
vrrp_script two {
    script /bin/two
}
track_file load {
    weight 1
    file /run/load    # a remark
}
vrrp_track_file old {
    file \"/run/old\"
}
vrrp_instance VI_1 {
    priority 100
    track_file {
        load
    }
    track_script {
        one
    }
}
vrrp_instance VI_2 {
    priority 90
}
";

    #[test]
    fn only_the_line_that_is_meant_changes() {
        let text = with_script(TEXT, "two", Path::new("/tmp/x.sh")).expect("it is there");
        assert_eq!(
            text,
            TEXT.replace("script /bin/two", "script \"/tmp/x.sh\"")
        );
        let text = with_priority(TEXT, "VI_2", 7).expect("it is there");
        assert_eq!(text, TEXT.replace("priority 90", "priority 7"));
        assert_eq!(with_priority(TEXT, "VI_3", 7), None);
        let text = with_file(TEXT, "load", Path::new("/tmp/A.load")).expect("it is there");
        let line = "file /run/load    # a remark";
        assert_eq!(text, TEXT.replace(line, "file \"/tmp/A.load\""));
        let text = with_file(TEXT, "old", Path::new("/tmp/A.old")).expect("it is there");
        assert_eq!(text, TEXT.replace("\"/run/old\"", "\"/tmp/A.old\""));
        assert_eq!(with_file(TEXT, "VI_1", Path::new("/tmp/x")), None);
    }

    #[test]
    fn a_script_is_read_with_and_without_quotes() {
        assert_eq!(script(TEXT, "two").as_deref(), Some("/bin/two"));
        assert_eq!(script(TEXT, "one").as_deref(), Some("/bin/one -x"));
    }

    #[test]
    fn relative_includes_are_found_from_anywhere() {
        let text = anchor_includes("include a.conf\ninclude /b.conf\n", Some(Path::new("/tmp")));
        assert_eq!(text, "include /tmp/a.conf\ninclude /b.conf\n");
    }
}
