//! Writes the man pages and the completions of shells into a folder, for packages:
//! `cargo run -p locum --example dist -- FOLDER`.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use locum_real_net::cli::Cli;

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("which folder?"))?;
    fs::create_dir_all(&folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Cli::command(), "locum", &folder)?;
    }
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    page(&command, "locum", &folder)?;
    for part in command.get_subcommands().filter(|part| !part.is_hide_set()) {
        let name = format!("locum-{}", part.get_name());
        page(part, &name, &folder)?;
    }
    Ok(())
}

/// One page of section 8.
fn page(command: &clap::Command, name: &str, folder: &std::path::Path) -> io::Result<()> {
    // Names live as long as the program; there are a dozen.
    let title: &'static str = String::leak(name.to_owned());
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command.clone().name(title)).section("8");
    page.render(&mut text)?;
    fs::write(folder.join(format!("{name}.8")), text)
}
