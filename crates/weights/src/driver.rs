//! Read, write down, act: the loop body around the machine.

use async_trait::async_trait;
use axoneme_chain::ChainError;
use axoneme_neuron::{StateError, StateStore};
use rand::CryptoRng;

use crate::chain::WeightsChain;
use crate::decide::{Action, decide};
use crate::error::{Obstacle, WeightsError};
use crate::fate::look_up;
use crate::intent::{Intent, Kind};
use crate::ledger::Ledger;
use crate::meters;
use crate::observe::{Change, observe};
use crate::plan::plan;
use crate::reaction::{Reaction, is_certain, reaction};
use crate::settings::Settings;
use crate::stage::Stage;
use crate::view::View;

/// Blocks in which a transaction that may have got in usually is included.
const PATIENCE: u64 = 8;
/// Longest pause between two tries, in blocks.
const LONGEST_PAUSE: u64 = 16;

/// Where weights come from.
#[async_trait]
pub trait WeightsSource: Send + Sync {
    /// Pairs of uid and value within the limits of `view`; `None` while there is nothing to set.
    ///
    /// # Errors
    /// In words.
    async fn weights(&self, view: &View) -> Result<Option<Vec<(u16, u16)>>, String>;
}

/// Where the ledger is kept.
pub trait LedgerStore: Send {
    /// Replaces the stored ledger as a whole; it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot; the old one is still there then.
    fn save(&mut self, ledger: &Ledger) -> Result<(), StateError>;
}

impl LedgerStore for StateStore<Ledger> {
    fn save(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        StateStore::save(self, ledger)
    }
}

/// What a step came to.
#[derive(Debug)]
pub struct Tick {
    /// The block the chain was seen at.
    pub block: u64,
    /// The window it is in.
    pub window: u64,
    /// Not to be called again before this block.
    pub wake: u64,
    /// What somebody has to act on.
    pub obstacle: Option<Obstacle>,
    /// A call that failed and will be tried again.
    pub failed: Option<ChainError>,
    /// Intents that went on, as the chain shows it.
    pub changes: Vec<Change>,
}

/// The machine of one hotkey in one mechanism of a subnet, with what it acts on.
pub struct Worker<C, S, W, R> {
    chain: C,
    store: S,
    source: W,
    rng: R,
    ledger: Ledger,
    hotkey: [u8; 32],
    settings: Settings,
}

