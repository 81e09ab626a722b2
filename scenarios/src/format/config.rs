//! A node's keepalived.conf: inline, from a file, or copied from another node with a few lines
//! changed. What its reader complains about is shown where it stands in the scenario file.

use core::ops::Range;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use locum_engine::conf::{self, Reading};
use locum_engine::config::Config;
use locum_engine::recording::Texts;
use locum_sim::fault::NewFile;

use super::Source;
use super::fields::{Fields, Sink, Word, word};
use super::includes::Includes;

/// The lines of a keepalived.conf, each with the byte of the scenario file where it starts, when
/// it stands there unchanged.
#[derive(Clone, Debug)]
struct ConfigText {
    /// What diagnostics call it when no place in the scenario file can be named.
    name: String,
    lines: Vec<(String, Option<usize>)>,
}

impl ConfigText {
    fn joined(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|(line, _)| line.as_str()).collect();
        lines.join("\n")
    }
}

/// The configurations read so far, by node: what stands in its file.
#[derive(Debug, Default)]
pub(crate) struct Configs(BTreeMap<String, ConfigText>);

impl Configs {
    /// A configuration that a node is to load while its daemon runs: the one that it has, with lines
    /// changed, or another. With `broken = true` it has to be one that can't be used.
    pub(super) fn reload(
        &mut self,
        node: &Word<'_>,
        fields: &Fields<'_, '_>,
        folder: Option<&Path>,
    ) -> Option<NewFile> {
        let text = if fields.has("config") || fields.has("config_file") {
            self.text(node, fields, folder)?
        } else {
            let mut text = self.0.get(node.text)?.clone();
            for value in fields.list("changing") {
                change(
                    fields.sink,
                    &mut text,
                    &word(fields.sink, value, "a change")?,
                )?;
            }
            text
        };
        let written = text.joined().into();
        if fields.boolean("broken") == Some(true) {
            if read(node.text, &text, folder).config.is_some() {
                let help = "leave `broken` out, or break it".to_owned();
                return fields.error("this configuration can be used", help);
            }
            return Some(NewFile {
                text: written,
                config: None,
            });
        }
        let config = parse(fields.sink, node.text, &text, folder, fields.span())?;
        self.0.insert(node.text.to_owned(), text);
        Some(NewFile {
            text: written,
            config: Some(config),
        })
    }

    /// Reads the configuration of `node`, whatever way it is given.
    pub(super) fn read(
        &mut self,
        node: &Word<'_>,
        fields: &Fields<'_, '_>,
        folder: Option<&Path>,
    ) -> Option<Arc<Config>> {
        let text = self.text(node, fields, folder)?;
        let config = parse(fields.sink, node.text, &text, folder, fields.span());
        self.0.insert(node.text.to_owned(), text);
        config
    }

    /// Every configuration as its daemon would read it, by node.
    pub(crate) fn texts(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        let text = |text: &ConfigText| text.joined().into();
        let texts = self.0.iter();
        texts
            .map(|(node, t)| (node.as_str().into(), text(t)))
            .collect()
    }

    fn text(
        &self,
        node: &Word<'_>,
        fields: &Fields<'_, '_>,
        folder: Option<&Path>,
    ) -> Option<ConfigText> {
        let (inline, file, copies) = (
            fields.word("config"),
            fields.word("config_file"),
            fields.word("copies"),
        );
        let changing = fields.list("changing");
        match (inline, file, copies) {
            (Some(inline), None, None) => Some(inline_text(fields.sink, node.text, &inline)),
            (None, Some(file), None) => file_text(fields.sink, &file, folder),
            (None, None, Some(original)) => {
                let mut text = self.copied(fields.sink, node.text, &original)?;
                for value in changing {
                    change(fields.sink, &mut text, &word(fields.sink, value, "a change")?)?;
                }
                Some(text)
            }
            _ => fields.error(
                &format!("node {} needs one configuration", node.text),
                r#"write config = """...""", or config_file = "a.conf", or copies = "another node""#
                    .to_owned(),
            ),
        }
    }

    fn copied(&self, sink: &Sink<'_>, node: &str, original: &Word<'_>) -> Option<ConfigText> {
        let Some(text) = self.0.get(original.text) else {
            let names = self.0.keys().map(String::as_str);
            let help = crate::words::did_you_mean(original.text, names)
                .unwrap_or_else(|| "name a node that stands above this one".to_owned());
            let message = format!("no configuration of a node `{}`", original.text);
            return sink.error(original.span.clone(), message, help);
        };
        let mut text = text.clone();
        text.name = format!("{} (node {node}'s copy)", text.name);
        Some(text)
    }
}

