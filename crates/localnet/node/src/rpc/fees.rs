//! Fees as the runtime encodes them, and as `payment_*` shows them.
//!
//! Balances have 64 bits on this chain; a runtime from a file may have 128, as most others do. The length of an answer tells.

use codec::{Decode, Encode};
use serde_json::{Value, json};

/// Answer of `TransactionPaymentApi_query_info`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DispatchInfo {
    weight: Weight,
    class: Class,
    partial_fee: u128,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct Weight {
    #[codec(compact)]
    ref_time: u64,
    #[codec(compact)]
    proof_size: u64,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
enum Class {
    Normal,
    Operational,
    Mandatory,
}

impl DispatchInfo {
    pub(super) fn read(mut bytes: &[u8]) -> Result<Self, codec::Error> {
        let (weight, class) = Decode::decode(&mut bytes)?;
        let width = Width::of(bytes.len())?;
        Ok(Self {
            weight,
            class,
            partial_fee: balance(&mut bytes, width)?,
        })
    }

    pub(super) fn json(&self) -> Value {
        let class = match self.class {
            Class::Normal => "normal",
            Class::Operational => "operational",
            Class::Mandatory => "mandatory",
        };
        json!({
            "weight": { "ref_time": self.weight.ref_time, "proof_size": self.weight.proof_size },
            "class": class,
            "partialFee": self.partial_fee.to_string(),
        })
    }
}

/// Answer of `TransactionPaymentApi_query_fee_details`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FeeDetails(Option<InclusionFee>);

#[derive(Debug, PartialEq, Eq)]
struct InclusionFee {
    base: u128,
    length: u128,
    weight: u128,
}

impl FeeDetails {
    pub(super) fn read(mut bytes: &[u8]) -> Result<Self, codec::Error> {
        let paid = bool::decode(&mut bytes)?;
        // A tip follows, which the caller knows, having set it.
        let balances = if paid { 4 } else { 1 };
        let width = Width::of(bytes.len() / balances)?;
        let mut fee = || balance(&mut bytes, width);
        let inclusion = if paid {
            Some(InclusionFee {
                base: fee()?,
                length: fee()?,
                weight: fee()?,
            })
        } else {
            None
        };
        Ok(Self(inclusion))
    }

    pub(super) fn json(&self) -> Value {
        let hex = |fee: u128| format!("{fee:#x}");
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

#[derive(Debug, Clone, Copy)]
enum Width {
    Bits64,
    Bits128,
}

impl Width {
    fn of(bytes: usize) -> Result<Self, codec::Error> {
        match bytes {
            8 => Ok(Self::Bits64),
            16 => Ok(Self::Bits128),
            _ => Err("balances have neither 64 nor 128 bits".into()),
        }
    }
}

fn balance(bytes: &mut &[u8], width: Width) -> Result<u128, codec::Error> {
    match width {
        Width::Bits64 => u64::decode(bytes).map(u128::from),
        Width::Bits128 => u128::decode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_of_both_widths_read_alike() {
        let weight = Weight {
            ref_time: 5,
            proof_size: 70_000,
        };
        let short = (&weight, Class::Operational, 123u64).encode();
        let long = (&weight, Class::Operational, 123u128).encode();
        let info = DispatchInfo::read(&short).unwrap();
        assert_eq!(DispatchInfo::read(&long).unwrap(), info);
        assert_eq!(info.json()["partialFee"], "123");
        assert!(DispatchInfo::read(&short[..short.len() - 1]).is_err());

        let details = FeeDetails::read(&(Some((1u64, 2u64, 300u64)), 9u64).encode()).unwrap();
        assert_eq!(
            FeeDetails::read(&(Some((1u128, 2u128, 300u128)), 9u128).encode()).unwrap(),
            details
        );
        assert_eq!(details.json()["inclusionFee"]["adjustedWeightFee"], "0x12c");
        for nothing in [(None::<u64>, 0u64).encode(), (None::<u64>, 0u128).encode()] {
            assert_eq!(FeeDetails::read(&nothing).unwrap(), FeeDetails(None));
        }
    }
}
