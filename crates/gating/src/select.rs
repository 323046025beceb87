//! Whom to ask, and whom the head no longer knows.

/// The `k` uids of `available` with the highest scores, the best one last. Of equal scores the higher uid counts as
/// better. A uid without a score, or one whose score is not a number, counts as the worst.
pub fn top_k(scores: &[f32], available: &[u16], k: usize) -> Vec<u16> {
    let score = |uid: u16| {
        let score = scores.get(usize::from(uid)).copied().unwrap_or(f32::NEG_INFINITY);
        if score.is_nan() { f32::NEG_INFINITY } else { score }
    };
    let mut uids = available.to_vec();
    uids.sort_unstable();
    uids.dedup();
    uids.sort_by(|a, b| score(*a).total_cmp(&score(*b)));
    uids.split_off(uids.len().saturating_sub(k))
}

/// The uids at which another key sits now, new uids included: those to give to [`crate::GatingHead::resync`].
pub fn changed<K: PartialEq>(old: &[K], new: &[K]) -> Vec<u16> {
    let differs = |(uid, key): (usize, &K)| {
        let same = old.get(uid) == Some(key);
        u16::try_from(uid).ok().filter(|_| !same)
    };
    new.iter().enumerate().filter_map(differs).collect()
}
