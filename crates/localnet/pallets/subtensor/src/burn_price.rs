//! The price of a registration: up by a factor at each one, down by half every half-life, always within its bounds.

use crate::*;

/// Fraction bits of the decay factor.
const FACTOR_BITS: u32 = 32;

impl<T: Config> Pallet<T> {
    /// Raises the price after a registration.
    pub(crate) fn raise_price(netuid: u16) {
        let factor = BurnIncreaseMult::<T>::get(netuid).bits;
        Self::set_price(netuid, times_u64f64(Burn::<T>::get(netuid), factor));
    }

    /// Lowers the price by one block's worth.
    pub(crate) fn decay_price(netuid: u16) {
        let factor = decay_factor(BurnHalfLife::<T>::get(netuid));
        let price = (u128::from(Burn::<T>::get(netuid)) * u128::from(factor)) >> FACTOR_BITS;
        Self::set_price(netuid, u64::try_from(price).unwrap_or(u64::MAX));
    }

    fn set_price(netuid: u16, price: u64) {
        let lowest = MinBurn::<T>::get(netuid);
        let highest = MaxBurn::<T>::get(netuid).max(lowest);
        let price = price.clamp(lowest, highest);
        if price != Burn::<T>::get(netuid) {
            Burn::<T>::insert(netuid, price);
        }
    }
}

fn times_u64f64(value: u64, factor_bits: u128) -> u64 {
    let product = sp_core::U256::from(value).saturating_mul(factor_bits.into()) >> 64;
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// The largest factor f (32 fraction bits) with f^half_life of at most one half, by bisection. 1 for a half-life of 0.
fn decay_factor(half_life: u16) -> u64 {
    let one = 1u64 << FACTOR_BITS;
    if half_life == 0 {
        return one;
    }
    let (mut low, mut high) = (0, one);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if power(middle, half_life) > one / 2 {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

fn power(base: u64, exponent: u16) -> u64 {
    let times = |a: u64, b: u64| ((u128::from(a) * u128::from(b)) >> FACTOR_BITS) as u64; // both at most one
    let (mut result, mut square, mut exponent) = (1u64 << FACTOR_BITS, base, exponent);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use frame_support::traits::Get;

    #[test]
    fn the_price_halves_in_a_half_life() {
        for half_life in [1u16, 10, 360, 5_000] {
            let factor = decay_factor(half_life);
            let mut price = 1_000_000_000u64;
            for _ in 0..half_life {
                price = ((u128::from(price) * u128::from(factor)) >> FACTOR_BITS) as u64;
            }
            assert!(price.abs_diff(500_000_000) < 10_000, "half-life {half_life}: {price}");
        }
    }

    #[test]
    fn a_registration_costs_a_quarter_more_next_time() {
        assert_eq!(
            times_u64f64(1_000_000_000, DefaultBurnIncreaseMult::get().bits),
            1_259_999_999
        );
        assert_eq!(times_u64f64(u64::MAX, u128::MAX), u64::MAX);
    }
}
