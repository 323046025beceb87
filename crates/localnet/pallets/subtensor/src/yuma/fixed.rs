//! Signed 64-bit fixed point with 32 fraction bits. Every operation saturates; none panics.

use std::ops::{Add, Div, Mul, Sub};

const FRACTION_BITS: u32 = 32;
/// Fraction bits used inside [`I32F32::exp`].
const EXP_BITS: u32 = 60;

/// A number between about -2.1e9 and 2.1e9 in steps of 2^-32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct I32F32(i64);

impl I32F32 {
    /// 0.
    pub const ZERO: Self = Self(0);
    /// 1.
    pub const ONE: Self = Self(1 << FRACTION_BITS);

    /// The number whose two's complement bits these are.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// The two's complement bits.
    pub const fn to_bits(self) -> i64 {
        self.0
    }

    /// An integer.
    pub fn from_int(value: i64) -> Self {
        saturate(i128::from(value) << FRACTION_BITS)
    }

    /// A quotient of integers, truncated; 0 when the divisor is 0.
    pub fn ratio(value: i64, divisor: i64) -> Self {
        Self::from_int(value) / Self::from_int(divisor)
    }

    /// `floor(self * amount)`, 0 for negative numbers.
    pub fn portion_of(self, amount: u64) -> u64 {
        let bits = u128::try_from(self.0).unwrap_or(0);
        // 63 bits times 64 bits fits.
        u64::try_from((bits * u128::from(amount)) >> FRACTION_BITS).unwrap_or(u64::MAX)
    }

    /// `floor(self * 65535)`, clamped to the range of the type.
    pub fn to_u16_fraction(self) -> u16 {
        let scaled = (self * Self::from_int(65_535)).0 >> FRACTION_BITS;
        scaled.clamp(0, i64::from(u16::MAX)) as u16
    }

    /// e to the power of this number; exact to about 2^-32 for results up to 2^30, saturating beyond.
    pub fn exp(self) -> Self {
        const LN_2: i128 = 0xB17_217F_7D1C_F79A; // ln 2 * 2^60
        let x = i128::from(self.0) << (EXP_BITS - FRACTION_BITS);
        let exponent = x.div_euclid(LN_2);
        let remainder = x.rem_euclid(LN_2);
        // Taylor series of e^r for 0 <= r < ln 2: the 20th term is below 2^-70.
        let one = 1i128 << EXP_BITS;
        let (mut term, mut sum) = (one, one);
        for k in 1..20 {
            term = ((term * remainder) >> EXP_BITS) / k;
            sum += term;
        }
        let shift = i64::try_from(exponent).unwrap_or(0) - i64::from(EXP_BITS - FRACTION_BITS);
        match shift {
            ..=-127 => Self::ZERO,
            -126..=-1 => saturate(sum >> -shift),
            0..=60 => saturate(sum << shift),
            _ => Self(i64::MAX),
        }
    }
}

impl Add for I32F32 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for I32F32 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul for I32F32 {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        saturate((i128::from(self.0) * i128::from(other.0)) >> FRACTION_BITS)
    }
}

impl Div for I32F32 {
    type Output = Self;
    /// Division by zero gives zero.
    fn div(self, other: Self) -> Self {
        if other.0 == 0 {
            return Self::ZERO;
        }
        saturate((i128::from(self.0) << FRACTION_BITS) / i128::from(other.0))
    }
}

fn saturate(bits: i128) -> I32F32 {
    I32F32(bits.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_saturate_and_truncate() {
        let max = I32F32::from_bits(i64::MAX);
        assert_eq!(max + I32F32::ONE, max);
        assert_eq!(max * max, max);
        assert_eq!(I32F32::ONE / I32F32::ZERO, I32F32::ZERO);
        assert_eq!(I32F32::ratio(1, 3).to_bits(), (1i64 << 32) / 3);
        assert_eq!(I32F32::ratio(1, 10).to_u16_fraction(), 6553);
        assert_eq!(I32F32::ONE.portion_of(u64::MAX), u64::MAX);
    }

    #[test]
    fn exp_agrees_with_floating_point() {
        for tenths in -200..=200i64 {
            let expected = (tenths as f64 / 10.0).exp();
            let got = I32F32::ratio(tenths, 10).exp().to_bits() as f64 / (1u64 << 32) as f64;
            assert!(
                (got - expected).abs() <= 1e-8 * expected + 1e-9,
                "exp({tenths}/10): {got} is not {expected}"
            );
        }
    }
}
