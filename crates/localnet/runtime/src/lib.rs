//! The runtime of the embedded dev chain: FRAME, compiled natively, with the main chain's pallet and call indices.
//!
//! It sits at the crate's root because clients find types by their path: `node_subtensor_runtime::RuntimeEvent`.
//! [`api::dispatch`] is the one door the node uses; everything behind it is ordinary FRAME.
//!
//! # Differences from the main chain
//!
//! * New subnets take weights directly; commit-reveal can be switched on.
//! * The beacon of timelocked commits is one whose secret the chain knows. What is encrypted to the main chain's beacon is
//!   accepted, and expires unrevealed. After a stop, rounds that nothing waits for are skipped.
//! * As in the main chain's fast builds, new subnets have a tempo of 10 blocks, and up to 32 epochs run in one block.
//! * Subnets may be created without a pause.
//! * Emission is one alpha per block from `start_call` on, root earns nothing, no TAO is minted.
//! * An owner may change parameters at any time on subnets whose epochs are shorter than the freeze window; with a tempo
//!   of 10 there would be no other time.
//! * One author with one key reads encrypted transactions, and the key is no secret.
//! * Locks, collateral, baskets and coldkey swaps are absent; their storage is always empty.
//! * New children take over after 15 blocks, as in fast builds.
//! * Events that are younger than spec 393 have indices from 200 on; the main chain's are not known.

#![forbid(unsafe_code)]
// The macros of FRAME generate items without documentation.
#![allow(missing_docs)]

mod apis;
mod check_mortality;
mod check_nonce;
mod configs;
pub mod dev_aura;
mod extensions;
mod fees;
pub mod genesis;
mod proxies;
pub mod shield;

pub use apis::api;
pub use check_mortality::{CheckMortality, LONGEST_SHIELDED_ERA};
pub use check_nonce::CheckNonce;
pub use configs::{BlockHashCount, ExistentialDeposit, SS58Prefix, VERSION};
pub use dev_aura as pallet_aura;
pub use extensions::{DrandPriority, SubtensorTransactionExtension, SudoTransactionExtension};
pub use pallet_shield;
pub use proxies::{ProxyType, SMALL_TRANSFER_LIMIT};
pub use shield::CheckShieldedTxValidity;

use sp_runtime::{
    generic,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};

/// Number of a block in headers.
pub type BlockNumber = u32;
/// Any of the three key types Substrate knows.
pub type Signature = MultiSignature;
/// 32 bytes: the public key of an sr25519 account.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// rao; the main chain uses 64 bits, not the usual 128.
pub type Balance = u64;
/// How many transactions an account has sent.
pub type Nonce = u32;
/// blake2b-256.
pub type Hash = sp_core::H256;
/// What a call names as destination.
pub type Address = MultiAddress<AccountId, ()>;
/// Header of a block.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// The transaction extensions, grouped and ordered as on the main chain: 13 identifiers.
pub type TxExtension = (
    (
        frame_system::CheckNonZeroSender<Runtime>,
        frame_system::CheckSpecVersion<Runtime>,
        frame_system::CheckTxVersion<Runtime>,
        frame_system::CheckGenesis<Runtime>,
        CheckMortality<Runtime>,
        CheckNonce<Runtime>,
        frame_system::CheckWeight<Runtime>,
    ),
    (
        pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
        SudoTransactionExtension<Runtime>,
        CheckShieldedTxValidity<Runtime>,
        SubtensorTransactionExtension<Runtime>,
        DrandPriority<Runtime>,
    ),
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
);
/// A transaction as it travels.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// A block with decoded transactions.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// Runs the pallets in order.
pub type Executive =
    frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;

frame_support::construct_runtime!(
    pub enum Runtime {
        System: frame_system = 0,
        Timestamp: pallet_timestamp = 2,
        Aura: pallet_aura = 3,
        Balances: pallet_balances = 5,
        TransactionPayment: pallet_transaction_payment = 6,
        SubtensorModule: pallet_subtensor = 7,
        Utility: pallet_utility = 11,
        Sudo: pallet_sudo = 12,
        Proxy: pallet_proxy = 16,
        Commitments: pallet_commitments = 18,
        AdminUtils: pallet_admin_utils = 19,
        Drand: pallet_drand = 26,
        MevShield: pallet_shield = 30,
    }
);
