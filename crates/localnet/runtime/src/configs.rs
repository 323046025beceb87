//! What each pallet is told by this runtime.

use crate::{
    fees::{LengthFee, WeightFee},
    proxies::ProxyType,
    AccountId, Balance, Balances, Block, Commitments, Nonce, OriginCaller, PalletInfo, Runtime, RuntimeCall,
    RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, RuntimeOrigin, RuntimeTask, SubtensorModule, System,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU16, ConstU32, ConstU64, ConstU8, VariantCountOf},
    weights::Weight,
};
use frame_system::limits::{BlockLength, BlockWeights};
use pallet_transaction_payment::FungibleAdapter;
use sp_runtime::{traits::AccountIdLookup, Perbill};
use sp_version::RuntimeVersion;

/// Version of the runtime. `spec_version` names the main chain's rules that are modelled here.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: alloc_cow("node-subtensor"),
    impl_name: alloc_cow("node-subtensor"),
    authoring_version: 1,
    spec_version: 425,
    impl_version: 1,
    apis: crate::apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

const fn alloc_cow(name: &'static str) -> std::borrow::Cow<'static, str> {
    std::borrow::Cow::Borrowed(name)
}

/// Share of a block open to ordinary transactions.
const NORMAL_SHARE: Perbill = Perbill::from_percent(75);

parameter_types! {
    /// Longest usable mortal era, blocks.
    pub const BlockHashCount: u32 = 2400;
    /// Address prefix of the whole network.
    pub const SS58Prefix: u8 = 42;
    /// rao; an account below it is reaped.
    pub const ExistentialDeposit: Balance = 500;
    pub const Version: RuntimeVersion = VERSION;
    pub RuntimeBlockWeights: BlockWeights = BlockWeights::with_sensible_defaults(
        Weight::from_parts(4_000_000_000_000, u64::MAX),
        NORMAL_SHARE,
    );
    pub RuntimeBlockLength: BlockLength = BlockLength::builder()
        .max_length(10 * 1024 * 1024)
        .modify_max_length_for_class(frame_support::dispatch::DispatchClass::Normal, |length| {
            *length = NORMAL_SHARE * *length
        })
        .build();
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Nonce = Nonce;
    type Block = Block;
    type BlockHashCount = BlockHashCount;
    type BlockWeights = RuntimeBlockWeights;
    type BlockLength = RuntimeBlockLength;
    type Version = Version;
    type AccountId = AccountId;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SS58Prefix = ConstU16<42>;
    type MaxConsumers = ConstU32<16>;
}

impl pallet_timestamp::Config for Runtime {
    /// Milliseconds since the Unix epoch.
    type Moment = u64;
    type OnTimestampSet = ();
    // Blocks may follow each other as fast as the node likes.
    type MinimumPeriod = ConstU64<1>;
    type WeightInfo = ();
}

impl crate::dev_aura::Config for Runtime {}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    // Fees are burned: there is no author to pay.
    type OnChargeTransaction = FungibleAdapter<Balances, ()>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightToFee = WeightFee;
    type LengthToFee = LengthFee;
    type FeeMultiplierUpdate = ();
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

impl pallet_proxy::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type ProxyType = ProxyType;
    type ProxyDepositBase = ConstU64<60_000_000>;
    type ProxyDepositFactor = ConstU64<33_000_000>;
    type MaxProxies = ConstU32<20>;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
    type MaxPending = ConstU32<75>;
    type CallHasher = sp_runtime::traits::BlakeTwo256;
    type AnnouncementDepositBase = ConstU64<36_000_000>;
    type AnnouncementDepositFactor = ConstU64<68_000_000>;
    type BlockNumberProvider = System;
}

impl pallet_subtensor::Config for Runtime {
    type Currency = Balances;
    type Commitments = Commitments;
    // As in the main chain's fast builds; 360 elsewhere.
    type NewSubnetTempo = ConstU16<10>;
}

impl pallet_commitments::Config for Runtime {}

impl pallet_drand::Config for Runtime {
    type Waiting = Waiting;
    type UnsignedPriority = ConstU64<{ 1 << 20 }>;
    type HttpFetchTimeout = ConstU64<1_000>;
}

/// Rounds that timelocked weights and commitments wait for.
pub struct Waiting;

impl pallet_drand::WaitingRounds for Waiting {
    fn waiting(after: u64, until: u64, most: usize) -> Vec<u64> {
        let weights = SubtensorModule::rounds_waited_for(after, until);
        let rounds: std::collections::BTreeSet<u64> =
            weights.chain(Commitments::rounds_waited_for(after, until)).collect();
        rounds.into_iter().take(most).collect()
    }
}

impl pallet_admin_utils::Config for Runtime {}

impl pallet_shield::Config for Runtime {}
