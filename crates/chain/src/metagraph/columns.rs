//! The chain's answer about a whole subnet, column by column, gone through once.

use super::{Metagraph, Neuron, at};
use crate::axon::{AxonEndpoint, AxonRecord};
use crate::error::ChainError;
use crate::weights::fraction;
use axoneme_wallet::AccountId;
use std::marker::PhantomData;
use subxt::ext::scale_decode::error::ErrorKind;
use subxt::ext::scale_decode::visitor::TypeIdFor;
use subxt::ext::scale_decode::visitor::types::Composite;
use subxt::ext::scale_decode::{Error, IntoVisitor, TypeResolver, Visitor};
use subxt::utils::AccountId32;

/// Declares the columns, and a visitor that takes each as it comes by and skips all others.
///
/// The derived decoder goes through a struct twice, first to find where its fields begin; the answer about 256
/// neurons is 50 kB long.
macro_rules! columns {
    (needed { $($needed:ident: $needed_type:ty,)* } zero_if_absent { $($old:ident: $old_type:ty,)* }) => {
        /// The columns that are read. Others that the runtime has are skipped.
        pub(super) struct Columns {
            $(pub(super) $needed: $needed_type,)*
            $(pub(super) $old: $old_type,)*
        }

        impl<R: TypeResolver> Visitor for ColumnsVisitor<R> {
            type Value<'scale, 'resolver> = Columns;
            type Error = Error;
            type TypeResolver = R;

            fn visit_composite<'scale, 'resolver>(
                self,
                value: &mut Composite<'scale, 'resolver, R>,
                _: TypeIdFor<Self>,
            ) -> Result<Columns, Error> {
                $(let mut $needed: Option<$needed_type> = None;)*
                $(let mut $old: Option<$old_type> = None;)*
                while value.remaining() > 0 {
                    match value.peek_name() {
                        $(Some(stringify!($needed)) => {
                            $needed = value.decode_item(<$needed_type>::into_visitor()).transpose()?;
                        })*
                        // Of another type is as good as absent.
                        $(Some(stringify!($old)) => {
                            $old = value.next().transpose()?.and_then(|field| field.decode_as_type().ok());
                        })*
                        _ => {
                            value.next().transpose()?;
                        }
                    }
                }
                Ok(Columns {
                    $($needed: $needed.ok_or_else(|| absent(stringify!($needed)))?,)*
                    $($old: $old.unwrap_or_default(),)*
                })
            }
        }
    };
}

columns! {
    needed {
        block: u64,
        tempo: u16,
        last_step: u64,
        hotkeys: Vec<AccountId32>,
        coldkeys: Vec<AccountId32>,
        axons: Vec<AxonRecord>,
        active: Vec<bool>,
        validator_permit: Vec<bool>,
        last_update: Vec<u64>,
        emission: Vec<u64>,
        dividends: Vec<u16>,
        incentives: Vec<u16>,
        consensus: Vec<u16>,
        block_at_registration: Vec<u64>,
        alpha_stake: Vec<u64>,
        tao_stake: Vec<u64>,
        total_stake: Vec<u64>,
    }
    // Newer runtimes fill these with zeros and may one day leave them out.
    zero_if_absent {
        trust: Vec<u16>,
        rank: Vec<u16>,
    }
}

pub(super) struct ColumnsVisitor<R>(PhantomData<R>);

impl IntoVisitor for Columns {
    type AnyVisitor<R: TypeResolver> = ColumnsVisitor<R>;

    fn into_visitor<R: TypeResolver>() -> ColumnsVisitor<R> {
        ColumnsVisitor(PhantomData)
    }
}

fn absent(name: &str) -> Error {
    Error::new(ErrorKind::CannotFindField { name: name.to_owned() })
}

impl Columns {
    /// The neurons, with the one score that the answer lacks.
    pub(super) fn into_metagraph(
        self,
        netuid: u16,
        block: u64,
        validator_trust: &[u16],
    ) -> Result<Metagraph, ChainError> {
        let count = self.hotkeys.len();
        let lengths = [self.coldkeys.len(), self.axons.len(), self.total_stake.len()];
        if lengths.iter().any(|length| *length != count) || u16::try_from(count).is_err() {
            return Err(ChainError::decode("get_metagraph", "columns differ in length"));
        }
        let neurons = (0..count).map(|i| Neuron {
            uid: i as u16,
            hotkey: AccountId(self.hotkeys[i].0),
            coldkey: AccountId(self.coldkeys[i].0),
            axon: AxonEndpoint::from_record(&self.axons[i]),
            active: at(&self.active, i),
            validator_permit: at(&self.validator_permit, i),
            total_stake: at(&self.total_stake, i),
            alpha_stake: at(&self.alpha_stake, i),
            tao_stake: at(&self.tao_stake, i),
            last_update: at(&self.last_update, i),
            block_at_registration: at(&self.block_at_registration, i),
            emission: at(&self.emission, i),
            incentive: fraction(at(&self.incentives, i)),
            consensus: fraction(at(&self.consensus, i)),
            trust: fraction(at(&self.trust, i)),
            validator_trust: fraction(at(validator_trust, i)),
            dividends: fraction(at(&self.dividends, i)),
            rank: fraction(at(&self.rank, i)),
        });
        Ok(Metagraph {
            netuid,
            block,
            tempo: self.tempo,
            last_step: self.last_step,
            neurons: neurons.collect(),
        })
    }
}
