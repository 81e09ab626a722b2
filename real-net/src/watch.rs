//! `locum watch`: the table, live, on a terminal.

use std::io;
use std::path::Path;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Paragraph, Row, Table, TableState};
use ratatui::{DefaultTerminal, Frame};

use crate::control::cli::Everything;
use crate::control::client::Client;
use crate::control::show;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// What is on the screen.
struct Screen {
    shown: Everything,
    /// Why it is no longer up to date.
    trouble: Option<String>,
    table: TableState,
}

/// Shows the daemon's state until somebody presses q. When the daemon goes away, that is said, and
/// it is looked for again.
///
/// # Errors
/// When the terminal can't be written to or read from.
pub fn run(client: Client, socket: &Path) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let result = turn(&mut terminal, Some(client), socket);
    ratatui::restore();
    result
}

fn turn(
    terminal: &mut DefaultTerminal,
    mut client: Option<Client>,
    socket: &Path,
) -> io::Result<()> {
    let mut screen = Screen {
        shown: Everything::default(),
        trouble: None,
        table: TableState::default().with_selected(0),
    };
    loop {
        client = screen.refresh(client, socket);
        terminal.draw(|frame| screen.draw(frame))?;
        let looked = std::time::Instant::now();
        while let Some(left) = PERIOD.checked_sub(looked.elapsed()) {
            if !event::poll(left)? {
                break;
            }
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
            {
                let interrupted =
                    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                match key.code {
                    KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                    _ if interrupted => return Ok(()),
                    KeyCode::Down | KeyCode::Char('j') => screen.table.select_next(),
                    KeyCode::Up | KeyCode::Char('k') => screen.table.select_previous(),
                    _ => {}
                }
            }
            terminal.draw(|frame| screen.draw(frame))?;
        }
    }
}

impl Screen {
    fn refresh(&mut self, client: Option<Client>, socket: &Path) -> Option<Client> {
        let client = match client {
            Some(client) => Ok(client),
            None => Client::connect(socket),
        };
        let asked = client.and_then(|mut client| {
            let all = Everything::ask(&mut client, None)?;
            Ok((client, all))
        });
        match asked {
            Ok((client, all)) => {
                self.trouble = all.map(|all| self.shown = all).err();
                Some(client)
            }
            Err(e) => {
                self.trouble = Some(e.to_string());
                None
            }
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        let [head, body, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(3),
            Constraint::Length(8),
        ])
        .areas(frame.area());
        frame.render_widget(self.head(), head);
        let cells = show::rows(&self.shown);
        let wanted = show::widths(&cells);
        let rows: Vec<Row<'_>> = cells
            .into_iter()
            .zip(&self.shown.instances)
            .map(|(cells, seen)| Row::new(cells).style(style(&seen.state, &seen.contested)))
            .collect();
        // Names may be long; the reason has what is left, and stands below for the one that is chosen.
        let most = [24, 7, 12, 13, 44];
        let columns = wanted.into_iter().zip(most);
        let columns = columns.map(|(wanted, most)| Constraint::Length(wanted.min(most) as u16));
        let widths = columns.chain([Constraint::Fill(1)]);
        let table = Table::new(rows, widths)
            .header(Row::new(show::HEADS).style(Style::new().add_modifier(Modifier::BOLD)))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
        frame.render_stateful_widget(table, body, &mut self.table);
        let selected = self
            .table
            .selected()
            .and_then(|i| self.shown.instances.get(i));
        let details = selected.map(|seen| show::remarks(seen, self.shown.daemon.now));
        let lines: Vec<Line<'_>> = details
            .unwrap_or_default()
            .into_iter()
            .map(Line::raw)
            .collect();
        let title = selected.map_or("", |seen| seen.name.as_str());
        let block = Block::bordered().title(title.to_owned());
        frame.render_widget(Paragraph::new(Text::from(lines)).block(block), foot);
    }

    fn head(&self) -> Line<'_> {
        match &self.trouble {
            Some(trouble) => Line::styled(trouble.as_str(), Style::new().fg(Color::Red)),
            None => {
                let daemon = &self.shown.daemon;
                let up = show::span(daemon.now - daemon.started);
                let summary = show::summary(&self.shown.instances);
                Line::raw(format!(
                    "locum {}, up {up}; {summary}; q ends",
                    daemon.version
                ))
            }
        }
    }
}

fn style<T>(state: &str, contested: &[T]) -> Style {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Style::new();
    }
    match state {
        _ if !contested.is_empty() => Style::new().fg(Color::Magenta),
        "master" => Style::new().fg(Color::Green),
        "fault" => Style::new().fg(Color::Red),
        "init" => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    /// What a terminal of that size shows, a string a row; and the colour in which each begins.
    fn drawn(screen: &mut Screen) -> Vec<(String, Color)> {
        let mut terminal = Terminal::new(TestBackend::new(120, 20)).expect("in memory");
        terminal
            .draw(|frame| screen.draw(frame))
            .expect("in memory");
        let buffer = terminal.backend().buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width));
        let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
        rows.map(|row| (text(row), row[0].fg)).collect()
    }

    #[test]
    fn a_contested_instance_stands_out_and_says_by_whom() {
        let mut screen = Screen {
            shown: show::tests::all(),
            trouble: None,
            table: TableState::default().with_selected(0),
        };
        let rows = drawn(&mut screen);
        let all: String = rows.iter().map(|(row, _)| format!("{row}\n")).collect();
        assert!(
            rows[0]
                .0
                .contains("2 instances: 1 master, 1 backup, contested: VI_1"),
            "{all}"
        );
        let row = |name: &str| {
            let mut found = rows.iter().filter(|(row, _)| row.starts_with(name));
            found
                .next()
                .unwrap_or_else(|| panic!("no row of {name} in\n{all}"))
        };
        assert!(row("VI_1 ").0.contains("this node, 192.168.0.11"), "{all}");
        if std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
            assert_eq!(row("VI_1 ").1, Color::Magenta, "{all}");
            assert_eq!(row("VI_longer").1, Color::Reset, "{all}");
        }
        // Below is the chosen one, and what is odd about it.
        let title = rows.iter().position(|(row, _)| row.starts_with("┌VI_1"));
        let below: String = rows[title.expect("a frame")..]
            .iter()
            .map(|(row, _)| row.as_str())
            .collect();
        assert!(
            below.contains("contested: 192.168.0.12 acts as master with priority 80"),
            "{all}"
        );
        screen.table.select_next();
        screen.trouble = Some("the daemon has gone".to_owned());
        let rows = drawn(&mut screen);
        assert!(rows[0].0.starts_with("the daemon has gone"), "{rows:?}");
        assert!(
            rows.iter().any(|(row, _)| row.starts_with("┌VI_longer")),
            "{rows:?}"
        );
    }
}
