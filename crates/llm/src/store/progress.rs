//! Telling a waiting user how far a download is.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

/// Hears about a download.
pub trait Progress: Send + Sync {
    /// A download of `total` bytes begins.
    fn started(&self, what: &str, total: u64);
    /// So many bytes are here by now.
    fn advanced(&self, bytes: u64);
    /// The download ended, well or not.
    fn finished(&self);
    /// Something the user should know.
    fn note(&self, text: &str);
}

/// Says nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn started(&self, _what: &str, _total: u64) {}
    fn advanced(&self, _bytes: u64) {}
    fn finished(&self) {}
    fn note(&self, text: &str) {
        tracing::info!("{text}");
    }
}

/// A bar on standard error, or a line for every tenth when that is not a terminal.
#[derive(Default)]
pub struct StderrProgress {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    what: String,
    total: u64,
    tenths_told: u64,
    bar: Option<ProgressBar>,
}

impl StderrProgress {
    /// A new one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Progress for StderrProgress {
    fn started(&self, what: &str, total: u64) {
        let mut state = self.state.lock();
        *state = State {
            what: what.to_owned(),
            total,
            tenths_told: 0,
            bar: None,
        };
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(format!("fetching {what}"));
            state.bar = Some(bar);
        } else {
            eprintln!("fetching {what}: {} MB", total / 1_000_000);
        }
    }

    fn advanced(&self, bytes: u64) {
        let mut state = self.state.lock();
        if let Some(bar) = &state.bar {
            bar.set_position(bytes.min(state.total));
            return;
        }
        let tenths = bytes.saturating_mul(10).checked_div(state.total).unwrap_or(0).min(10);
        if tenths > state.tenths_told {
            state.tenths_told = tenths;
            eprintln!(
                "fetching {}: {} of {} MB",
                state.what,
                bytes.min(state.total) / 1_000_000,
                state.total / 1_000_000
            );
        }
    }

    fn finished(&self) {
        if let Some(bar) = self.state.lock().bar.take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        match &self.state.lock().bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}
