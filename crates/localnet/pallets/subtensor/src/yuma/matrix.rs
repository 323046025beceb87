//! Sparse rows and the handful of operations that consensus needs.

use super::fixed::I32F32;

/// One number per uid.
pub(super) type Column = Vec<I32F32>;
/// A sparse row: (column, value), columns in the order they were stored.
pub(super) type Row = Vec<(usize, I32F32)>;
/// One sparse row per uid.
pub(super) type Matrix = Vec<Row>;

/// Saturating sum.
pub(super) fn sum(values: &[I32F32]) -> I32F32 {
    values.iter().fold(I32F32::ZERO, |total, x| total + *x)
}

/// Scales to a sum of one; a vector of zeros stays.
pub(super) fn normalise(values: &mut [I32F32]) {
    let total = sum(values);
    if total != I32F32::ZERO {
        values.iter_mut().for_each(|x| *x = *x / total);
    }
}

/// Shares of a total, computed on integers so that small stakes do not vanish.
pub(super) fn normalise_integers(values: &[u64]) -> Vec<I32F32> {
    let total: u128 = values.iter().map(|x| u128::from(*x)).sum();
    let share = |x: &u64| {
        let bits = (u128::from(*x) << 32).checked_div(total).unwrap_or(0);
        I32F32::from_bits(bits as i64) // at most 2^32
    };
    values.iter().map(share).collect()
}

/// Sum of each row.
pub(super) fn row_sums(matrix: &Matrix) -> Vec<I32F32> {
    matrix
        .iter()
        .map(|row| row.iter().fold(I32F32::ZERO, |total, (_, x)| total + *x))
        .collect()
}

/// Scales each row to a sum of one.
pub(super) fn normalise_rows(matrix: &mut Matrix) {
    let totals = row_sums(matrix);
    for (row, total) in matrix.iter_mut().zip(totals) {
        if total != I32F32::ZERO {
            row.iter_mut().for_each(|(_, x)| *x = *x / total);
        }
    }
}

/// Scales each column to a sum of one.
pub(super) fn normalise_columns(matrix: &mut Matrix, n: usize) {
    divide_columns(matrix, n, |total, x| total + x);
}

/// Scales each column to a maximum of one.
pub(super) fn upscale_columns(matrix: &mut Matrix, n: usize) {
    divide_columns(matrix, n, |largest, x| largest.max(x));
}

fn divide_columns(matrix: &mut Matrix, n: usize, combine: impl Fn(I32F32, I32F32) -> I32F32) {
    let mut divisors = vec![I32F32::ZERO; n];
    for (j, x) in matrix.iter().flatten() {
        divisors[*j] = combine(divisors[*j], *x);
    }
    for (j, x) in matrix.iter_mut().flatten() {
        if divisors[*j] != I32F32::ZERO {
            *x = *x / divisors[*j];
        }
    }
}

/// Lowers each entry to its column's limit; entries above a limit of zero are dropped.
pub(super) fn clip_columns(matrix: &Matrix, limits: &[I32F32]) -> Matrix {
    let clip = |(j, x): &(usize, I32F32)| {
        let limit = limits[*j];
        if *x <= limit {
            Some((*j, *x))
        } else {
            (limit > I32F32::ZERO).then_some((*j, limit))
        }
    };
    matrix.iter().map(|row| row.iter().filter_map(clip).collect()).collect()
}

/// For each column, the sum of its entries times their row's factor.
pub(super) fn weighted_column_sums(matrix: &Matrix, factors: &[I32F32], n: usize) -> Vec<I32F32> {
    let mut sums = vec![I32F32::ZERO; n];
    for (row, factor) in matrix.iter().zip(factors) {
        for (j, x) in row {
            sums[*j] = sums[*j] + *x * *factor;
        }
    }
    sums
}

/// For each row, the sum of its entries times their column's factor.
pub(super) fn weighted_row_sums(matrix: &Matrix, factors: &[I32F32]) -> Vec<I32F32> {
    let dot = |row: &Row| row.iter().fold(I32F32::ZERO, |total, (j, x)| total + *x * factors[*j]);
    matrix.iter().map(dot).collect()
}

/// Multiplies each row by its factor.
pub(super) fn scale_rows(matrix: &Matrix, factors: &[I32F32]) -> Matrix {
    let scale = |(row, factor): (&Row, &I32F32)| row.iter().map(|(j, x)| (*j, *x * *factor)).collect();
    matrix.iter().zip(factors).map(scale).collect()
}

/// `from + ratio * (to - from)`. At a ratio of zero the first matrix as it is, with its stored zeros.
pub(super) fn interpolate(from: &Matrix, to: &Matrix, n: usize, ratio: I32F32) -> Matrix {
    if ratio == I32F32::ZERO {
        return from.clone();
    }
    if ratio == I32F32::ONE {
        return to.clone();
    }
    combine(from, to, n, |a, b| a + ratio * (b - a))
}

/// Combines two matrices entry by entry, absent entries being zero; only positive results are kept.
pub(super) fn combine(a: &Matrix, b: &Matrix, n: usize, f: impl Fn(I32F32, I32F32) -> I32F32) -> Matrix {
    let mut result = Matrix::with_capacity(a.len());
    for (row_a, row_b) in a.iter().zip(b) {
        let (dense_a, dense_b) = (dense(row_a, n), dense(row_b, n));
        let entries = (0..n).map(|j| (j, f(dense_a[j], dense_b[j])));
        result.push(entries.filter(|(_, x)| *x > I32F32::ZERO).collect());
    }
    result
}

/// A row with its absent entries filled in as zeros.
pub(super) fn dense(row: &[(usize, I32F32)], n: usize) -> Vec<I32F32> {
    let mut values = vec![I32F32::ZERO; n];
    for (j, x) in row {
        values[*j] = *x;
    }
    values
}
