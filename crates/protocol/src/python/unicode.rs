//! Which characters Python prints as they are and which it escapes.

use super::tables::{
    NONPRINTABLE_14, PRINTABLE_SINCE_14_IN_15_0, PRINTABLE_SINCE_14_IN_15_1, PRINTABLE_SINCE_14_IN_16_0,
    PRINTABLE_SINCE_14_IN_17_0,
};

/// The Unicode data of a Python release.
///
/// `repr()` escapes unassigned code points, so two Python peers of different releases print, and hash, a text with
/// newly assigned characters differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum UnicodeVersion {
    /// Python 3.11.
    V14_0,
    /// Python 3.12. What this side signs with: in the middle of the releases in use.
    V15_0,
    /// Python 3.13.
    V15_1,
    /// Python 3.14.
    V16_0,
    /// The next one.
    V17_0,
}

impl UnicodeVersion {
    /// All known versions, the first to try first.
    pub const ALL: [Self; 5] = [Self::V14_0, Self::V15_0, Self::V15_1, Self::V16_0, Self::V17_0];

    /// What this side hashes its own requests with.
    pub const OURS: Self = Self::V15_0;

    /// Whether `repr()` prints `character` as it is, quotes and backslash aside.
    pub fn is_printable(self, character: char) -> bool {
        match character {
            ' '..='~' => true,
            '\0'..='\u{7f}' => false,
            _ => !contains(NONPRINTABLE_14, character) || contains(self.newly_printable(), character),
        }
    }

    /// Whether releases disagree about `character`.
    pub fn differs(character: char) -> bool {
        // Each version's list contains the older ones', so the newest is their union.
        character > '\u{7f}' && contains(PRINTABLE_SINCE_14_IN_17_0, character)
    }

    fn newly_printable(self) -> &'static [(u32, u32)] {
        match self {
            Self::V14_0 => &[],
            Self::V15_0 => PRINTABLE_SINCE_14_IN_15_0,
            Self::V15_1 => PRINTABLE_SINCE_14_IN_15_1,
            Self::V16_0 => PRINTABLE_SINCE_14_IN_16_0,
            Self::V17_0 => PRINTABLE_SINCE_14_IN_17_0,
        }
    }
}

fn contains(ranges: &[(u32, u32)], character: char) -> bool {
    let point = u32::from(character);
    let next = ranges.partition_point(|(_, last)| *last < point);
    ranges.get(next).is_some_and(|(first, _)| *first <= point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_and_disjoint() {
        let lists = UnicodeVersion::ALL.map(UnicodeVersion::newly_printable);
        for list in lists.into_iter().chain([NONPRINTABLE_14]) {
            assert!(list.iter().all(|(first, last)| first <= last));
            assert!(list.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    #[test]
    fn a_newer_version_only_adds_printable_characters() {
        for point in (0..=0x10_ffff).filter_map(char::from_u32) {
            let printable = UnicodeVersion::ALL.map(|version| version.is_printable(point));
            assert!(printable.windows(2).all(|pair| pair[0] <= pair[1]), "{point:?}");
            assert_eq!(
                UnicodeVersion::differs(point),
                printable[0] != printable[4],
                "{point:?}"
            );
        }
    }
}
