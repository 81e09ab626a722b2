//! A configuration as it was read: the file, and every answer that the reader got besides.

use core::cell::RefCell;
use core::fmt::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conf::{self, Reading, SourceText, Sources};
use crate::config::Config;

/// The files of a configuration, and what else it depends on. Read again, it gives the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// What the main file is called.
    pub name: String,
    /// The main file.
    pub text: String,
    answers: Answers,
}

/// What the reader asked, with the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Answers {
    config_id: Option<String>,
    insists: bool,
    seed: u64,
    /// Pattern, the file it stands in, and the files with their texts.
    includes: Vec<(String, String, Result<Vec<Include>, String>)>,
    directories: Vec<(String, Option<String>)>,
    variables: Vec<(String, Option<String>)>,
    secrets: Vec<Secret>,
}

/// Path, the file that names it, and what is in it.
type Secret = (String, String, Result<Vec<u8>, String>);

/// Files that include each other end somewhere.
const DEEPEST: u8 = 16;

type Include = (String, Result<String, String>);

impl Texts {
    /// A file that depends on nothing else.
    pub fn plain(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            answers: Answers::default(),
        }
    }

    /// Reads a configuration as [`conf::read`] does, and keeps what it depends on.
    pub fn reading(name: &str, text: &str, sources: &mut dyn Sources) -> (Reading, Self) {
        let mut listening = Listening::new(sources);
        let reading = conf::read(name, text, &mut listening);
        let texts = Self {
            answers: listening.answers.into_inner(),
            ..Self::plain(name, text)
        };
        (reading, texts)
    }

    /// Reads it again.
    pub fn read(&self) -> Reading {
        conf::read(&self.name, &self.text, &mut Told(&self.answers))
    }

    /// One text that says all of it: included files stand in place of the lines that name them.
    pub fn flattened(&self) -> String {
        let mut out = String::new();
        self.flatten(&self.name, &self.text, &mut out, 0);
        out
    }

    fn flatten(&self, name: &str, text: &str, out: &mut String, depth: u8) {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (keyword, pattern) = (words.next(), words.next());
            let includes =
                keyword.is_some_and(|k| k.starts_with("include") && k != "include_check");
            let pattern = pattern.map(|p| p.trim_matches('"')).unwrap_or_default();
            let asked = self.answers.includes.iter();
            let mut asked = asked.filter(|(p, r, _)| includes && p == pattern && r == name);
            match asked.next() {
                Some((_, _, Ok(files))) if depth < DEEPEST => {
                    for (name, text) in files {
                        let text = text.as_deref().unwrap_or_default();
                        self.flatten(name, text, out, depth + 1);
                    }
                }
                _ => {
                    out.push_str(line);
                    out.push('\n');
                }
            }
        }
    }

    /// Whether its text alone says everything.
    pub fn is_plain(&self) -> bool {
        let Answers {
            config_id: _,
            insists: _,
            seed: _,
            includes,
            directories,
            variables,
            secrets,
        } = &self.answers;
        let asked = !includes.is_empty() || !directories.is_empty();
        !asked && variables.is_empty() && secrets.is_empty()
    }

    /// What this node is called in lines such as `@node ...`.
    pub fn config_id(&self) -> Option<&str> {
        self.answers.config_id.as_deref()
    }
}

/// Passes questions on, and writes down what was asked and answered.
struct Listening<'a> {
    sources: &'a mut dyn Sources,
    answers: RefCell<Answers>,
}

impl fmt::Debug for Listening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}

impl<'a> Listening<'a> {
    fn new(sources: &'a mut dyn Sources) -> Self {
        let config_id = sources.config_id().map(str::to_owned);
        let insists = sources.insists();
        Self {
            sources,
            answers: RefCell::new(Answers {
                config_id,
                insists,
                ..Answers::default()
            }),
        }
    }
}

