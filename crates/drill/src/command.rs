//! The flags of `axoneme drill`, and running it from them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rand::RngCore;
use tokio_util::sync::CancellationToken;

use crate::error::DrillError;
use crate::fault::{Fault, NAMES};
use crate::file::DrillFile;
use crate::proxy::{Drill, DrillConfig};
use crate::report::DrillReport;
use crate::schedule::{Schedule, Step, parse_duration};

/// Outages without `--for` last this long.
const DOWN: Duration = Duration::from_secs(5);
/// Longest fault where none is named: until the drill ends.
const UNTIL_THE_END: Duration = Duration::from_secs(7 * 86_400);

/// `axoneme drill`
#[derive(Debug, Clone, Args)]
#[command(after_help = after_help())]
pub struct DrillArgs {
    /// Where daemons connect instead; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// The chain endpoint behind: ws://host:port or wss://host
    #[arg(long)]
    pub upstream: Option<String>,
    /// The drill written down in TOML: listen, upstream, duration, rounds and step tables with after, fault, for
    #[arg(long, conflicts_with_all = ["cut_every", "fault", "random"])]
    pub file: Option<PathBuf>,
    /// Cut the line once in this time; short for --fault cut --every
    #[arg(long, value_parser = parse_duration, conflicts_with_all = ["fault", "random", "every"])]
    pub cut_every: Option<Duration>,
    /// What goes wrong, see below
    #[arg(long, conflicts_with = "random")]
    pub fault: Option<Fault>,
    /// Time before the fault
    #[arg(long, value_parser = parse_duration, requires = "fault", conflicts_with = "every")]
    pub after: Option<Duration>,
    /// How long a fault lasts, with --random at most [default: 5s; a single --fault: until the end]
    #[arg(long = "for", alias = "down", value_parser = parse_duration)]
    pub lasts: Option<Duration>,
    /// One fault in this time, for ever
    #[arg(long, value_parser = parse_duration)]
    pub every: Option<Duration>,
    /// Faults of all kinds at random times
    #[arg(long, requires = "every")]
    pub random: bool,
    /// Seed of --random; without it one is drawn and printed
    #[arg(long, requires = "random")]
    pub seed: Option<u64>,
    /// End after this time instead of on Ctrl-C
    #[arg(long, value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Print the report as one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    /// Listen on an address that other machines reach
    #[arg(long)]
    pub expose: bool,
}

fn after_help() -> String {
    let mut help = "Faults:\n".to_owned();
    for (name, what) in NAMES {
        help += &format!("  {name:<18} {what}\n");
    }
    help += "\nExample: axoneme drill --upstream ws://127.0.0.1:9944 --listen 127.0.0.1:9955 --cut-every 30s --down 5s\n\
             The address goes to stderr at the start, the report to stdout at the end.";
    help
}

impl DrillArgs {
    /// What the flags and the file say, and how long it goes on.
    ///
    /// # Errors
    /// When they make no drill.
    pub fn config(&self) -> Result<(DrillConfig, Option<Duration>), DrillError> {
        let wrong = |text: &str| DrillError::Schedule(text.to_owned());
        let (file, from_file) = match &self.file {
            Some(path) => {
                let (file, schedule) = DrillFile::read(path)?;
                (file, Some(schedule))
            }
            None => (DrillFile::default(), None),
        };
        let upstream = self.upstream.as_deref().or(file.upstream.as_deref());
        let upstream = upstream.ok_or_else(|| wrong("which endpoint? give --upstream ws://host:port"))?;
        let mut config = DrillConfig::before(upstream)?;
        if let Some(listen) = self.listen.or(file.listen) {
            config.listen = listen;
        }
        config.expose = self.expose;
        let duration = match &file.duration {
            Some(text) => Some(parse_duration(text).map_err(DrillError::Schedule)?),
            None => None,
        };
        config.schedule = match from_file {
            Some(schedule) => schedule,
            None => self.schedule(&mut config.seed)?,
        };
        Ok((config, self.duration.or(duration)))
    }

