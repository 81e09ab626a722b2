//! `rehearse replay`: a daemon's recording, played through the engine.

use std::io::Write;
use std::path::{Path, PathBuf};

use locum_engine::Output;
use locum_engine::config::Config;
use locum_engine::recording::{Head, Step, Told};
use locum_scenarios::incident;
use locum_scenarios::playback::{Played, Recording, Run, Verdict, utc};
use locum_scenarios::report::{BAD, BOLD, DIM, FAULT, GOOD, Palette};

use super::{Answer, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// What `locum` recorded, usually `/var/lib/locum/recording`.
    file: PathBuf,
    /// Which run of the daemon, counted back from the last one, which is 1.
    #[arg(long, default_value_t = 1, value_name = "N")]
    run: usize,
    /// Every run that is left in the file.
    #[arg(long, conflicts_with = "run")]
    all: bool,
    /// Write a scenario file that tells the node the same story, instead of playing it.
    #[arg(long, conflicts_with_all = ["all", "inputs"])]
    as_scenario: bool,
    /// Show each input with everything that came of it, not only what was decided.
    #[arg(long)]
    inputs: bool,
}

pub(super) fn replay(out: &mut impl Write, palette: Palette, args: &ReplayArgs) -> Answer {
    let recording = read(&args.file)?;
    let runs = choose(&recording, args)?;
    if let (true, Some(run)) = (args.as_scenario, runs.first()) {
        let text = incident::scenario(run);
        write!(out, "{}", text.map_err(Failure::Said)?)?;
        return Ok(true);
    }
    let mut good = true;
    for run in runs {
        let mut failed = None;
        let mut shown = Shown {
            palette,
            inputs: args.inputs,
            different: false,
        };
        let verdict = run.play(|played| {
            let written = shown.show(out, played);
            failed = failed.take().or_else(|| written.err());
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        conclude(out, palette, &verdict)?;
        good &= verdict.is_same();
    }
    Ok(good)
}

/// Reads a file of any size that a recording can have.
fn read(file: &Path) -> Result<Recording, Failure> {
    let said =
        |error: &dyn std::fmt::Display| Failure::Said(format!("{}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(|e| said(&e))?;
    Recording::read(&bytes).map_err(|e| said(&e))
}

fn choose<'a>(recording: &'a Recording, args: &ReplayArgs) -> Result<&'a [Run], Failure> {
    let runs = &recording.runs;
    if args.all && !runs.is_empty() {
        return Ok(runs);
    }
    let position = runs.len().checked_sub(args.run).filter(|_| args.run > 0);
    let Some(position) = position else {
        let message = match runs.len() {
            0 => "no run can be played: nothing was recorded yet".to_owned(),
            n => format!("there are {n} runs in it: write --run 1 to --run {n}"),
        };
        return Err(Failure::Said(message));
    };
    Ok(&runs[position..=position])
}

struct Shown {
    palette: Palette,
    inputs: bool,
    /// A difference was shown: what follows comes of it.
    different: bool,
}

impl Shown {
    fn show(&mut self, out: &mut impl Write, played: Played<'_>) -> std::io::Result<()> {
        match played {
            Played::Begins {
                head,
                missing,
                config_differs,
            } => self.begins(out, head, missing, config_differs),
            Played::Input(step, head) => self.input(out, step, head),
            Played::OtherState => {
                let line = "the state in which this segment begins isn't the one the inputs before lead to";
                writeln!(out, "{}", self.palette.paint(BAD, line))
            }
            Played::Stuck(e) => writeln!(out, "{}", self.palette.paint(BAD, e)),
        }
    }

    fn begins(
        &self,
        out: &mut impl Write,
        head: &Head<'_>,
        missing: u64,
        config_differs: bool,
    ) -> std::io::Result<()> {
        let at = utc(head.wall);
        let line = match (head.fresh, missing) {
            (Some(_), _) => format!("{at}  the daemon starts, locum {}", head.version),
            (None, 0) => format!("{at}  a segment begins"),
            (None, n) => {
                format!("{at}  a segment begins; {n} inputs before it aren't in the recording")
            }
        };
        writeln!(out, "{}", self.palette.paint(DIM, line))?;
        if config_differs {
            let line = "this version reads another configuration out of the same text";
            writeln!(out, "{}", self.palette.paint(FAULT, line))?;
        }
        Ok(())
    }

    fn input(&mut self, out: &mut impl Write, step: &Step, head: &Head<'_>) -> std::io::Result<()> {
        let at = utc(head.wall_at(step.entry.now));
        if self.inputs {
            let what = told(&step.config, &step.entry.told);
            let line = format!("{at}  {:>8}  {what}", step.number);
            writeln!(out, "{}", self.palette.paint(DIM, line))?;
        }
        let mut config = &step.config;
        for output in &step.outputs {
            match output {
                Output::Event(event) => {
                    let instance = event.instance();
                    let name = instance.map_or("", |id| &*config.instance(id).name);
                    let style = if decides(event) { BOLD } else { DIM };
                    let line = self.palette.paint(style, event.display(config));
                    writeln!(out, "{at}  {name:8}  {line}")?;
                }
                Output::Reloaded(reloaded) => {
                    config = &reloaded.config;
                    writeln!(out, "{at}  {:8}  another configuration is in force", "")?;
                    for line in reloaded.plan.to_string().lines() {
                        writeln!(out, "{at}  {:8}    {line}", "")?;
                    }
                }
                other if self.inputs => writeln!(out, "{at}  {:8}    {}", "", done(config, other))?,
                _ => {}
            }
        }
        self.difference(out, step)
    }

    /// The first one in full; the others come of it.
    fn difference(&mut self, out: &mut impl Write, step: &Step) -> std::io::Result<()> {
        let Some(difference) = &step.difference else {
            return Ok(());
        };
        if core::mem::replace(&mut self.different, true) {
            return Ok(());
        }
        let what = told(&step.config, &step.entry.told);
        let line = format!("input {} is where they part: {what}", step.number);
        writeln!(out, "{}", self.palette.paint(BAD, line))?;
        let (expected, got) = (&difference.expected, &difference.got);
        writeln!(out, "  the daemon:  {}", expected.display(&step.config))?;
        writeln!(out, "  this engine: {}", got.display(&step.config))?;
        let mut config = &step.config;
        for output in &step.outputs {
            writeln!(out, "    {}", done(config, output))?;
            if let Output::Reloaded(reloaded) = output {
                config = &reloaded.config;
            }
        }
        Ok(())
    }
}

/// Changes of state, priority and verdict; everything else is told beside.
fn decides(event: &locum_engine::Event) -> bool {
    use locum_engine::Event;
    matches!(
        event,
        Event::StateChanged { .. } | Event::GroupChanged { .. } | Event::PriorityChanged { .. }
    )
}

fn conclude(out: &mut impl Write, palette: Palette, verdict: &Verdict) -> std::io::Result<()> {
    let Verdict {
        inputs,
        outputs,
        different,
        missing,
        stuck,
        closed,
    } = verdict;
    if !closed {
        let line = "it ends without the daemon having stopped: killed, or still running";
        writeln!(out, "{}", palette.paint(DIM, line))?;
    }
    if *missing > 0 {
        let line = format!("{missing} inputs in between weren't recorded");
        writeln!(out, "{}", palette.paint(FAULT, line))?;
    }
    if verdict.is_same() {
        let line =
            format!("the same decisions as the daemon's: {inputs} inputs, {outputs} outputs");
        return writeln!(out, "{}", palette.paint(GOOD, line));
    }
    let line = match (different, stuck) {
        (0, 0) => "nothing could be played".to_owned(),
        (0, stuck) => format!("{stuck} segments can't be compared to their end"),
        (n, _) => format!("not the same decisions: {n} of {inputs} inputs have other outputs"),
    };
    writeln!(out, "{}", palette.paint(BAD, line))
}

/// An input in a few words.
fn told(config: &Config, told: &Told) -> String {
    use locum_engine::{Command, Input};
    match told {
        Told::Packet(packet) => {
            let name = config.interface_name(packet.interface);
            let (from, payload) = (packet.source, &packet.payload);
            let vrid = payload.get(1).copied().unwrap_or_default();
            let priority = payload.get(2).copied().unwrap_or_default();
            format!("packet from {from} on {name}: VRID {vrid}, priority {priority}")
        }
        Told::Reload { .. } => "reload".to_owned(),
        Told::End(_) => "the end".to_owned(),
        Told::Plain(input) => match input {
            Input::Timeout => "the deadline".to_owned(),
            Input::Utc(utc_now) => format!("the wall clock: {}", utc(*utc_now)),
            Input::Link { interface, state } => {
                let (name, up) = (config.interface_name(*interface), state.up);
                format!("link {name} is {}", if up { "up" } else { "down" })
            }
            Input::AddressRemoved { interface, address } => {
                let name = config.interface_name(*interface);
                format!("{address} is gone from {name}")
            }
            Input::CheckDone { check, outcome } => {
                format!("check {}: {outcome}", config.check(*check).name)
            }
            Input::FileValue { file, value } => {
                format!("file {}: {value}", config.file(*file).name)
            }
            Input::ProcessCount { process, count } => {
                format!("process {}: {count}", config.process(*process).name)
            }
            Input::Command(Command::Start) => "start".to_owned(),
            Input::Command(Command::Stop) => "stop".to_owned(),
            other => format!("{other:?}"),
        },
    }
}

/// An output in a few words.
fn done(config: &Config, output: &Output) -> String {
    use locum_engine::{Effect, Transmit};
    match output {
        Output::Transmit(Transmit::Advert {
            instance,
            destination,
            priority,
            ..
        }) => {
            let name = &config.instance(*instance).name;
            format!("{name}: advert to {destination}, priority {priority}")
        }
        Output::Transmit(Transmit::GratuitousArp { address, .. }) => {
            format!("gratuitous ARP for {address}")
        }
        Output::Transmit(Transmit::NeighbourAdvert { address, .. }) => {
            format!("neighbour advertisement for {address}")
        }
        Output::Effect(Effect::AddAddress { address, .. }) => format!("add {}", address.address),
        Output::Effect(Effect::RefreshAddress { address, .. }) => {
            format!("refresh {}", address.address)
        }
        Output::Effect(Effect::RemoveAddress { address, .. }) => {
            format!("remove {}", address.address)
        }
        Output::Effect(Effect::StartCheck { check, .. }) => {
            format!("run check {}", config.check(*check).name)
        }
        Output::Effect(effect) => format!("{effect:?}"),
        Output::Event(event) => event.display(config).to_string(),
        Output::Reloaded(_) => "another configuration is in force".to_owned(),
        Output::Stopped => "stopped".to_owned(),
    }
}
