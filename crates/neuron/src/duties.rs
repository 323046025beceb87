//! The long-running duties of a neuron, under a supervisor.
//!
//! A duty that fails is started again after a pause that doubles up to half a minute; one that panics
//! too; one that shows no progress for its limit is ended and started again. Only an error that
//! no retry can mend ([`DutyError::Fatal`]) ends the neuron.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::exit::{Failure, with_causes};

/// First pause after a failure.
const BACK_OFF_FIRST: Duration = Duration::from_millis(500);
/// Longest pause: with it and the deadline of a call, a neuron is at work again within a minute after any outage.
const BACK_OFF_LONGEST: Duration = Duration::from_secs(30);
/// A duty that ran for so long was well, and its next failure has a cause of its own. An endpoint that goes away every
/// half a minute must not make the pauses longer and longer.
const SETTLED: Duration = Duration::from_secs(10);

/// Why a duty ended.
#[derive(Debug)]
pub enum DutyError {
    /// It may work next time.
    Retry(Box<dyn std::error::Error + Send + Sync>),
    /// It never will: end the neuron with this.
    Fatal(Failure),
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for DutyError {
    fn from(error: E) -> Self {
        Self::Retry(Box::new(error))
    }
}

/// Given to a duty, which calls [`Heart::beat`] whenever it got a piece of work done.
#[derive(Debug, Clone)]
pub struct Heart {
    last: Arc<Mutex<Instant>>,
}

impl Heart {
    fn new() -> Self {
        Self {
            last: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Shows progress.
    pub fn beat(&self) {
        *self.last.lock() = Instant::now();
    }

    async fn stopped_for(&self, limit: Duration) {
        loop {
            let due = *self.last.lock() + limit;
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// The duties of one neuron.
#[derive(Debug)]
pub struct Duties {
    cancel: CancellationToken,
    tasks: JoinSet<Result<(), Failure>>,
}

impl Duties {
    /// No duties yet; all that are spawned end when `cancel` does.
    pub fn new(cancel: CancellationToken) -> Self {
        Self {
            cancel,
            tasks: JoinSet::new(),
        }
    }

    /// Starts a duty. `make` is called for each (re)start; the future should end soon after the
    /// token it was given is cancelled. `progress` is the longest time between two heart beats.
    pub fn spawn<M, F>(&mut self, name: &'static str, progress: Duration, mut make: M)
    where
        M: FnMut(Heart, CancellationToken) -> F + Send + 'static,
        F: Future<Output = Result<(), DutyError>> + Send + 'static,
    {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            let mut pause = BACK_OFF_FIRST;
            while !cancel.is_cancelled() {
                let started = Instant::now();
                let heart = Heart::new();
                let mut attempt = tokio::spawn(make(heart.clone(), cancel.child_token()));
                let reason = tokio::select! {
                    ended = &mut attempt => match ended {
                        Ok(Ok(())) => return Ok(()),
                        Ok(Err(DutyError::Fatal(failure))) => return Err(failure),
                        Ok(Err(DutyError::Retry(error))) => with_causes(&*error),
                        Err(_) => "it panicked; this is a defect, please report it".to_owned(),
                    },
                    () = heart.stopped_for(progress) => {
                        attempt.abort();
                        format!("no progress for {progress:?}")
                    }
                };
                if cancel.is_cancelled() {
                    break;
                }
                metrics::counter!("neuron_duty_restarts_total", "duty" => name).increment(1);
                if started.elapsed() >= SETTLED {
                    pause = BACK_OFF_FIRST;
                }
                tracing::warn!(duty = name, "duty stopped: {reason}; again in {pause:?}");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = cancel.cancelled() => {}
                }
                pause = (pause * 2).min(BACK_OFF_LONGEST);
            }
            Ok(())
        });
    }

    /// Waits until the token is cancelled or a duty fails for good, then gives the others up to
    /// `grace` to end and aborts the rest.
    ///
    /// # Errors
    /// The failure of the duty that ended the neuron.
    pub async fn run(mut self, grace: Duration) -> Result<(), Failure> {
        let mut result = Ok(());
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => break,
                ended = self.tasks.join_next() => match ended {
                    Some(Ok(Err(failure))) => {
                        result = Err(failure);
                        self.cancel.cancel();
                        break;
                    }
                    Some(_) => {}
                    None => self.cancel.cancelled().await,
                },
            }
        }
        let drain = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, drain).await.is_err() {
            tracing::warn!("some duties did not end within {grace:?} and were dropped");
        }
        self.tasks.shutdown().await;
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::exit::ExitCode;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_failing_a_panicking_and_a_stuck_duty_are_started_again() {
        let cancel = CancellationToken::new();
        let mut duties = Duties::new(cancel.clone());
        let starts = Arc::new(AtomicUsize::new(0));
        let counter = starts.clone();
        duties.spawn("test", Duration::from_secs(5), move |_, cancel| {
            let attempt = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                match attempt {
                    0 => Err(std::io::Error::other("first").into()),
                    1 => panic!("second"),
                    2 => std::future::pending().await,
                    _ => {
                        cancel.cancelled().await;
                        Ok(())
                    }
                }
            }
        });
        let running = tokio::spawn(duties.run(LONG));
        // Pauses of 0.5, 1 and 2 s, and 5 s until the third attempt counts as stuck.
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 4);
        cancel.cancel();
        assert!(running.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_far_apart_do_not_make_the_pauses_longer() {
        let cancel = CancellationToken::new();
        let mut duties = Duties::new(cancel.clone());
        let starts = Arc::new(AtomicUsize::new(0));
        let counter = starts.clone();
        duties.spawn("test", LONG, move |_, _| {
            counter.fetch_add(1, Ordering::SeqCst);
            async {
                tokio::time::sleep(Duration::from_secs(25)).await;
                Err(std::io::Error::other("the endpoint went away").into())
            }
        });
        let running = tokio::spawn(duties.run(LONG));
        tokio::time::sleep(Duration::from_secs(600)).await;
        // Each life takes 25.5 s.
        assert_eq!(starts.load(Ordering::SeqCst), 24);
        cancel.cancel();
        assert!(running.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_beating_heart_keeps_a_slow_duty_alive() {
        let cancel = CancellationToken::new();
        let mut duties = Duties::new(cancel.clone());
        let starts = Arc::new(AtomicUsize::new(0));
        let counter = starts.clone();
        duties.spawn("slow", Duration::from_secs(5), move |heart, _| {
            counter.fetch_add(1, Ordering::SeqCst);
            async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(4)).await;
                    heart.beat();
                }
            }
        });
        let running = tokio::spawn(duties.run(Duration::from_secs(1)));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 1);
        cancel.cancel();
        assert!(running.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_fatal_error_ends_the_neuron_with_its_code() {
        let cancel = CancellationToken::new();
        let mut duties = Duties::new(cancel.clone());
        duties.spawn("other", LONG, |_, cancel| async move {
            cancel.cancelled().await;
            Ok(())
        });
        duties.spawn("fatal", LONG, |_, _| async {
            Err(DutyError::Fatal(Failure::message(ExitCode::NotRegistered, "gone")))
        });
        let failure = duties.run(LONG).await.unwrap_err();
        assert_eq!(failure.code, ExitCode::NotRegistered);
        assert!(cancel.is_cancelled());
    }
}
