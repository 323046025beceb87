//! Takes texts from a dataset: `take SOURCES COUNT [SEED]` shows the beginning of the first few, how fast they came and how
//! much memory the process had at most.

use std::time::Instant;

use axoneme_dataset::{Dataset, DatasetConfig, SourceSpec};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (sources, count, seed) = match arguments.as_slice() {
        [sources, count] => (sources, count, 0),
        [sources, count, seed] => (sources, count, seed.parse()?),
        _ => return Err("usage: take SOURCES COUNT [SEED]".into()),
    };
    let config = DatasetConfig {
        sources: SourceSpec::parse_all(sources)?,
        ..DatasetConfig::default()
    };
    let count: usize = count.parse()?;
    let dataset = Dataset::open(&config, seed)?;
    let started = Instant::now();
    let mut bytes = 0;
    for number in 0..count {
        let text = dataset.next_blocking()?;
        bytes += text.len();
        if number < 5 {
            println!("{}", text.chars().take(100).collect::<String>().replace('\n', " "));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let resumed = Instant::now();
    let again = Dataset::open_at(&config, &dataset.position())?;
    again.next_blocking()?;
    println!(
        "{count} texts, {:.1} MB in {seconds:.2} s: {:.0} texts/s, {:.0} MB/s; going on where it stood took {:.2} s",
        bytes as f64 / 1e6,
        count as f64 / seconds,
        bytes as f64 / 1e6 / seconds,
        resumed.elapsed().as_secs_f64()
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{peak}");
    }
    Ok(())
}
