//! What to do about each error the chain can answer with, as data.
//!
//! Errors are looked up by name: their numbers change from runtime to runtime.

use crate::error::Class;

/// One line of the tables below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// Name of the error in the runtime.
    pub name: &'static str,
    /// Whether it passes by itself, is our own fault, or is a state of the chain.
    pub class: Class,
    /// What the operator can do.
    pub text: &'static str,
}

const fn line(name: &'static str, class: Class, text: &'static str) -> Advice {
    Advice { name, class, text }
}

use Class::{ChainState, Ours, Transient};

const UNKNOWN: &str = "look the name up in the runtime's documentation";
const REGISTER: &str = "register the hotkey on this netuid; if it was registered before, it has been pruned";
const REFRESH: &str = "refresh the metagraph and rebuild the weights";
const REVEAL: &str = "reveal in the epoch that lies the reveal period after the commit, with identical uids, values, salt and version key";

/// Errors that a call can fail with after it was included in a block.
const DISPATCH: &[Advice] = &[
    line("HotKeyNotRegisteredInSubNet", ChainState, REGISTER),
    line("HotKeyNotRegisteredInNetwork", ChainState, REGISTER),
    line(
        "HotKeyAccountNotExists",
        ChainState,
        "register the hotkey somewhere first; the chain has never seen it",
    ),
    line(
        "HotKeyAlreadyRegisteredInSubNet",
        ChainState,
        "nothing to do, the hotkey has its place already",
    ),
    line(
        "NotEnoughBalanceToStake",
        ChainState,
        "fund the coldkey; registration costs the burn plus the fee",
    ),
    line(
        "NotEnoughStake",
        ChainState,
        "the hotkey holds less stake than was asked for",
    ),
    line(
        "NotEnoughStakeToWithdraw",
        ChainState,
        "ask for no more than the stake that is there",
    ),
    line(
        "StakeUnavailable",
        ChainState,
        "part of the stake is locked; ask for less",
    ),
    line(
        "NonAssociatedColdKey",
        Ours,
        "this hotkey belongs to another coldkey; use that one or another hotkey",
    ),
    line("SubnetNotExists", Ours, "check the netuid, or create the subnet first"),
    line(
        "NetworkDoesNotExist",
        Ours,
        "check the netuid, or create the subnet first",
    ),
    line("MechanismDoesNotExist", Ours, "the subnet has no such mechanism"),
    line(
        "RegistrationNotPermittedOnRootSubnet",
        Ours,
        "netuid 0 has its own registration call",
    ),
    line(
        "CanNotSetRootNetworkWeights",
        Ours,
        "netuid 0 takes no weights this way",
    ),
    line(
        "SubNetRegistrationDisabled",
        ChainState,
        "wait, or ask the subnet owner to open registration",
    ),
    line("TooManyRegistrationsThisBlock", Transient, "wait for the next block"),
    line(
        "TooManyRegistrationsThisInterval",
        Transient,
        "wait for the next registration interval",
    ),
    line(
        "NoNeuronIdAvailable",
        ChainState,
        "the subnet is full and every neuron is immune; wait",
    ),
    line(
        "RegistrationPriceLimitExceeded",
        ChainState,
        "the burn has moved; raise the price limit",
    ),
    line(
        "NotEnoughStakeToSetWeights",
        ChainState,
        "stake at least the threshold to this hotkey",
    ),
    line(
        "NeuronNoValidatorPermit",
        ChainState,
        "stake is below that of the top validators; after staking wait for the next epoch",
    ),
    line(
        "SettingWeightsTooFast",
        Transient,
        "wait until the weights rate limit has passed since the last update",
    ),
    line(
        "CommittingWeightsTooFast",
        Transient,
        "wait until the weights rate limit has passed since the last update",
    ),
    line(
        "IncorrectWeightVersionKey",
        Ours,
        "the owner demands a newer version; upgrade the validator",
    ),
    line(
        "CommitRevealEnabled",
        ChainState,
        "the subnet takes committed weights only; ask the owner to switch commit-reveal off or use a client that commits",
    ),
    line(
        "CommitRevealDisabled",
        ChainState,
        "the subnet takes plain weights; read the hyperparameters again",
    ),
    line(
        "IncorrectCommitRevealVersion",
        Ours,
        "this client is outdated; upgrade it",
    ),
    line(
        "InvalidRevealRound",
        Ours,
        "clock or epoch state is stale; compute the round again",
    ),
    line(
        "TooManyUnrevealedCommits",
        Transient,
        "wait for earlier commits to be revealed",
    ),
    line("RevealTooEarly", Transient, REVEAL),
    line("ExpiredWeightCommit", Ours, REVEAL),
    line("NoWeightsCommitFound", Ours, REVEAL),
    line("InvalidRevealCommitHashNotMatch", Ours, REVEAL),
    line("WeightVecLengthIsLow", Ours, REFRESH),
    line("WeightVecNotEqualSize", Ours, REFRESH),
    line("DuplicateUids", Ours, REFRESH),
    line("UidVecContainInvalidOne", Ours, REFRESH),
    line("UidsLengthExceedUidsInSubNet", Ours, REFRESH),
    line("MaxWeightExceeded", Ours, "clip the weights to the subnet's limit"),
    line(
        "ServingRateLimitExceeded",
        Transient,
        "wait until the serving rate limit has passed since the last call",
    ),
    line("InvalidIpType", Ours, "announce an IPv4 or IPv6 address"),
    line("InvalidIpAddress", Ours, "announce a public address, not loopback"),
    line("InvalidPort", Ours, "announce a port other than 0"),
    line("AmountTooLow", Ours, "raise the amount"),
    line(
        "SlippageTooHigh",
        ChainState,
        "raise the limit price or allow partial execution",
    ),
    line(
        "InsufficientLiquidity",
        ChainState,
        "the pool is small; use a smaller amount",
    ),
    line(
        "SubtokenDisabled",
        ChainState,
        "trading has not started; the owner has to make the start call",
    ),
    line(
        "CannotAffordLockCost",
        ChainState,
        "fund the coldkey; creating a subnet costs the lock",
    ),
    line(
        "NetworkTxRateLimitExceeded",
        Transient,
        "wait until the network rate limit has passed since the last subnet",
    ),
    line(
        "SubnetLimitReached",
        ChainState,
        "no room for another subnet at the moment",
    ),
    line(
        "NeedWaitingMoreBlocksToStarCall",
        Transient,
        "wait until the start-call delay has passed since creation",
    ),
    line(
        "FirstEmissionBlockNumberAlreadySet",
        ChainState,
        "nothing to do, the subnet has been started",
    ),
    line(
        "AdminActionProhibitedDuringWeightsWindow",
        Transient,
        "retry after the next epoch",
    ),
    line(
        "TxRateLimitExceeded",
        Transient,
        "wait until the rate limit of this setting has passed",
    ),
    line(
        "AccountNotAllowedCommit",
        ChainState,
        "register the hotkey on this netuid first",
    ),
    line("SpaceLimitExceeded", Transient, "wait for the next epoch"),
    line("TooManyFieldsInCommitmentInfo", Ours, "commit at most three fields"),
    line(
        "BadOrigin",
        Ours,
        "sign with the right key: the subnet owner's for owner calls, the sudo key for root calls",
    ),
    line("RequireSudo", Ours, "sign with the sudo key"),
    line("InsufficientBalance", ChainState, "fund the account"),
    line("FundsUnavailable", ChainState, "fund the account"),
    line(
        "BelowMinimum",
        Ours,
        "leave at least the existential deposit of 500 rao on the account",
    ),
    line(
        "Expendability",
        Ours,
        "leave at least the existential deposit of 500 rao on the account",
    ),
    line(
        "NotExpendable",
        Ours,
        "leave at least the existential deposit of 500 rao on the account",
    ),
    line(
        "ExistentialDeposit",
        Ours,
        "send at least the existential deposit of 500 rao",
    ),
];

