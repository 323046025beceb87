//! Fees as the runtime encodes them, and as `payment_*` shows them.

use codec::{Decode, DecodeAll};
use serde_json::{Value, json};

/// Answer of `TransactionPaymentApi_query_info`. Balances have 64 bits on this chain.
#[derive(Debug, Decode)]
pub(super) struct DispatchInfo {
    #[codec(compact)]
    ref_time: u64,
    #[codec(compact)]
    proof_size: u64,
    class: Class,
    partial_fee: u64,
}

#[derive(Debug, Decode)]
enum Class {
    Normal,
    Operational,
    Mandatory,
}

impl DispatchInfo {
    pub(super) fn read(mut bytes: &[u8]) -> Result<Self, codec::Error> {
        Self::decode_all(&mut bytes)
    }

    pub(super) fn json(&self) -> Value {
        let class = match self.class {
            Class::Normal => "normal",
            Class::Operational => "operational",
            Class::Mandatory => "mandatory",
        };
        json!({
            "weight": { "ref_time": self.ref_time, "proof_size": self.proof_size },
            "class": class,
            "partialFee": self.partial_fee.to_string(),
        })
    }
}

/// Answer of `TransactionPaymentApi_query_fee_details`.
#[derive(Debug)]
pub(super) struct FeeDetails(Option<InclusionFee>);

#[derive(Debug, Decode)]
struct InclusionFee {
    base: u64,
    length: u64,
    weight: u64,
}

impl FeeDetails {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, codec::Error> {
        // A tip follows, which the caller knows, having set it.
        Option::decode(&mut &bytes[..]).map(Self)
    }

    pub(super) fn json(&self) -> Value {
        let hex = |fee: u64| format!("{fee:#x}");
        let inclusion = self.0.as_ref().map(|fee| {
            json!({
                "baseFee": hex(fee.base),
                "lenFee": hex(fee.length),
                "adjustedWeightFee": hex(fee.weight),
            })
        });
        json!({ "inclusionFee": inclusion })
    }
}
