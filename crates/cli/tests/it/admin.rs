//! What the admin port of a daemon says.

use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, Running};

/// [`number`] where nothing is async.
pub fn metric(admin: &str, name: &str) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(number(admin, name))
}

/// Sum of the metrics whose lines begin so.
pub async fn number(admin: &str, name: &str) -> f64 {
    let answer = reqwest::get(format!("{admin}/metrics")).await.unwrap();
    let page = answer.text().await.unwrap();
    page.lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Status and text of a page of the admin port.
pub fn status(admin: &str, path: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let answer = reqwest::get(format!("{admin}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

/// Where a daemon has its admin port.
pub fn admin_of(daemon: &mut Running) -> String {
    let line = daemon.wait_for("admin port on http://");
    let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap();
    format!("http://{address}")
}

/// Looks until something holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