/// Custom numbers with which the transaction pool refuses a call, by number.
const POOL: &[(u8, Advice)] = &[
    (
        0,
        line(
            "ColdkeyInSwapSchedule",
            ChainState,
            "a coldkey swap is announced; wait for it or clear it",
        ),
    ),
    (
        1,
        line(
            "StakeAmountTooLow",
            ChainState,
            "stake more to this hotkey, or raise the amount",
        ),
    ),
    (2, line("BalanceTooLow", ChainState, "fund the coldkey")),
    (
        3,
        line("SubnetNotExists", Ours, "check the netuid, or create the subnet first"),
    ),
    (
        4,
        line(
            "HotKeyAccountDoesntExist",
            ChainState,
            "register the hotkey somewhere first; the chain has never seen it",
        ),
    ),
    (
        5,
        line(
            "NotEnoughStakeToWithdraw",
            ChainState,
            "ask for no more than the stake that is there",
        ),
    ),
    (
        6,
        line(
            "RateLimitExceeded",
            Transient,
            "too soon after the last call of this kind; wait",
        ),
    ),
    (
        7,
        line(
            "InsufficientLiquidity",
            ChainState,
            "the pool is small; use a smaller amount",
        ),
    ),
    (
        8,
        line(
            "SlippageTooHigh",
            ChainState,
            "raise the limit price or allow partial execution",
        ),
    ),
    (
        9,
        line(
            "TransferDisallowed",
            ChainState,
            "the subnet owner has switched transfers off",
        ),
    ),
    (10, line("HotKeyNotRegisteredInNetwork", ChainState, REGISTER)),
    (
        11,
        line("InvalidIpAddress", Ours, "announce a public address, not loopback"),
    ),
    (
        12,
        line(
            "ServingRateLimitExceeded",
            Transient,
            "wait until the serving rate limit has passed since the last call",
        ),
    ),
    (13, line("InvalidPort", Ours, "announce a port other than 0")),
    (14, line("ZeroMaxAmount", Ours, "raise the amount or the limit price")),
    (
        15,
        line(
            "InvalidRevealRound",
            Ours,
            "clock or epoch state is stale; compute the round again",
        ),
    ),
    (16, line("CommitNotFound", Ours, "nothing was committed with that hash")),
    (17, line("CommitBlockNotInRevealRange", Transient, REVEAL)),
    (18, line("InputLengthsUnequal", Ours, "give lists of equal length")),
    (19, line("UidNotFound", ChainState, REGISTER)),
    (
        20,
        line(
            "EvmKeyAssociateRateLimitExceeded",
            Transient,
            "too soon after the last association; wait",
        ),
    ),
    (
        21,
        line(
            "ColdkeySwapDisputed",
            ChainState,
            "the coldkey's swap is disputed; resolve that first",
        ),
    ),
    (
        22,
        line("InvalidRealAccount", Ours, "the proxied account does not exist"),
    ),
    (
        23,
        line(
            "FailedShieldedTxParsing",
            Ours,
            "build the shielded payload again with the current key",
        ),
    ),
    (
        24,
        line(
            "InvalidShieldedTxPubKeyHash",
            Transient,
            "build the shielded payload again with the current key",
        ),
    ),
    (
        25,
        line(
            "NonAssociatedColdKey",
            Ours,
            "this hotkey belongs to another coldkey; use that one or another hotkey",
        ),
    ),
    (26, line("DelegateTakeTooLow", Ours, "raise the take")),
    (27, line("DelegateTakeTooHigh", Ours, "lower the take")),
    (
        255,
        line(
            "BadRequest",
            Ours,
            "the runtime refuses the call as it is; check its arguments",
        ),
    ),
];