impl<C, S, W, R> Worker<C, S, W, R>
where
    C: WeightsChain,
    S: LedgerStore,
    W: WeightsSource,
    R: CryptoRng + Send,
{
    /// A worker that goes on where `ledger` stopped.
    ///
    /// # Errors
    /// [`WeightsError::Foreign`] or [`WeightsError::Altered`] when the ledger is not this hotkey's on this chain.
    pub fn new(
        (chain, genesis): (C, [u8; 32]),
        (store, ledger): (S, Option<Ledger>),
        source: W,
        rng: R,
        hotkey: [u8; 32],
        settings: Settings,
    ) -> Result<Self, WeightsError> {
        let ledger = ledger.unwrap_or_else(|| Ledger::new(&genesis, &hotkey));
        ledger.check(&genesis, &hotkey)?;
        Ok(Self {
            chain,
            store,
            source,
            rng,
            ledger,
            hotkey,
            settings,
        })
    }

    /// What was meant and how far it came.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes one step: looks at the chain, writes down what it shows, does the one thing that is due.
    ///
    /// # Errors
    /// [`WeightsError::Chain`] when the chain could not be read, [`WeightsError::State`] when the record could not be written,
    /// in which case nothing was sent. A call that fails is no error of the step: see [`Tick::failed`].
    pub async fn tick(&mut self) -> Result<Tick, WeightsError> {
        let mut view = self.chain.view().await?;
        let mut ledger = self.ledger.clone();
        look_up(&self.chain, &mut ledger, &self.settings, &mut view).await?;
        let changes = observe(&mut ledger, &self.settings, &view);
        if self.ledger != ledger {
            self.store.save(&ledger)?;
            self.ledger = ledger;
        }
        meters::changed(&self.settings, &changes);
        meters::measured(&self.ledger, &self.settings, &view);
        let mut tick = Tick {
            block: view.block,
            window: view.window(),
            wake: view.block.saturating_add(1),
            obstacle: None,
            failed: None,
            changes,
        };
        match decide(&self.ledger, &self.settings, &view) {
            Action::Wait { until } => tick.wake = until,
            Action::Blocked { obstacle, until } => {
                tick.obstacle = Some(obstacle);
                tick.wake = until;
            }
            Action::Plan { kind } => {
                if let Some(at) = self.plan(&view, kind).await? {
                    self.submit(at, &view, &mut tick).await?;
                }
            }
            Action::Submit { at } => self.submit(at, &view, &mut tick).await?,
            Action::Reveal { at } => self.reveal(at, &view, &mut tick).await?,
        }
        Ok(tick)
    }

    /// Makes the intent of the window and stores it.
    async fn plan(&mut self, view: &View, kind: Kind) -> Result<Option<usize>, WeightsError> {
        let Some(weights) = self.source.weights(view).await.map_err(WeightsError::Source)? else {
            return Ok(None);
        };
        let intent = plan(&self.settings, &self.hotkey, view, kind, &weights, &mut self.rng)?;
        let mut ledger = self.ledger.clone();
        ledger.intents.push(intent);
        self.keep(ledger)?;
        meters::count(&self.settings, kind.label(), Stage::Stored.label());
        Ok(Some(self.ledger.intents.len() - 1))
    }

    /// Writes a changed ledger down; without that it did not change.
    fn keep(&mut self, ledger: Ledger) -> Result<(), WeightsError> {
        self.store.save(&ledger)?;
        self.ledger = ledger;
        Ok(())
    }

    /// Sends an intent: the transaction that was signed for it, or its first one, which is on disk before it is sent.
    async fn submit(&mut self, at: usize, view: &View, tick: &mut Tick) -> Result<(), WeightsError> {
        let mut ledger = self.ledger.clone();
        let intent = &mut ledger.intents[at];
        let call = intent.call();
        let first = intent.signed.is_none();
        let signed = match (&intent.signed, view.sign_until()) {
            (Some(signed), _) => signed.clone(),
            (None, None) => return Ok(()),
            (None, Some(until)) => match self.chain.sign(&call, until).await {
                Ok(signed) => intent.signed.insert(signed).clone(),
                Err(error) => return self.failed(at, view, error, tick, |_| {}),
            },
        };
        if intent.stage == Stage::Stored {
            intent.stage = Stage::Signed;
            meters::count(&self.settings, intent.form.kind().label(), Stage::Signed.label());
        }
        intent.attempts = intent.attempts.saturating_add(1);
        // Also for the process that comes after this one, should it be killed in between.
        intent.not_before = view.block.saturating_add(PATIENCE);
        self.keep(ledger)?;
        let error = match self.chain.submit(&call, &signed).await {
            // Whether it succeeded the chain will show.
            Ok(block) => {
                tick.wake = block;
                return Ok(());
            }
            Err(error) => error,
        };
        let certain = is_certain(&error);
        let failed = matches!(error, ChainError::Dispatch { .. });
        let spent = certain || failed || matches!(error, ChainError::Expired { .. });
        self.failed(at, view, error, tick, |intent| {
            if certain && first {
                // No node ever had it.
                (intent.signed, intent.stage) = (None, Stage::Stored);
            } else if let Some(signed) = &mut intent.signed {
                signed.spent |= spent;
                signed.failed |= failed;
            }
        })
    }

    /// Reveals a commit by hash. Nothing of this is kept: the chain shows whether it worked, and doing it twice does no
    /// harm.
    async fn reveal(&mut self, at: usize, view: &View, tick: &mut Tick) -> Result<(), WeightsError> {
        let Some(call) = self.ledger.intents[at].reveal() else {
            return Ok(());
        };
        let sent = match self.chain.sign(&call, u64::MAX).await {
            Ok(signed) => self.chain.submit(&call, &signed).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(block) => {
                tick.wake = block;
                Ok(())
            }
            Err(error) => self.failed(at, view, error, tick, |_| {}),
        }
    }

    /// Writes down what a failure means for an intent.
    fn failed(
        &mut self,
        at: usize,
        view: &View,
        error: ChainError,
        tick: &mut Tick,
        note: impl FnOnce(&mut Intent),
    ) -> Result<(), WeightsError> {
        let mut ledger = self.ledger.clone();
        let intent = &mut ledger.intents[at];
        note(intent);
        let reaction = reaction(&error);
        let pause = match reaction {
            Reaction::Again { blocks } => blocks.saturating_mul(u64::from(intent.attempts.clamp(1, 16))),
            Reaction::Wait => PATIENCE,
            Reaction::Replan if !matches!(intent.stage, Stage::Included { .. }) => {
                intent.refused = Some(error.name().unwrap_or("unknown").to_owned());
                1
            }
            Reaction::Replan | Reaction::Operator => {
                tick.obstacle = Some(Obstacle::Refused(error.to_string()));
                LONGEST_PAUSE
            }
        };
        intent.not_before = view.block.saturating_add(pause.min(LONGEST_PAUSE));
        tracing::warn!(netuid = self.settings.netuid, ?reaction, "weights: {error}");
        tick.failed = Some(error);
        self.keep(ledger)
    }
}
