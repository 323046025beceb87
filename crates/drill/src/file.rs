//! A drill written down in TOML.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use crate::error::DrillError;
use crate::schedule::{Schedule, Step, parse_duration};

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrillFile {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) upstream: Option<String>,
    pub(crate) duration: Option<String>,
    /// 0 is for ever.
    #[serde(default = "once")]
    rounds: u32,
    #[serde(default)]
    step: Vec<FileStep>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStep {
    #[serde(default)]
    after: Option<String>,
    fault: String,
    #[serde(rename = "for")]
    lasts: String,
}

fn once() -> u32 {
    1
}

impl DrillFile {
    /// Reads `path`.
    ///
    /// # Errors
    /// With the line, when it does not say what a drill needs.
    pub(crate) fn read(path: &Path) -> Result<(Self, Schedule), DrillError> {
        let text = fs::read_to_string(path).map_err(|source| DrillError::Read {
            path: path.to_owned(),
            source,
        })?;
        let wrong = |detail: String| DrillError::File {
            path: path.to_owned(),
            detail,
        };
        let file: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        let mut steps = Vec::with_capacity(file.step.len());
        for (number, step) in file.step.iter().enumerate() {
            let read =
                |text: &str| parse_duration(text).map_err(|error| wrong(format!("step {}: {error}", number + 1)));
            steps.push(Step {
                after: step.after.as_deref().map_or(Ok(std::time::Duration::ZERO), read)?,
                fault: step
                    .fault
                    .parse()
                    .map_err(|error| wrong(format!("step {}: {error}", number + 1)))?,
                lasts: read(&step.lasts)?,
            });
        }
        let schedule = Schedule::new(steps, (file.rounds > 0).then_some(file.rounds))?;
        Ok((file, schedule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use std::io::Write as _;

    fn read(text: &str) -> Result<(DrillFile, Schedule), DrillError> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        DrillFile::read(file.path())
    }

    #[test]
    fn steps_are_read_in_order() {
        let text = "upstream = 'ws://127.0.0.1:9944'\nrounds = 2\n\
                    [[step]]\nafter = '20s'\nfault = 'half-open'\nfor = '40s'\n[[step]]\nfault = 'cut'\nfor = '5s'\n";
        let (file, schedule) = read(text).expect("valid");
        assert_eq!(file.upstream.as_deref(), Some("ws://127.0.0.1:9944"));
        let faults: Vec<Fault> = schedule.iter().map(|step| step.fault).collect();
        assert_eq!(faults, [Fault::HalfOpen, Fault::Cut, Fault::HalfOpen, Fault::Cut]);
    }

    #[test]
    fn a_mistake_is_refused_with_its_place() {
        let unknown = read("[[step]]\nfault = 'cut'\nfor = '5s'\nevry = '3s'\n")
            .expect_err("unknown key")
            .to_string();
        assert!(unknown.contains("line 4") && unknown.contains("evry"), "{unknown}");
        let fault = read("[[step]]\nfault = 'kut'\nfor = '5s'\n")
            .expect_err("no fault")
            .to_string();
        assert!(fault.contains("step 1") && fault.contains("half-open"), "{fault}");
        let endless = read("rounds = 0\n[[step]]\nfault = 'cut'\nfor = '0s'\n")
            .expect_err("a busy loop")
            .to_string();
        assert!(endless.contains("at least"), "{endless}");
    }
}
