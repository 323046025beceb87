//! What `bench axon` prints.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::engine::Counted;
use crate::junk::JunkReport;
use crate::process::Usage;
use crate::requests::Wire;

/// Quantiles of a latency, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// One in a hundred is slower.
    pub p99: f64,
    /// One in a thousand is slower.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Latency {
    /// Of a histogram of microseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |micros: u64| micros as f64 / 1e3;
        Self {
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            p999: ms(histogram.value_at_quantile(0.999)),
            max: ms(histogram.max()),
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p99, p999, max } = self;
        write!(
            f,
            "p50 {p50:.3} ms, p99 {p99:.3} ms, p99.9 {p999:.3} ms, slowest {max:.3} ms"
        )
    }
}

/// The serving process during what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ServerReport {
    /// Its id.
    pub pid: u32,
    /// CPU seconds in user mode.
    pub user_seconds: f64,
    /// CPU seconds in the kernel.
    pub system_seconds: f64,
    /// Good answers per CPU second.
    pub requests_per_cpu_second: f64,
    /// Resident memory at the beginning, MiB.
    pub resident_before_mib: f64,
    /// And at the end.
    pub resident_after_mib: f64,
}

pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl ServerReport {
    pub(crate) fn of(pid: u32, (before, after): &(Usage, Usage), good: u64) -> Self {
        let cpu = after.cpu().saturating_sub(before.cpu()).as_secs_f64();
        Self {
            pid,
            user_seconds: after.user.saturating_sub(before.user).as_secs_f64(),
            system_seconds: after.system.saturating_sub(before.system).as_secs_f64(),
            requests_per_cpu_second: if cpu > 0.0 { good as f64 / cpu } else { 0.0 },
            resident_before_mib: mib(before.resident),
            resident_after_mib: mib(after.resident),
        }
    }
}

/// One load.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// What it spoke.
    pub wire: Wire,
    /// Connections.
    pub connections: usize,
    /// Bytes of each request body.
    pub body_bytes: usize,
    /// Requests per second that were due; null for a closed loop.
    pub rate: Option<f64>,
    /// What was counted, seconds.
    pub seconds: f64,
    /// Answers and failures by class.
    pub outcomes: BTreeMap<String, u64>,
    /// Good answers per second.
    pub requests_per_second: f64,
    /// Of good answers.
    pub latency_ms: Latency,
    /// Times that a connection had no signed request left: above 0 the client was the limit.
    pub starved: u64,
    /// Whether the answer that was looked at said back the question.
    pub echoed: bool,
    /// The serving process, when it is on this machine.
    pub server: Option<ServerReport>,
    /// CPU seconds of this client.
    pub client_cpu_seconds: Option<f64>,
}

impl LoadReport {
    pub(crate) fn of(load: &crate::schedule::Load, counted: &Counted, server: Option<u32>) -> Self {
        let good = counted.good();
        Self {
            wire: load.wire,
            connections: load.connections,
            body_bytes: load.body_bytes,
            rate: None,
            seconds: counted.elapsed.as_secs_f64(),
            outcomes: counted.outcomes.clone(),
            requests_per_second: good as f64 / counted.elapsed.as_secs_f64(),
            latency_ms: Latency::of(&counted.latency),
            starved: counted.starved,
            echoed: false,
            server: server
                .zip(counted.server.as_ref())
                .map(|(pid, usages)| ServerReport::of(pid, usages, good)),
            client_cpu_seconds: counted
                .client
                .map(|(before, after)| after.cpu().saturating_sub(before.cpu()).as_secs_f64()),
        }
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = match self.rate {
            Some(rate) => format!("{rate:.0} due per second"),
            None => "as fast as it answers".into(),
        };
        writeln!(
            f,
            "{:?}, {} connections, bodies of {} bytes, {pace}, {:.1} s",
            self.wire, self.connections, self.body_bytes, self.seconds
        )?;
        writeln!(f, "answers    {:?}", self.outcomes)?;
        writeln!(f, "good       {:.0} per second", self.requests_per_second)?;
        write!(f, "latency    {}", self.latency_ms)?;
        if let Some(server) = &self.server {
            write!(
                f,
                "\nserver     {:.2} CPU s ({:.2} user), {:.0} per CPU second, {:.1} MiB resident, {:.1} before",
                server.user_seconds + server.system_seconds,
                server.user_seconds,
                server.requests_per_cpu_second,
                server.resident_after_mib,
                server.resident_before_mib
            )?;
        }
        if let Some(cpu) = self.client_cpu_seconds {
            write!(f, "\nclient     {cpu:.2} CPU s")?;
        }
        if self.starved > 0 {
            write!(
                f,
                "\nThe client was the limit: {} times no signed request was left.",
                self.starved
            )?;
        }
        Ok(())
    }
}

/// What the checks of an axon add to a request.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AddedLatency {
    /// The axon, milliseconds.
    pub axon_ms: Latency,
    /// The same load on HTTP without any checks.
    pub bare_ms: Latency,
    /// Difference of the medians.
    pub p50_ms: f64,
    /// Difference of the 99th percentiles.
    pub p99_ms: f64,
}

impl fmt::Display for AddedLatency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "axon       {}", self.axon_ms)?;
        writeln!(f, "bare HTTP  {}", self.bare_ms)?;
        write!(f, "added      p50 {:.3} ms, p99 {:.3} ms", self.p50_ms, self.p99_ms)
    }
}

/// Everything one `bench axon` found.
#[derive(Debug, Clone, Serialize)]
pub struct AxonReport {
    /// The load; with junk, the honest caller.
    #[serde(flatten)]
    pub load: LoadReport,
    /// What verification adds, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<AddedLatency>,
    /// The junk, when there was some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub junk: Option<JunkReport>,
}

impl fmt::Display for AxonReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.load)?;
        if let Some(added) = &self.added {
            write!(f, "\n{added}")?;
        }
        if let Some(junk) = &self.junk {
            write!(f, "\n{junk}")?;
        }
        Ok(())
    }
}
