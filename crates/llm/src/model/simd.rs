//! The few vector operations the products of quantised matrices are made of, for sixteen rows at once.
//!
//! Three versions with the same results: AVX-512, AVX2, and plain Rust for everything else. Which one runs is found out
//! when the program starts, so one binary is fast everywhere. pulp hands the instructions out together with the proof
//! that the processor has them, which keeps this free of `unsafe`.

use pulp::NullaryFnOnce;

/// Rows that are handled together.
pub(crate) const ROWS: usize = 16;

/// Four neighbouring weights of each of sixteen rows, two weights to a byte.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lane(pub [u8; 4 * ROWS]);

/// A number for each of sixteen rows.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct PerRow(pub [f32; ROWS]);

/// A set of vector registers.
pub(crate) trait Registers: Copy + Send + Sync {
    /// Unsigned bytes, four to a row.
    type Bytes: Copy;
    /// Sixteen-bit sums, two to a row.
    type Pairs: Copy;
    /// Whole numbers, one to a row.
    type Numbers: Copy;
    /// Floats, one to a row.
    type Floats: Copy;

    /// Runs work that uses these registers. Everything below `call` must be `#[inline(always)]` and free of closures:
    /// only what ends up in one function with it is compiled for these registers.
    fn run(self, work: impl NullaryFnOnce<Output = ()>);
    fn no_pairs(self) -> Self::Pairs;
    fn no_numbers(self) -> Self::Numbers;
    fn no_floats(self) -> Self::Floats;
    /// The lower weight of each byte.
    fn low(self, lane: &Lane) -> Self::Bytes;
    /// The upper weight of each byte.
    fn high(self, lane: &Lane) -> Self::Bytes;
    /// Adds each row's four weights times the four signed bytes of `word`, in two pairs.
    fn add_products(self, pairs: Self::Pairs, weights: Self::Bytes, word: i32) -> Self::Pairs;
    /// `16 * upper` plus the sums of the pairs.
    fn widen(self, upper: Self::Numbers, pairs: Self::Pairs) -> Self::Numbers;
    /// `sum + numbers * scale * input_scale + offset * input_sum`.
    fn scale(
        self,
        sum: Self::Floats,
        numbers: Self::Numbers,
        scales: (&PerRow, &PerRow),
        input: (f32, f32),
    ) -> Self::Floats;
    fn store(self, floats: Self::Floats) -> [f32; ROWS];
}

