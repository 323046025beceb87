//! Signature checks that are made together.
//!
//! Signatures cost an axon more than everything else, and many at once cost less than half each. Whoever comes first
//! waits until the requests that are here already have come as far; then all of them are checked at once. Nobody waits
//! for requests that are still to arrive: alone, a request is checked at once.
//!
//! One wrong signature spoils a batch, which is then checked one by one. So only callers that were served lately take
//! part, and after a spoilt batch nobody for a while: a flood of wrong signatures cannot make checks dearer than they
//! are without this.

use std::time::Duration;

use axoneme_wallet::batch::{Claim, verify_all};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Most signatures checked at once: half a millisecond, the longest a check keeps a thread from other requests.
const MOST: usize = 32;

/// How long everybody is checked alone after a wrong signature.
const PAUSE: Duration = Duration::from_secs(1);

/// Signatures of one axon waiting to be checked.
#[derive(Default)]
pub(crate) struct Checks {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    alone_until: Option<Instant>,
}

struct Waiting {
    claim: Claim,
    verdict: oneshot::Sender<bool>,
}

impl Checks {
    /// Whether a signature holds.
    pub(crate) async fn verify(&self, claim: Claim) -> bool {
        let (verdict, answer) = oneshot::channel();
        let place = {
            let mut state = self.state.lock();
            if state.alone_until.is_some_and(|until| Instant::now() < until) {
                drop(state);
                return claim.verify();
            }
            state.waiting.push(Waiting {
                claim: claim.clone(),
                verdict,
            });
            state.waiting.len()
        };
        if place == 1 {
            // If this future is dropped while it waits, nobody would check for the others.
            let leading = Leading(self);
            tokio::task::yield_now().await;
            drop(leading);
        } else if place >= MOST {
            self.check_waiting();
        }
        // No verdict: the one that was to check went away before it could.
        answer.await.unwrap_or_else(|_| claim.verify())
    }

    fn check_waiting(&self) {
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        if waiting.is_empty() {
            return;
        }
        let (claims, verdicts): (Vec<_>, Vec<_>) = waiting.into_iter().map(|one| (one.claim, one.verdict)).unzip();
        let all = verify_all(&claims);
        if !all {
            self.state.lock().alone_until = Some(Instant::now() + PAUSE);
        }
        for (claim, verdict) in claims.iter().zip(verdicts) {
            // Who does not wait any more has gone away.
            let _ = verdict.send(all || claim.verify());
        }
    }
}

/// Checks what waits when it is dropped, however that comes about.
struct Leading<'a>(&'a Checks);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.0.check_waiting();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axoneme_wallet::Keypair;
    use futures::future::join_all;

    use super::*;

    fn claim(index: usize) -> Claim {
        let key = Keypair::from_uri(&format!("//Caller//{}", index % 3)).expect("a dev key");
        let message = format!("message {index}").into_bytes();
        Claim {
            account: key.account_id(),
            signature: key.sign(&message),
            message,
        }
    }

    fn wrong(index: usize) -> Claim {
        let mut claim = claim(index);
        claim.message.push(b'!');
        claim
    }

    #[tokio::test]
    async fn alone_or_together_the_verdict_is_the_same() {
        let checks = Checks::default();
        assert!(checks.verify(claim(0)).await);
        assert_eq!(
            join_all((0..100).map(|index| checks.verify(claim(index)))).await,
            [true; 100]
        );
        assert!(checks.state.lock().waiting.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_signature_is_told_from_the_good_ones_beside_it() {
        let checks = Checks::default();
        for _ in 0..2 {
            let both = (0..9).map(|index| checks.verify(if index == 4 { wrong(index) } else { claim(index) }));
            let verdicts = join_all(both).await;
            assert!(
                verdicts.iter().enumerate().all(|(index, good)| *good == (index != 4)),
                "{verdicts:?}"
            );
            assert!(!checks.verify(wrong(1)).await);
        }
        tokio::time::advance(PAUSE).await;
        assert!(!checks.verify(wrong(1)).await);
        assert!(checks.verify(claim(1)).await);
    }

    #[tokio::test]
    async fn who_goes_away_takes_nobody_along() {
        let checks = Arc::new(Checks::default());
        let spawn = |index| {
            let checks = checks.clone();
            tokio::spawn(async move { checks.verify(claim(index)).await })
        };
        let first = spawn(0);
        let others: Vec<_> = (1..5).map(spawn).collect();
        // Polls each once: the first leads and yields, the others wait for it.
        tokio::task::yield_now().await;
        first.abort();
        for other in others {
            assert!(other.await.expect("a verdict"));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_threads_lose_no_verdict() {
        let checks = Arc::new(Checks::default());
        let tasks = (0..400).map(|index| {
            let checks = checks.clone();
            tokio::spawn(async move {
                checks
                    .verify(if index % 50 == 7 { wrong(index) } else { claim(index) })
                    .await
            })
        });
        for (index, verdict) in join_all(tasks).await.into_iter().enumerate() {
            assert_eq!(verdict.expect("no panic"), index % 50 != 7, "{index}");
        }
    }
}
