//! `axoneme up` whose neurons reach the chain through a drill: an endpoint that dies again and again.
//!
//! Once with weights in the open and once hidden by timelocked commit–reveal, some two minutes each here; `scripts/drill`
//! runs the same for ten (`AXONEME_DRILL_*`, see [`Settings`]).
//!
//! What happens is read from three sides that share no code with the neurons: the chain itself, past the drill; the
//! admin ports; and what the system knows of the process.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use subxt::{OnlineClient, SubstrateConfig, dynamic};

use crate::admin::number;
use crate::harness::{PATIENCE, Running, alone_with_models};
use commits::Commits;
use windows::{Look, Windows};

mod commits;
mod windows;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// A dead socket is noticed within this time.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);
/// After an outage a neuron is ready again within this time.
const RESUMED_WITHIN: Duration = Duration::from_secs(60);
/// Looks take time too, on a busy machine more.
const BLUR: Duration = Duration::from_secs(2);
/// Sockets, threads and tasks come and go by a few: requests under way, connections kept open between miners and
/// validator. A leak would be one or more for each outage.
const SLACK: u64 = 6;
/// What a validator says when a prompt run went badly.
const NOT_OURS: &str = "no miner earned anything";
/// The validator and four miners.
const NEURONS: usize = 5;

/// What to do, by environment variables.
struct Settings {
    /// `AXONEME_DRILL_FAULT`: what goes wrong.
    fault: String,
    /// `AXONEME_DRILL_SECONDS`: how long to watch, from the first weights on.
    length: Duration,
    /// `AXONEME_DRILL_EVERY`: seconds from one outage to the next.
    every: u64,
    /// `AXONEME_DRILL_DOWN`: seconds one lasts.
    down: u64,
    /// `AXONEME_DRILL_TEMPO`: blocks of 250 ms between two epochs.
    tempo: u64,
    /// `AXONEME_DRILL_ENOUGH`: seconds. A window in which the endpoint was there for so long without a break is one that
    /// the chain allowed: time to notice that it is back, to plan, and to be included. A connection that was begun while
    /// nobody answered is given up after ten seconds, so faults that swallow everything take that much more.
    enough: u64,
    /// Whether weights are hidden until their window is over.
    hidden: bool,
}

impl Settings {
    fn read(hidden: bool) -> Self {
        let text = |name: &str| std::env::var(format!("AXONEME_DRILL_{name}")).ok();
        let number = |name: &str, usual: u64| text(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        let fault = text("FAULT").unwrap_or_else(|| "cut".into());
        Self {
            enough: number("ENOUGH", if fault == "cut" { 5 } else { 20 }),
            fault,
            length: Duration::from_secs(number("SECONDS", 62)),
            every: number("EVERY", 15),
            down: number("DOWN", 4),
            tempo: number("TEMPO", 60),
            hidden,
        }
    }
}

/// What the system and the runtime count.
#[derive(Debug, Clone, Copy)]
struct Counts {
    sockets: u64,
    threads: u64,
    tasks: u64,
    resident_kib: u64,
}

impl Counts {
    async fn of(process: u32, admin: &str) -> Self {
        let process = format!("/proc/{process}");
        let targets = std::fs::read_dir(format!("{process}/fd")).unwrap();
        let targets = targets.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Self {
            sockets: targets
                .filter(|target| target.to_string_lossy().starts_with("socket:"))
                .count() as u64,
            threads: std::fs::read_dir(format!("{process}/task")).unwrap().count() as u64,
            tasks: number(admin, "process_tasks").await as u64,
            resident_kib: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        }
    }

    fn leak_free(&self, before: &Self) -> bool {
        self.sockets <= before.sockets + SLACK
            && self.threads <= before.threads + SLACK
            && self.tasks <= before.tasks + SLACK
    }

    fn json(&self) -> Json {
        json!({
            "sockets": self.sockets, "threads": self.threads, "tasks": self.tasks,
            "resident_mib": self.resident_kib as f64 / 1024.0,
        })
    }
}

/// A neuron as its admin port shows it.
struct Neuron {
    admin: String,
    ready: bool,
    said: String,
    /// Longest time from the beginning of an outage until it said that it is not ready.
    noticed: Duration,
    /// Longest time with the endpoint there until it was ready again, over several outages if need be.
    resumed: Duration,
    /// The parts that it waited for, then or before.
    waited_for: BTreeSet<String>,
    /// The time that goes on.
    waiting: Duration,
    /// Outages that it never noticed.
    slept_through: u64,
    noticed_this: bool,
}

impl Neuron {
    fn new(admin: String) -> Self {
        Self {
            admin,
            ready: false,
            said: String::new(),
            noticed: Duration::ZERO,
            resumed: Duration::ZERO,
            waited_for: BTreeSet::new(),
            waiting: Duration::ZERO,
            slept_through: 0,
            noticed_this: true,
        }
    }