impl Sources for Listening<'_> {
    fn read(&mut self, pattern: &str, relative_to: &str) -> Result<Vec<SourceText>, String> {
        let found = self.sources.read(pattern, relative_to);
        let kept = found.as_ref().map_err(String::clone).map(|files| {
            let files = files.iter();
            files.map(|f| (f.name.clone(), f.text.clone())).collect()
        });
        let asked = (pattern.to_owned(), relative_to.to_owned(), kept);
        let includes = &mut self.answers.get_mut().includes;
        if !includes.contains(&asked) {
            includes.push(asked);
        }
        found
    }

    fn secret(&mut self, path: &str, relative_to: &str) -> Result<Vec<u8>, String> {
        let secret = self.sources.secret(path, relative_to);
        let asked = (path.to_owned(), relative_to.to_owned(), secret.clone());
        let secrets = &mut self.answers.get_mut().secrets;
        if !secrets.contains(&asked) {
            secrets.push(asked);
        }
        secret
    }

    fn config_id(&self) -> Option<&str> {
        self.sources.config_id()
    }

    fn variable(&self, name: &str) -> Option<String> {
        let value = self.sources.variable(name);
        let mut answers = self.answers.borrow_mut();
        answers.variables.push((name.to_owned(), value.clone()));
        value
    }

    fn directory(&self, file: &str) -> Option<String> {
        let directory = self.sources.directory(file);
        let mut answers = self.answers.borrow_mut();
        let asked = (file.to_owned(), directory.clone());
        if !answers.directories.contains(&asked) {
            answers.directories.push(asked);
        }
        directory
    }

    fn random_seed(&mut self) -> u64 {
        let seed = self.sources.random_seed();
        self.answers.get_mut().seed = seed;
        seed
    }

    fn insists(&self) -> bool {
        self.sources.insists()
    }

    /// The configuration is the same whatever the answer.
    fn hindrance(
        &self,
        command: &[Arc<str>],
        user: Option<&(Arc<str>, Option<Arc<str>>)>,
        secure: bool,
    ) -> Option<String> {
        self.sources.hindrance(command, user, secure)
    }

    fn most_lines(&self) -> usize {
        self.sources.most_lines()
    }
}

/// Answers as it was told.
struct Told<'a>(&'a Answers);

impl Sources for Told<'_> {
    fn read(&mut self, pattern: &str, relative_to: &str) -> Result<Vec<SourceText>, String> {
        let mut asked = self.0.includes.iter();
        let found = asked.find(|(p, r, _)| p == pattern && r == relative_to);
        let Some((_, _, answer)) = found else {
            return Err("it wasn't asked for when this was recorded".to_owned());
        };
        let source = |(name, text): &Include| SourceText {
            name: name.clone(),
            text: text.clone(),
        };
        let files = answer.as_ref().map_err(String::clone)?;
        Ok(files.iter().map(source).collect())
    }

    fn secret(&mut self, path: &str, relative_to: &str) -> Result<Vec<u8>, String> {
        let mut asked = self.0.secrets.iter();
        let found = asked.find(|(p, r, _)| p == path && r == relative_to);
        let unknown = || Err("it wasn't asked for when this was recorded".to_owned());
        found.map_or_else(unknown, |(_, _, secret)| secret.clone())
    }

    fn config_id(&self) -> Option<&str> {
        self.0.config_id.as_deref()
    }

    fn variable(&self, name: &str) -> Option<String> {
        let mut asked = self.0.variables.iter();
        asked.find(|(n, _)| n == name)?.1.clone()
    }

    fn directory(&self, file: &str) -> Option<String> {
        let mut asked = self.0.directories.iter();
        asked.find(|(f, _)| f == file)?.1.clone()
    }

    fn random_seed(&mut self) -> u64 {
        self.0.seed
    }

    fn insists(&self) -> bool {
        self.0.insists
    }
}

/// A hash of a configuration as it is shown: two that do the same have the same, as far as secrets
/// aside go. Takes as long as showing it.
pub fn fingerprint(config: &Config) -> u64 {
    struct Hash(u64);
    impl Write for Hash {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
            Ok(())
        }
    }
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    // A hash takes everything that is written to it.
    let _ = write!(hash, "{config:?}");
    hash.0
}
