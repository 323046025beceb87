//! What a run found, as a table, as JSON, as Markdown beside another run.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use axoneme_wallet::AccountId;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Expect, Group};
use crate::python;
use crate::verdict::Verdict;

/// The outcome of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the case.
    pub id: String,
    /// What it is about.
    pub group: Group,
    /// What was sent.
    pub about: String,
    /// What is required.
    pub required: String,
    /// What came back.
    pub answer: String,
    /// What that means.
    pub verdict: Verdict,
    /// Whether the Python SDKs are known for the same: a difference in hardening, not a broken server.
    #[serde(default)]
    pub like_python: bool,
}

impl Finding {
    pub(crate) fn new(case: &Case, verdict: Verdict, answer: String) -> Self {
        Self {
            id: case.id.to_owned(),
            group: case.group,
            about: case.about.to_owned(),
            required: required(case.expect),
            answer,
            verdict,
            like_python: verdict == Verdict::Lax && python::is_lax(case.id),
        }
    }

    /// A failure that is more than a known weakness of Python's axon.
    fn is_surprise(&self) -> bool {
        self.verdict.is_failure() && !self.like_python
    }
}

fn required(expect: Expect) -> String {
    match expect {
        Expect::Served => "200".to_owned(),
        Expect::Refused([]) => "an error or the end of the connection".to_owned(),
        Expect::Refused(statuses) => statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
        Expect::BetterRefused(statuses) => {
            let statuses = statuses.iter().map(u16::to_string).collect::<Vec<_>>();
            format!("better {}", statuses.join(" or "))
        }
        Expect::Ended => "the end of the connection".to_owned(),
        Expect::Anything => "anything".to_owned(),
    }
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where the axon listens.
    pub target: SocketAddr,
    /// Its hotkey.
    pub hotkey: AccountId,
    /// How long it took, seconds.
    pub seconds: f64,
    /// Whether every rule that has to hold does.
    pub passed: bool,
    /// One per case.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(target: SocketAddr, hotkey: AccountId, took: Duration, findings: Vec<Finding>) -> Self {
        Self {
            target,
            hotkey,
            seconds: took.as_secs_f64(),
            passed: !findings.iter().any(|finding| finding.verdict.is_failure()),
            findings,
        }
    }

    /// Whether nothing failed but what the Python SDKs are known for.
    pub fn as_good_as_python(&self) -> bool {
        !self.findings.iter().any(Finding::is_surprise)
    }

    /// This report, with what it skipped taken from another one.
    pub fn filled_from(mut self, other: Self) -> Self {
        for finding in &mut self.findings {
            if finding.verdict == Verdict::Skipped {
                let theirs = other.findings.iter().find(|theirs| theirs.id == finding.id);
                *finding = theirs.unwrap_or(finding).clone();
            }
        }
        self
    }

    /// How many cases ended so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    }

    /// One line per case, failures explained, a summary last.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let width = self.findings.iter().map(|finding| finding.id.len()).max().unwrap_or(0);
        let mut group = None;
        for finding in &self.findings {
            if group.replace(finding.group) != Some(finding.group) {
                let _ = writeln!(text, "{}: {}", finding.group.label(), self.counts(Some(finding.group)));
            }
            let _ = writeln!(
                text,
                "  {:<7} {:<width$}  {}: {}",
                finding.verdict.label(),
                finding.id,
                finding.about,
                finding.answer
            );
            if finding.verdict.is_failure() || finding.verdict == Verdict::Differs {
                let python = if finding.like_python {
                    " (Python does the same)"
                } else {
                    ""
                };
                let _ = writeln!(
                    text,
                    "          {:<width$}  should be: {}{python}",
                    "", finding.required
                );
            }
        }
        let _ = write!(text, "\n{}", self.summary());
        text
    }

    /// How the cases of a group, or all of them, ended.
    fn counts(&self, group: Option<Group>) -> String {
        let of = |verdict| {
            let findings = self.findings.iter();
            let findings = findings.filter(|finding| group.is_none_or(|group| finding.group == group));
            findings.filter(|finding| finding.verdict == verdict).count()
        };
        let counts = Verdict::ALL.into_iter().filter_map(|verdict| match of(verdict) {
            0 => None,
            count => Some(format!("{count} {}", verdict.label().to_lowercase())),
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    /// The last line: the verdict and the counts.
    pub fn summary(&self) -> String {
        let like_python = self.findings.iter().filter(|finding| finding.like_python).count();
        format!(
            "{} {}: {} cases in {:.0} s: {}{}",
            if self.passed { "PASSED" } else { "FAILED" },
            self.target,
            self.findings.len(),
            self.seconds,
            self.counts(None),
            match like_python {
                0 => String::new(),
                count => format!(" ({count} of them as lax as Python)"),
            }
        )
    }

    /// Markdown tables of this run, one per group, and beside it what another axon answered.
    pub fn markdown(&self, names: (&str, &str), other: Option<&Report>) -> String {
        let mut text = format!("{}: {}\n", names.0, self.counts(None));
        if let Some(other) = other {
            let _ = writeln!(text, "\n{}: {}", names.1, other.counts(None));
        }
        let mut group = None;
        for finding in &self.findings {
            if group.replace(finding.group) != Some(finding.group) {
                let (more, line) = match other {
                    Some(_) => (format!(" {} |", names.1), " --- |"),
                    None => (String::new(), ""),
                };
                let _ = write!(
                    text,
                    "\n### {}\n\n| case | what is sent | required | {} |{more}\n| --- | --- | --- | --- |{line}\n",
                    finding.group.label(),
                    names.0,
                );
            }
            let _ = write!(
                text,
                "| `{}` | {} | {} | {} |",
                finding.id,
                cell(&finding.about, 160),
                cell(&finding.required, 160),
                outcome(finding)
            );
            if let Some(other) = other {
                let theirs = other.findings.iter().find(|theirs| theirs.id == finding.id);
                let _ = write!(text, " {} |", theirs.map_or_else(|| "not played".to_owned(), outcome));
            }
            text.push('\n');
        }
        text
    }
}

fn outcome(finding: &Finding) -> String {
    // Ids of single answers would make every table differ from the last.
    let answer = finding.answer.split(" #").next().unwrap_or_default();
    let answer = cell(answer, 60);
    match finding.verdict {
        Verdict::Pass => answer,
        Verdict::Skipped => "not offered".to_owned(),
        verdict => format!("**{}** {answer}", verdict.label().to_lowercase()),
    }
}

/// Text that keeps a Markdown table a table.
fn cell(text: &str, most: usize) -> String {
    let short: String = text.chars().take(most).collect();
    let short = if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    };
    short
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('*', "\\*")
}