    async fn look(&mut self) -> bool {
        let answer = reqwest::get(format!("{}/readyz", self.admin)).await.unwrap();
        let ready = answer.status().as_u16() == 200;
        let said = answer.text().await.unwrap();
        // Bad answers make the validator complain as well, with or without a chain.
        let mut reasons = said.lines().filter(|line| !line.contains(NOT_OURS)).peekable();
        self.ready = ready || reasons.peek().is_none();
        self.said = reasons.collect::<Vec<_>>().join("; ");
        self.ready
    }

    /// Takes in the newest look, `since` the one before; `began` says that an outage just did.
    fn update(&mut self, outages: &Outages, began: bool, since: Duration) {
        if began {
            self.slept_through += u64::from(!self.noticed_this);
            self.noticed_this = false;
        }
        if self.ready {
            self.waiting = Duration::ZERO;
        }
        if let Some(begin) = outages.began {
            if !self.noticed_this {
                self.noticed = self.noticed.max(begin.elapsed());
            }
            self.noticed_this |= !self.ready;
        } else if !self.ready {
            self.waiting += since;
            self.resumed = self.resumed.max(self.waiting);
            let parts = self.said.split("; ").filter_map(|reason| reason.split(':').next());
            self.waited_for.extend(parts.map(str::to_owned));
        }
    }

    fn json(&self) -> Json {
        json!({
            "noticed_within_s": self.noticed.as_secs_f64(), "resumed_within_s": self.resumed.as_secs_f64(),
            "outages_slept_through": self.slept_through, "waited_for": self.waited_for,
        })
    }
}

/// The outages, as the drill's log lines tell them.
#[derive(Default)]
struct Outages {
    read: usize,
    count: u64,
    began: Option<Instant>,
}

impl Outages {
    /// Whether one goes on.
    fn now(&self) -> bool {
        self.began.is_some()
    }

    /// Takes in new lines; `true` when an outage began.
    fn look(&mut self, said: &[String]) -> bool {
        let mut began = false;
        for line in &said[self.read..] {
            if line.contains("fault begins") {
                (self.began, began) = (Some(Instant::now()), true);
                self.count += 1;
            } else if line.contains("fault over") {
                self.began = None;
            }
        }
        self.read = said.len();
        began
    }
}

/// Waits until the first weights are on the chain.
async fn until_weights(up: &mut Running, client: &OnlineClient<SubstrateConfig>, netuid: u16) {
    let end = Instant::now() + PATIENCE;
    loop {
        let at = client.at_current_block().await.unwrap();
        let address = dynamic::storage::<(u16, u16), Vec<(u16, u16)>>("SubtensorModule", "Weights");
        let row = at.storage().try_fetch(address, (netuid, 0u16)).await.unwrap();
        let row = row.map(|row| row.decode().unwrap()).unwrap_or_default();
        if !row.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "no first weights:\n{}", up.said().join("\n"));
        tokio::time::sleep(LOOK).await;
    }
}

/// Starts the subnet and waits until all of it is there: the program, the chain's endpoint, the neurons.
fn start(settings: &Settings) -> (Running, String, u16, Vec<Neuron>) {
    let (every, down) = (settings.every.to_string(), settings.down.to_string());
    let tempo = settings.tempo.to_string();
    let mut args = vec![
        "up",
        "--port",
        "0",
        "--seed",
        "7",
        "--tempo",
        &tempo,
        "--drill",
        &settings.fault,
        "--drill-every",
        &every,
        "--drill-for",
        &down,
    ];
    if settings.hidden {
        args.push("--commit-reveal");
    }
    let mut up = Running::start("axoneme", &args);
    let endpoint = format!("ws://127.0.0.1:{}", up.wait_for_port());
    let created = up.wait_for(" created");
    let netuid = created.split("subnet ").nth(1).and_then(|rest| rest.split(' ').next());
    let netuid = netuid
        .and_then(|netuid| netuid.parse().ok())
        .expect("the number of the subnet");
    let end = Instant::now() + PATIENCE;
    let neurons = loop {
        let said = up.said();
        let admins = said.iter().filter_map(|line| line.split("admin port on ").nth(1));
        let admins: Vec<_> = admins.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect();
        if admins.len() == NEURONS {
            break admins.into_iter().map(Neuron::new).collect();
        }
        assert!(Instant::now() < end, "not all neurons came up:\n{}", said.join("\n"));
        std::thread::sleep(LOOK);
    };
    (up, endpoint, netuid, neurons)
}

