//! Parts of the pallet that FRAME needs inside one module, kept in files of their own.

pub mod calls;
pub mod constants;
pub mod errors;
pub mod events;
pub mod genesis;
pub mod storage_neurons;
pub mod storage_params;
pub mod storage_stake;
pub mod storage_subnets;
