//! From the states of tokens to one vector for a text of any length.

/// The mean of the states of tokens that are not masked; all zero when every token is.
pub fn mean(states: &[Vec<f32>], mask: &[u8]) -> Vec<f32> {
    let width = states.first().map_or(0, Vec::len);
    let mut sum = vec![0.0; width];
    let mut count = 0.0f32;
    for (state, _) in states.iter().zip(mask).filter(|(_, mask)| **mask != 0) {
        sum.iter_mut().zip(state).for_each(|(sum, value)| *sum += value);
        count += 1.0;
    }
    let count = count.max(1e-9);
    sum.into_iter().map(|sum| sum / count).collect()
}

/// The vector at length 1. One of length 0 stays as it is.
pub fn normalised(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-12);
    vector.iter().map(|value| value / length).collect()
}

/// The mean of the vectors of a text's windows, each at length 1; the mean itself is shorter.
pub fn of_windows(windows: &[Vec<f32>]) -> Vec<f32> {
    let normalised: Vec<Vec<f32>> = windows.iter().map(|window| normalised(window)).collect();
    mean(&normalised, &vec![1; normalised.len()])
}
