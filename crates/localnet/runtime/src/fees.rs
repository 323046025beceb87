//! Fees: 1 rao per byte and 0.0005 rao per unit of reference time.

use crate::Balance;
use frame_support::weights::{Weight, WeightToFee};

/// Units of reference time (picoseconds) that cost one rao.
const REF_TIME_PER_RAO: u64 = 2_000;

/// Execution fee, rao.
pub struct WeightFee;

impl WeightToFee for WeightFee {
    type Balance = Balance;

    fn weight_to_fee(weight: &Weight) -> Balance {
        weight.ref_time() / REF_TIME_PER_RAO
    }
}

/// Length fee, rao; the "weight" handed in is the length in bytes.
pub struct LengthFee;

impl WeightToFee for LengthFee {
    type Balance = Balance;

    fn weight_to_fee(length: &Weight) -> Balance {
        length.ref_time()
    }
}