/// Refusals of the pool that every Substrate chain knows: what their text contains, then the advice.
const STANDARD: &[(&str, Advice)] = &[
    (
        "pay some fees",
        line("Payment", ChainState, "fund the signing account; it cannot pay the fee"),
    ),
    (
        "outdated",
        line(
            "Stale",
            Transient,
            "the nonce has been used; the call is built again on the next try",
        ),
    ),
    (
        "stale",
        line(
            "Stale",
            Transient,
            "the nonce has been used; the call is built again on the next try",
        ),
    ),
    (
        "in the future",
        line(
            "Future",
            Transient,
            "an earlier transaction of this key is missing; retry once it is in",
        ),
    ),
    (
        "bad signature",
        line(
            "BadProof",
            Transient,
            "the runtime has changed since the call was signed; it is built again on the next try",
        ),
    ),
    (
        "ancient birth block",
        line(
            "AncientBirthBlock",
            Transient,
            "the call has outlived its validity; it is built again on the next try",
        ),
    ),
    (
        "exhaust",
        line(
            "ExhaustsResources",
            Transient,
            "the block is full; retry in the next one",
        ),
    ),
    (
        "invalid signing address",
        line(
            "BadSigner",
            Ours,
            "sign with the right key; for sudo calls that is the sudo key",
        ),
    ),
    (
        "call is not expected",
        line("Call", Ours, "the runtime refuses this call from this account"),
    ),
];