    fn schedule(&self, seed: &mut Option<u64>) -> Result<Schedule, DrillError> {
        let down = self.lasts.unwrap_or(DOWN);
        if let (true, Some(every)) = (self.random, self.every) {
            let drawn = self.seed.unwrap_or_else(|| rand::rng().next_u64());
            *seed = Some(drawn);
            return Schedule::random(drawn, every, down);
        }
        match (self.cut_every, self.fault, self.every) {
            (Some(every), ..) => Schedule::every(Fault::Cut, every, down),
            (None, Some(fault), Some(every)) => Schedule::every(fault, every, down),
            (None, Some(fault), None) => {
                let lasts = self.lasts.unwrap_or(UNTIL_THE_END);
                let after = self.after.unwrap_or_default();
                Schedule::new(vec![Step { after, fault, lasts }], Some(1))
            }
            (None, None, Some(_)) => Err(DrillError::Schedule(
                "--every needs --fault or --random: what should go wrong?".to_owned(),
            )),
            (None, None, None) if self.lasts.is_some() => Err(DrillError::Schedule(
                "--for needs --fault, --cut-every or --random: what should go wrong?".to_owned(),
            )),
            (None, None, None) => Ok(Schedule::default()),
        }
    }

    /// Drills until its time is over or `cancel`; what was done.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn run(&self, cancel: CancellationToken) -> Result<DrillReport, DrillError> {
        let (config, duration) = self.config()?;
        let (upstream, seed) = (config.upstream.url().clone(), config.seed);
        let nothing_planned = config.schedule.steps().is_empty();
        let drill = Drill::start(config).await?;
        eprintln!("endpoint   {}\nupstream   {upstream}", drill.url());
        if let Some(seed) = seed {
            eprintln!("seed       {seed}");
        }
        if nothing_planned {
            eprintln!("no fault is planned: traffic passes unchanged");
        }
        let over = async {
            match duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            () = cancel.cancelled() => {}
        }
        Ok(drill.shutdown().await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        drill: DrillArgs,
    }

    fn steps(flags: &str) -> Result<Vec<Step>, String> {
        let words = ["drill", "--upstream", "ws://127.0.0.1:9944"]
            .into_iter()
            .chain(flags.split_whitespace());
        let flags = Flags::try_parse_from(words).map_err(|error| error.to_string())?;
        let (config, _) = flags.drill.config().map_err(|error| error.to_string())?;
        Ok(config.schedule.iter().take(2).collect())
    }

    #[test]
    fn flags_make_schedules() {
        let second = Duration::from_secs(1);
        let cut = Step {
            after: second * 25,
            fault: Fault::Cut,
            lasts: second * 5,
        };
        assert_eq!(steps("--cut-every 30s --down 5s"), Ok(vec![cut; 2]));
        assert_eq!(steps("--fault cut --every 30s"), Ok(vec![cut; 2]));
        let half_open = Step {
            after: second * 20,
            fault: Fault::HalfOpen,
            lasts: second * 40,
        };
        assert_eq!(steps("--fault half-open --after 20s --for 40s"), Ok(vec![half_open]));
        assert_eq!(steps(""), Ok(vec![]));
        assert_eq!(
            steps("--random --seed 7 --every 30s"),
            steps("--random --seed 7 --every 30s --for 5s")
        );
    }

    #[test]
    fn flags_that_make_no_sense_together_are_refused() {
        for wrong in [
            "--every 30s",
            "--for 5s",
            "--after 5s",
            "--seed 1",
            "--random",
            "--fault kut",
            "--cut-every 5s --for 5s",
            "--cut-every 30s --fault cut",
            "--file x.toml --fault cut",
        ] {
            assert!(steps(wrong).is_err(), "{wrong}");
        }
    }
}
