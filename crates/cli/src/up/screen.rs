//! Log lines above, one table below, redrawn in place; plain lines where stderr is no terminal.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::{cursor, queue, terminal};
use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

/// Where stderr is no terminal, a changed table is printed at most this often.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// The one owner of stderr while `up` runs.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    table: String,
    /// Lines of the table that are on the screen now.
    drawn: u16,
    printed: Option<Instant>,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            state: Mutex::default(),
        }
    }

    /// Shows this table from now on.
    pub(super) fn show(&self, table: &str) {
        let mut state = self.state.lock();
        if state.table == table {
            return;
        }
        table.clone_into(&mut state.table);
        let due = state.printed.is_none_or(|printed| printed.elapsed() >= PLAIN_EVERY);
        // Nothing can be done about a stderr that went away.
        if self.terminal {
            let _ = state.redraw(b"");
        } else if due {
            state.printed = Some(Instant::now());
            let _ = writeln!(std::io::stderr(), "{table}");
        }
    }

    /// Takes the table off the screen.
    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        state.table.clear();
        if self.terminal {
            let _ = state.redraw(b"");
        }
    }
}

impl State {
    fn redraw(&mut self, log: &[u8]) -> std::io::Result<()> {
        let mut out = std::io::stderr().lock();
        if self.drawn > 0 {
            queue!(
                out,
                cursor::MoveToPreviousLine(self.drawn),
                terminal::Clear(terminal::ClearType::FromCursorDown)
            )?;
        }
        out.write_all(log)?;
        let (columns, rows) = terminal::size().unwrap_or((120, 40));
        self.drawn = 0;
        // A table taller than the screen could not be taken back.
        for line in self.table.lines().take(usize::from(rows.saturating_sub(1))) {
            let line: String = line.chars().take(usize::from(columns)).collect();
            writeln!(out, "{line}")?;
            self.drawn += 1;
        }
        out.flush()
    }
}

/// Writes one log line above the table.
#[derive(Debug)]
pub(super) struct LogLine(Arc<Screen>);

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.0.terminal {
            self.0.state.lock().redraw(line)?;
        } else {
            std::io::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// A [`MakeWriter`] over a shared screen.
#[derive(Debug, Clone)]
pub(super) struct LogTo(pub(super) Arc<Screen>);

impl<'w> MakeWriter<'w> for LogTo {
    type Writer = LogLine;

    fn make_writer(&'w self) -> LogLine {
        LogLine(self.0.clone())
    }
}