const POOL_CODES: &[(i32, Advice)] = &[
    (
        1011,
        line(
            "UnknownValidity",
            Transient,
            "the node could not judge the transaction; retry",
        ),
    ),
    (
        1012,
        line(
            "TemporarilyBanned",
            Transient,
            "the same transaction was refused a moment ago; wait before trying again",
        ),
    ),
    (
        1013,
        line(
            "AlreadyImported",
            Transient,
            "the transaction is in the pool already; wait for it",
        ),
    ),
    (
        1014,
        line(
            "PriorityTooLow",
            Transient,
            "another transaction with this nonce is waiting; let it pass first",
        ),
    ),
    (
        1016,
        line("ImmediatelyDropped", Transient, "the pool is full; retry later"),
    ),
];

/// Advice for an error of a call that was included.
pub fn for_dispatch(name: &str) -> Advice {
    DISPATCH
        .iter()
        .find(|advice| advice.name == name)
        .copied()
        .unwrap_or(Advice {
            name: "unknown",
            class: ChainState,
            text: UNKNOWN,
        })
}

/// Advice for a refusal by the transaction pool: JSON-RPC code, message and data.
pub fn for_pool(code: i32, message: &str, data: &str) -> Advice {
    if let Some(number) = custom_number(data) {
        let known = POOL.iter().find(|(n, _)| *n == number).map(|(_, advice)| *advice);
        return known.unwrap_or(Advice {
            name: "Custom",
            class: Ours,
            text: UNKNOWN,
        });
    }
    let text = format!("{message} {data}").to_lowercase();
    let standard = STANDARD
        .iter()
        .find(|(part, _)| text.contains(part))
        .map(|(_, advice)| *advice);
    standard
        .or_else(|| POOL_CODES.iter().find(|(n, _)| *n == code).map(|(_, advice)| *advice))
        .unwrap_or(Advice {
            name: "Refused",
            class: Ours,
            text: "the node refuses the transaction; see its message",
        })
}

/// The number in `Custom error: N`.
fn custom_number(data: &str) -> Option<u8> {
    let (_, rest) = data.split_once("Custom error:")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_has_one_advice() {
        let names: BTreeSet<&str> = DISPATCH.iter().map(|advice| advice.name).collect();
        assert_eq!(names.len(), DISPATCH.len());
        let numbers: BTreeSet<u8> = POOL.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), POOL.len());
    }

    #[test]
    fn pool_refusals_are_named() {
        assert_eq!(
            for_pool(1010, "Invalid Transaction", "\"Custom error: 6\"").name,
            "RateLimitExceeded"
        );
        assert_eq!(
            for_pool(1010, "Invalid Transaction", "\"Custom error: 255\"").name,
            "BadRequest"
        );
        assert_eq!(
            for_pool(1010, "Invalid Transaction", "\"Custom error: 99\"").name,
            "Custom"
        );
        let fees = "\"Inability to pay some fees (e.g. account balance too low)\"";
        assert_eq!(for_pool(1010, "Invalid Transaction", fees).name, "Payment");
        assert_eq!(
            for_pool(1010, "Invalid Transaction", "\"Transaction is outdated\"").name,
            "Stale"
        );
        assert_eq!(
            for_pool(1014, "Priority is too low: (1 vs 1)", "").name,
            "PriorityTooLow"
        );
        assert_eq!(for_pool(-32000, "strange", "").name, "Refused");
    }

    #[test]
    fn an_unknown_dispatch_error_still_says_something() {
        assert_eq!(for_dispatch("SomethingNew").text, UNKNOWN);
        assert_eq!(for_dispatch("SettingWeightsTooFast").class, Class::Transient);
    }
}
