//! Sixteen floats at once, in whatever registers the processor has.

use pulp::NullaryFnOnce;

/// Floats that are handled together.
pub(super) const WIDTH: usize = 16;

/// Sixteen neighbouring numbers of a matrix.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lane(pub [f32; WIDTH]);

impl Lane {
    pub(super) const ZERO: Self = Self([0.0; WIDTH]);
}

/// A set of vector registers.
pub(super) trait Vector: Copy + Send + Sync {
    /// Sixteen floats.
    type Floats: Copy;
    /// Whether there are 32 registers that hold sixteen floats each, rather than half of that.
    const WIDE: bool;

    /// Runs work that uses these registers. Everything below `call` must be `#[inline(always)]`: only what ends up in
    /// one function with it is compiled for these registers.
    fn run(self, work: impl NullaryFnOnce<Output = ()>);
    fn zero(self) -> Self::Floats;
    fn load(self, lane: &Lane) -> Self::Floats;
    fn splat(self, number: f32) -> Self::Floats;
    /// `left * right + sum`, rounded once.
    fn multiply_add(self, left: Self::Floats, right: Self::Floats, sum: Self::Floats) -> Self::Floats;
    fn store(self, floats: Self::Floats) -> [f32; WIDTH];
}

/// Plain Rust.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Vector for Portable {
    type Floats = [f32; WIDTH];
    const WIDE: bool = false;

    #[inline(always)]
    fn run(self, work: impl NullaryFnOnce<Output = ()>) {
        work.call();
    }

    #[inline(always)]
    fn zero(self) -> Self::Floats {
        [0.0; WIDTH]
    }

    #[inline(always)]
    fn load(self, lane: &Lane) -> Self::Floats {
        lane.0
    }

    #[inline(always)]
    fn splat(self, number: f32) -> Self::Floats {
        [number; WIDTH]
    }

    #[inline(always)]
    fn multiply_add(self, left: Self::Floats, right: Self::Floats, mut sum: Self::Floats) -> Self::Floats {
        for ((sum, left), right) in sum.iter_mut().zip(left).zip(right) {
            *sum = crate::model::elementwise::multiply_add(left, right, *sum);
        }
        sum
    }

    #[inline(always)]
    fn store(self, floats: Self::Floats) -> [f32; WIDTH] {
        floats
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use pulp::NullaryFnOnce;
    use pulp::x86::{V3, V4};

    use super::{Lane, Vector, WIDTH};

    /// AVX2: two registers side by side.
    impl Vector for V3 {
        type Floats = [__m256; 2];
        const WIDE: bool = false;

        #[inline(always)]
        fn run(self, work: impl NullaryFnOnce<Output = ()>) {
            self.vectorize(work);
        }

        #[inline(always)]
        fn zero(self) -> Self::Floats {
            [self.avx._mm256_setzero_ps(); 2]
        }

        #[inline(always)]
        fn load(self, lane: &Lane) -> Self::Floats {
            bytemuck::cast(lane.0)
        }

        #[inline(always)]
        fn splat(self, number: f32) -> Self::Floats {
            [self.avx._mm256_set1_ps(number); 2]
        }

        #[inline(always)]
        fn multiply_add(self, left: Self::Floats, right: Self::Floats, sum: Self::Floats) -> Self::Floats {
            [
                self.fma._mm256_fmadd_ps(left[0], right[0], sum[0]),
                self.fma._mm256_fmadd_ps(left[1], right[1], sum[1]),
            ]
        }

        #[inline(always)]
        fn store(self, floats: Self::Floats) -> [f32; WIDTH] {
            bytemuck::cast(floats)
        }
    }

    /// AVX-512: one register.
    impl Vector for V4 {
        type Floats = __m512;
        const WIDE: bool = true;

        #[inline(always)]
        fn run(self, work: impl NullaryFnOnce<Output = ()>) {
            self.vectorize(work);
        }

        #[inline(always)]
        fn zero(self) -> Self::Floats {
            self.avx512f._mm512_setzero_ps()
        }

        #[inline(always)]
        fn load(self, lane: &Lane) -> Self::Floats {
            bytemuck::cast(lane.0)
        }

        #[inline(always)]
        fn splat(self, number: f32) -> Self::Floats {
            self.avx512f._mm512_set1_ps(number)
        }

        #[inline(always)]
        fn multiply_add(self, left: Self::Floats, right: Self::Floats, sum: Self::Floats) -> Self::Floats {
            self.avx512f._mm512_fmadd_ps(left, right, sum)
        }

        #[inline(always)]
        fn store(self, floats: Self::Floats) -> [f32; WIDTH] {
            bytemuck::cast(floats)
        }
    }
}