/// Plain Rust, which compilers turn into whatever vector instructions there are.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Registers for Portable {
    type Bytes = [u8; 4 * ROWS];
    type Pairs = [i16; 2 * ROWS];
    type Numbers = [i32; ROWS];
    type Floats = [f32; ROWS];

    #[inline(always)]
    fn run(self, work: impl NullaryFnOnce<Output = ()>) {
        work.call();
    }

    #[inline(always)]
    fn no_pairs(self) -> Self::Pairs {
        [0; 2 * ROWS]
    }

    #[inline(always)]
    fn no_numbers(self) -> Self::Numbers {
        [0; ROWS]
    }

    #[inline(always)]
    fn no_floats(self) -> Self::Floats {
        [0.0; ROWS]
    }

    #[inline(always)]
    fn low(self, lane: &Lane) -> Self::Bytes {
        lane.0.map(|byte| byte & 0x0F)
    }

    #[inline(always)]
    fn high(self, lane: &Lane) -> Self::Bytes {
        lane.0.map(|byte| byte >> 4)
    }

    #[inline(always)]
    fn add_products(self, mut pairs: Self::Pairs, weights: Self::Bytes, word: i32) -> Self::Pairs {
        let inputs = word.to_le_bytes().map(|byte| i16::from(byte as i8));
        for (index, pair) in pairs.iter_mut().enumerate() {
            let at = index % 2 * 2;
            let product = |offset: usize| i16::from(weights[index * 2 + offset]).wrapping_mul(inputs[at + offset]);
            *pair = pair.wrapping_add(product(0)).wrapping_add(product(1));
        }
        pairs
    }

    #[inline(always)]
    fn widen(self, upper: Self::Numbers, pairs: Self::Pairs) -> Self::Numbers {
        std::array::from_fn(|row| {
            let sum = i32::from(pairs[row * 2]).wrapping_add(i32::from(pairs[row * 2 + 1]));
            (upper[row] << 4).wrapping_add(sum)
        })
    }

    #[inline(always)]
    fn scale(
        self,
        sum: Self::Floats,
        numbers: Self::Numbers,
        (scales, offsets): (&PerRow, &PerRow),
        (input_scale, input_sum): (f32, f32),
    ) -> Self::Floats {
        std::array::from_fn(|row| {
            sum[row] + numbers[row] as f32 * (scales.0[row] * input_scale) + offsets.0[row] * input_sum
        })
    }

    #[inline(always)]
    fn store(self, floats: Self::Floats) -> [f32; ROWS] {
        floats
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m256i, __m512, __m512i};

    use pulp::NullaryFnOnce;
    use pulp::x86::{V3, V4};

    use super::{Lane, PerRow, ROWS, Registers};

    /// AVX2: two registers side by side.
    impl Registers for V3 {
        type Bytes = [__m256i; 2];
        type Pairs = [__m256i; 2];
        type Numbers = [__m256i; 2];
        type Floats = [__m256; 2];

        #[inline(always)]
        fn run(self, work: impl NullaryFnOnce<Output = ()>) {
            self.vectorize(work);
        }

        #[inline(always)]
        fn no_pairs(self) -> Self::Pairs {
            [self.avx._mm256_setzero_si256(); 2]
        }

        #[inline(always)]
        fn no_numbers(self) -> Self::Numbers {
            [self.avx._mm256_setzero_si256(); 2]
        }

        #[inline(always)]
        fn no_floats(self) -> Self::Floats {
            [self.avx._mm256_setzero_ps(); 2]
        }

        #[inline(always)]
        fn low(self, lane: &Lane) -> Self::Bytes {
            let mask = self.avx._mm256_set1_epi8(0x0F);
            let [left, right] = bytemuck::cast::<_, [__m256i; 2]>(lane.0);
            [
                self.avx2._mm256_and_si256(left, mask),
                self.avx2._mm256_and_si256(right, mask),
            ]
        }

        #[inline(always)]
        fn high(self, lane: &Lane) -> Self::Bytes {
            let mask = self.avx._mm256_set1_epi8(0x0F);
            let [left, right] = bytemuck::cast::<_, [__m256i; 2]>(lane.0);
            let (left, right) = (
                self.avx2._mm256_srli_epi16::<4>(left),
                self.avx2._mm256_srli_epi16::<4>(right),
            );
            [
                self.avx2._mm256_and_si256(left, mask),
                self.avx2._mm256_and_si256(right, mask),
            ]
        }

        #[inline(always)]
        fn add_products(self, pairs: Self::Pairs, weights: Self::Bytes, word: i32) -> Self::Pairs {
            let inputs = self.avx._mm256_set1_epi32(word);
            let left = self.avx2._mm256_maddubs_epi16(weights[0], inputs);
            let right = self.avx2._mm256_maddubs_epi16(weights[1], inputs);
            [
                self.avx2._mm256_add_epi16(pairs[0], left),
                self.avx2._mm256_add_epi16(pairs[1], right),
            ]
        }

        #[inline(always)]
        fn widen(self, upper: Self::Numbers, pairs: Self::Pairs) -> Self::Numbers {
            let ones = self.avx._mm256_set1_epi16(1);
            let left = self.avx2._mm256_madd_epi16(pairs[0], ones);
            let right = self.avx2._mm256_madd_epi16(pairs[1], ones);
            [
                self.avx2
                    ._mm256_add_epi32(self.avx2._mm256_slli_epi32::<4>(upper[0]), left),
                self.avx2
                    ._mm256_add_epi32(self.avx2._mm256_slli_epi32::<4>(upper[1]), right),
            ]
        }

        #[inline(always)]
        fn scale(
            self,
            sum: Self::Floats,
            numbers: Self::Numbers,
            (scales, offsets): (&PerRow, &PerRow),
            (input_scale, input_sum): (f32, f32),
        ) -> Self::Floats {
            let scales = bytemuck::cast::<_, [__m256; 2]>(scales.0);
            let offsets = bytemuck::cast::<_, [__m256; 2]>(offsets.0);
            let (input_scale, input_sum) = (self.avx._mm256_set1_ps(input_scale), self.avx._mm256_set1_ps(input_sum));
            let scales = [
                self.avx._mm256_mul_ps(scales[0], input_scale),
                self.avx._mm256_mul_ps(scales[1], input_scale),
            ];
            let numbers = [
                self.avx._mm256_cvtepi32_ps(numbers[0]),
                self.avx._mm256_cvtepi32_ps(numbers[1]),
            ];
            let left = self.fma._mm256_fmadd_ps(numbers[0], scales[0], sum[0]);
            let right = self.fma._mm256_fmadd_ps(numbers[1], scales[1], sum[1]);
            [
                self.fma._mm256_fmadd_ps(offsets[0], input_sum, left),
                self.fma._mm256_fmadd_ps(offsets[1], input_sum, right),
            ]
        }

        #[inline(always)]
        fn store(self, floats: Self::Floats) -> [f32; ROWS] {
            bytemuck::cast(floats)
        }
    }

    /// AVX-512: one register.
    impl Registers for V4 {
        type Bytes = __m512i;
        type Pairs = __m512i;
        type Numbers = __m512i;
        type Floats = __m512;

        #[inline(always)]
        fn run(self, work: impl NullaryFnOnce<Output = ()>) {
            self.vectorize(work);
        }

        #[inline(always)]
        fn no_pairs(self) -> Self::Pairs {
            self.avx512f._mm512_setzero_si512()
        }

        #[inline(always)]
        fn no_numbers(self) -> Self::Numbers {
            self.avx512f._mm512_setzero_si512()
        }

        #[inline(always)]
        fn no_floats(self) -> Self::Floats {
            self.avx512f._mm512_setzero_ps()
        }

        #[inline(always)]
        fn low(self, lane: &Lane) -> Self::Bytes {
            self.avx512f
                ._mm512_and_si512(bytemuck::cast(lane.0), self.avx512f._mm512_set1_epi8(0x0F))
        }

        #[inline(always)]
        fn high(self, lane: &Lane) -> Self::Bytes {
            let shifted = self.avx512bw._mm512_srli_epi16::<4>(bytemuck::cast(lane.0));
            self.avx512f
                ._mm512_and_si512(shifted, self.avx512f._mm512_set1_epi8(0x0F))
        }

        #[inline(always)]
        fn add_products(self, pairs: Self::Pairs, weights: Self::Bytes, word: i32) -> Self::Pairs {
            let products = self
                .avx512bw
                ._mm512_maddubs_epi16(weights, self.avx512f._mm512_set1_epi32(word));
            self.avx512bw._mm512_add_epi16(pairs, products)
        }

        #[inline(always)]
        fn widen(self, upper: Self::Numbers, pairs: Self::Pairs) -> Self::Numbers {
            let sums = self
                .avx512bw
                ._mm512_madd_epi16(pairs, self.avx512f._mm512_set1_epi16(1));
            self.avx512f
                ._mm512_add_epi32(self.avx512f._mm512_slli_epi32::<4>(upper), sums)
        }

        #[inline(always)]
        fn scale(
            self,
            sum: Self::Floats,
            numbers: Self::Numbers,
            (scales, offsets): (&PerRow, &PerRow),
            (input_scale, input_sum): (f32, f32),
        ) -> Self::Floats {
            let both = self
                .avx512f
                ._mm512_mul_ps(bytemuck::cast(scales.0), self.avx512f._mm512_set1_ps(input_scale));
            let sum = self
                .avx512f
                ._mm512_fmadd_ps(self.avx512f._mm512_cvtepi32_ps(numbers), both, sum);
            self.avx512f
                ._mm512_fmadd_ps(bytemuck::cast(offsets.0), self.avx512f._mm512_set1_ps(input_sum), sum)
        }

        #[inline(always)]
        fn store(self, floats: Self::Floats) -> [f32; ROWS] {
            bytemuck::cast(floats)
        }
    }
}