/// Replaces one line: the one that starts with the same word, or, given as `old -> new`, the one
/// that reads `old`. An empty `new` takes the line away.
fn change(sink: &Sink<'_>, text: &mut ConfigText, change: &Word<'_>) -> Option<()> {
    let (old, new) = match change.text.split_once("->") {
        Some((old, new)) => (old.trim(), new.trim()),
        None => ("", change.text.trim()),
    };
    let keyword = new.split_whitespace().next().unwrap_or("");
    let fits = |line: &str| match old {
        "" => line.split_whitespace().next() == Some(keyword),
        old => line.trim() == old,
    };
    let mut places = (0..text.lines.len()).filter(|&i| fits(&text.lines[i].0));
    let (Some(place), None) = (places.next(), places.next()) else {
        let how_many = if text.lines.iter().any(|(line, _)| fits(line)) {
            "several lines of the copied configuration"
        } else {
            "no line of the copied configuration"
        };
        let what = if old.is_empty() {
            format!("{how_many} starting with `{keyword}`")
        } else {
            format!("{how_many} reading `{old}`")
        };
        let help = "write \"the old line -> the new line\"".to_owned();
        return sink.error(change.span.clone(), what, help);
    };
    let line = &mut text.lines[place];
    let indent = &line.0[..line.0.len() - line.0.trim_start().len()];
    let written_at = sink.source.text.get(change.span.clone())?.find(new);
    // The pointer of a diagnostic counts from the line's start, so the origin is moved back by
    // the indentation that the copied line keeps.
    let origin = written_at.and_then(|at| (change.span.start + at).checked_sub(indent.len()));
    *line = (format!("{indent}{new}"), origin.filter(|_| !new.is_empty()));
    Some(())
}

fn inline_text(sink: &Sink<'_>, node: &str, inline: &Word<'_>) -> ConfigText {
    let name = format!("{} (config of node {node})", sink.source.name);
    let start = contents(&sink.source.text, inline);
    let mut offset = 0;
    let lines = inline.text.split('\n').map(|line| {
        let origin = start.map(|start| start + offset);
        offset += line.len() + 1;
        (line.to_owned(), origin)
    });
    ConfigText {
        name,
        lines: lines.collect(),
    }
}

/// Where a string's contents start in the file, if they stand there without escapes.
fn contents(file: &str, string: &Word<'_>) -> Option<usize> {
    let raw = file.get(string.span.clone())?;
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let opening = quotes.into_iter().find(|q| raw.starts_with(q))?.len();
    let newline = usize::from(opening == 3 && raw[opening..].starts_with('\n'));
    let start = opening + newline;
    raw[start..]
        .starts_with(string.text)
        .then_some(string.span.start + start)
}

fn file_text(sink: &Sink<'_>, file: &Word<'_>, folder: Option<&Path>) -> Option<ConfigText> {
    let Some(folder) = folder else {
        let help = "put the configuration into `config`".to_owned();
        return sink.error(file.span.clone(), "there is no folder to look in", help);
    };
    let path = folder.join(file.text);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(ConfigText {
            name: path.display().to_string(),
            lines: text
                .split('\n')
                .map(|line| (line.to_owned(), None))
                .collect(),
        }),
        Err(error) => sink.error(
            file.span.clone(),
            format!("{}: {error}", path.display()),
            "the path is relative to the scenario file".to_owned(),
        ),
    }
}

fn read(node: &str, text: &ConfigText, folder: Option<&Path>) -> Reading {
    let mut includes = Includes {
        main: &text.name,
        folder,
        node,
    };
    conf::read(&text.name, &text.joined(), &mut includes)
}

/// A node's configuration with everything it depends on, as a recording has it.
pub(crate) fn node_texts(node: &str, text: &str, folder: Option<&Path>) -> Texts {
    let main = format!("{node}.conf");
    let mut includes = Includes {
        main: &main,
        folder,
        node,
    };
    Texts::reading(&main, text, &mut includes).1
}

/// Hands the text to the engine's reader, and its diagnostics to the sink.
fn parse(
    sink: &Sink<'_>,
    node: &str,
    text: &ConfigText,
    folder: Option<&Path>,
    node_span: Range<usize>,
) -> Option<Arc<Config>> {
    let reading = read(node, text, folder);
    for mut diagnostic in reading.diagnostics {
        let here = *diagnostic.file == *text.name;
        let line = (diagnostic.line as usize).checked_sub(1).filter(|_| here);
        if let Some((line, Some(origin))) = line.and_then(|i| text.lines.get(i)) {
            move_to(sink.source, &mut diagnostic, line, *origin);
        }
        sink.add(diagnostic);
    }
    match reading.config {
        None => sink.error(
            node_span,
            format!("the configuration of node {node} can't be used"),
            None,
        ),
        Some(config) if config.instances.is_empty() => sink.error(
            node_span,
            format!("the configuration of node {node} has no vrrp_instance"),
            "write vrrp_instance VI_1 { ... }".to_owned(),
        ),
        Some(config) => Some(Arc::new(config)),
    }
}

/// Makes a diagnostic about a line of the configuration one about the scenario file.
fn move_to(source: &Source, diagnostic: &mut super::Problem, line: &str, origin: usize) {
    let skipped = (diagnostic.column as usize).saturating_sub(1);
    let bytes = |chars: usize| {
        line.char_indices()
            .nth(chars)
            .map_or(line.len(), |(i, _)| i)
    };
    let start = origin + bytes(skipped);
    let end = origin + bytes(skipped + diagnostic.length as usize);
    let place = source.place(start..end);
    diagnostic.file = source.name.clone();
    diagnostic.line = place.line;
    diagnostic.column = place.column;
    diagnostic.length = place.length;
    diagnostic.source_line = place.text;
}
