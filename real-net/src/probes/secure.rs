//! `enable_script_security`: no program runs as root that somebody else can exchange.
//!
//! Somebody can when they may write the file, or a folder on the way to it; in a folder like `/tmp`,
//! where everybody may write and nobody touches another's files, a file of root's is safe. The way is
//! looked at as it is written and as it is when symbolic links are resolved. keepalived judges when
//! it reads the configuration; here it is judged each time the script is run.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, Gid, Uid, access};

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Why a program isn't safe to run as root, in words. `Ok` also when it isn't there: it can't be run
/// then.
pub(super) fn judge(program: &str, path: &str) -> Result<(), String> {
    let Some(file) = find(program, path) else {
        return Ok(());
    };
    walk(&file)?;
    match fs::canonicalize(&file) {
        Ok(resolved) => walk(&resolved),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(format!("{}: {e}", file.display())),
    }
}

/// Whether there is no such program. What can't be looked at may be there.
pub(super) fn is_missing(program: &str, path: &str) -> bool {
    let Some(file) = find(program, path) else {
        return true;
    };
    fs::metadata(file).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
}

/// Whether a user and group may execute it; `None` for this process's own. What can't be looked at may
/// be executable, and access lists aren't looked at.
pub(super) fn is_executable(program: &str, path: &str, user: Option<(Uid, Gid)>) -> bool {
    let Some(file) = find(program, path) else {
        return false;
    };
    let Ok(about) = fs::metadata(&file) else {
        return true;
    };
    let Some((uid, gid)) = user else {
        return about.is_file() && access(&file, AccessFlags::X_OK).is_ok();
    };
    let may = |about: &Metadata| {
        let bits = match () {
            () if uid.is_root() => 0o111,
            () if about.uid() == uid.as_raw() => 0o100,
            () if about.gid() == gid.as_raw() => 0o010,
            () => 0o001,
        };
        about.mode() & bits != 0
    };
    let mut folders = file.ancestors().skip(1);
    let searched = |folder: &Path| uid.is_root() || fs::metadata(folder).is_ok_and(|f| may(&f));
    about.is_file() && may(&about) && folders.all(searched)
}

/// The file that a program's name means.
fn find(program: &str, path: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(Path::new("/").join(program));
    }
    let folders = path.split(':').map(Path::new);
    folders.map(|f| f.join(program)).find(|f| f.exists())
}

/// Every folder on the way, and the file.
fn walk(file: &Path) -> Result<(), String> {
    let way: Vec<&Path> = file.ancestors().collect();
    for step in way.into_iter().rev() {
        match fs::symlink_metadata(step) {
            Ok(about) => safe(&about).map_err(|who| format!("{} {who}", step.display()))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(format!("{}: {e}", step.display())),
        }
    }
    Ok(())
}

fn safe(about: &Metadata) -> Result<(), &'static str> {
    if about.uid() != 0 {
        return Err("belongs to another user");
    }
    // Nobody writes to a symbolic link; its folder is what counts.
    if about.is_symlink() || about.is_dir() && about.mode() & STICKY != 0 {
        return Ok(());
    }
    if about.mode() & OTHERS_WRITE != 0 {
        return Err("can be written by everybody");
    }
    if about.gid() != 0 && about.mode() & GROUP_WRITES != 0 {
        return Err("can be written by its group");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_the_system_installed_is_safe_and_what_is_not_there_is_nobodys() {
        assert_eq!(judge("true", "/no/where:/usr/bin:/bin"), Ok(()));
        assert_eq!(judge("/no/such/script", ""), Ok(()));
        for (program, missing) in [
            ("true", false),
            ("/bin/sh", false),
            ("/no/such/script", true),
            ("no-such-script", true),
        ] {
            assert_eq!(is_missing(program, "/usr/bin:/bin"), missing, "{program}");
        }
    }

    #[test]
    fn a_file_or_folder_that_others_may_write_is_named() {
        let folder = std::env::temp_dir().join(format!("locum-secure-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("check.sh");
        fs::write(&file, "#!/bin/sh\n").expect("written");
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
        };
        let name = file.display().to_string();
        open(&folder, 0o755);
        open(&file, 0o755);
        let private = judge(&name, "");
        open(&file, 0o757);
        let writable = judge(&name, "");
        open(&folder, 0o777);
        let both = judge(&name, "");
        fs::remove_dir_all(&folder).expect("removed");
        // Whoever runs the tests without being root owns the folder.
        match Uid::effective().is_root() {
            true => {
                assert_eq!(private, Ok(()));
                assert_eq!(writable, Err(format!("{name} can be written by everybody")));
                let folder = folder.display();
                assert_eq!(both, Err(format!("{folder} can be written by everybody")));
            }
            false => assert!(private.is_err() && writable.is_err() && both.is_err()),
        }
    }
}