#[test]
fn an_endpoint_that_is_killed_again_and_again_costs_no_window_and_leaves_nothing_behind() {
    drill(&Settings::read(false));
}

#[test]
fn weights_hidden_by_timelock_are_committed_once_in_each_window_and_revealed_in_spite_of_outages() {
    drill(&Settings::read(true));
}

fn drill(settings: &Settings) {
    let _alone = alone_with_models();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (mut up, endpoint, netuid, mut neurons) = start(settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut windows = Windows::new(Duration::from_secs(settings.enough));
    let mut outages = Outages::default();
    let (before, after, steps, commits) = runtime.block_on(async {
        let client = OnlineClient::<SubstrateConfig>::from_insecure_url(&endpoint)
            .await
            .unwrap();
        until_weights(&mut up, &client, netuid).await;
        let steps_before = number(&neurons[0].admin, "validator_steps_total").await;
        outages.look(up.said());
        outages.count = 0;
        let mut commits = match settings.hidden {
            true => Some(Commits::new(&client, netuid).await),
            false => None,
        };
        let began = Instant::now();
        let mut before: Option<Counts> = None;
        let mut last = Instant::now();
        loop {
            let look = Look::at(&client, netuid).await;
            let began_now = outages.look(up.said());
            let since = last.elapsed();
            last = Instant::now();
            windows.add(&look, !outages.now(), since);
            if let Some(commits) = &mut commits {
                commits.look(&client).await;
            }
            let mut all = true;
            for neuron in &mut neurons {
                all &= neuron.look().await;
                neuron.update(&outages, began_now, since);
            }
            // Counted while all is well, as afterwards.
            if before.is_none() && all && !outages.now() {
                before = Some(Counts::of(up.id(), &neurons[0].admin).await);
            }
            if began.elapsed() >= settings.length && all && !outages.now() {
                break;
            }
            assert!(
                began.elapsed() < settings.length + RESUMED_WITHIN + Duration::from_secs(settings.down),
                "not all are ready again:\n{}",
                up.said().join("\n")
            );
            tokio::time::sleep(LOOK).await;
        }
        // What the last outage left may still be closing; the next one must not be what is counted.
        let before = before.unwrap();
        let mut after = Counts::of(up.id(), &neurons[0].admin).await;
        let end = Instant::now() + RESUMED_WITHIN;
        while !after.leak_free(&before) && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
            after = Counts::of(up.id(), &neurons[0].admin).await;
        }
        let steps = number(&neurons[0].admin, "validator_steps_total").await - steps_before;
        (before, after, steps, commits)
    });
    let said = up.said().join("\n");
    assert!(up.is_running(), "{said}");
    assert_eq!(up.interrupt(Duration::from_secs(6)).code(), Some(0));

    let report = json!({
        "fault": settings.fault, "every_s": settings.every, "down_s": settings.down,
        "seconds": settings.length.as_secs(), "outages": outages.count, "prompt_runs": steps,
        "windows": windows.report(), "commits": commits.as_ref().map(Commits::report), "neurons": neurons.iter().map(Neuron::json).collect::<Vec<_>>(),
        "before": before.json(), "after": after.json(),
    });
    println!("{report:#}");
    let expected = settings.length.as_secs() / settings.every;
    assert!(
        outages.count + 1 >= expected,
        "{} outages, {expected} expected",
        outages.count
    );
    assert!(
        windows.met() > 0 && windows.missed().is_empty(),
        "weights are missing: {report:#}\n{said}"
    );
    if let Some(commits) = &commits {
        assert!(
            commits.twice().is_empty(),
            "two commits in a window: {report:#}\n{said}"
        );
        assert!(
            commits.revealed() > 0 && commits.unrevealed().is_empty(),
            "commits never came to light: {report:#}\n{said}"
        );
    }
    assert!(steps > 0.0, "no prompt run: {report:#}");
    assert!(after.leak_free(&before), "something is left of the outages: {report:#}");
    for neuron in &neurons {
        // What lasts shorter than it takes to notice may pass unnoticed.
        let down = Duration::from_secs(settings.down);
        assert!(neuron.noticed <= NOTICED_WITHIN.min(down) + BLUR, "{report:#}");
        assert!(down <= NOTICED_WITHIN || neuron.slept_through == 0, "{report:#}");
        assert!(neuron.resumed <= RESUMED_WITHIN + BLUR, "{report:#}\n{said}");
    }
}
