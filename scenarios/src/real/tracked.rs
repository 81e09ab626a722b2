//! Tracked files: each node has its own, in the run's folder, and none of the machine's is touched.

use std::path::{Path, PathBuf};

use locum_engine::config::FileConfig;

use super::{Failure, conf};

/// A node's file. It lies in a folder of its own, which the daemons watch.
pub(super) fn path(folder: &Path, node: &str, file: &str) -> PathBuf {
    folder.join(format!("{node}.{file}"))
}

/// Points a node's configuration to its own files, which aren't there yet. `Err` names one whose
/// path can't be found in the text.
pub(super) fn replace<'a>(
    folder: &Path,
    node: &str,
    files: &'a [FileConfig],
    text: String,
) -> Result<Result<String, &'a str>, Failure> {
    if !files.is_empty() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    }
    let mut text = text;
    for file in files {
        let own = path(folder, node, &file.name);
        write(&own, None)?;
        match conf::with_file(&text, &file.name, &own) {
            Some(changed) => text = changed,
            None => return Ok(Err(&file.name)),
        }
    }
    Ok(Ok(text))
}

/// Writes a number; `None` removes the file.
pub(super) fn write(file: &Path, value: Option<i32>) -> Result<(), Failure> {
    let done = match value {
        // Renamed into place: a daemon never finds half a number.
        Some(value) => {
            let new = file.with_extension("new");
            let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
            folder
                .and_then(|()| std::fs::write(&new, format!("{value}\n")))
                .and_then(|()| std::fs::rename(&new, file))
        }
        None => match std::fs::remove_file(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done,
        },
    };
    done.map_err(|error| Failure::file(file, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_and_removed() {
        let folder = std::env::temp_dir().join(format!("rehearse-tracked-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder of our own");
        let file = path(&folder, "A", "load");
        write(&file, Some(-7)).expect("it can be written");
        assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), Some("-7\n"));
        write(&file, None).expect("it can be removed");
        write(&file, None).expect("nothing is left to remove");
        assert!(!file.exists());
        // Nothing is left of the renaming either.
        std::fs::remove_dir(&folder).expect("it is empty");
    }
}
