//! Completion indexes as the Job controller writes them: `0-2,5`.

use std::collections::BTreeSet;

/// The indexes of a text such as `0-2,5`; parts that are none are left out.
///
/// Kubernetes writes them so into `status.completedIndexes` and `status.failedIndexes` of an Indexed Job.
///
/// ```
/// use grace_launch::state::parse_indexes;
///
/// assert_eq!(parse_indexes("0-2,5").into_iter().collect::<Vec<_>>(), [0, 1, 2, 5]);
/// ```
pub fn parse_indexes(text: &str) -> BTreeSet<u32> {
    text.split(',').filter_map(range).flatten().collect()
}

/// A Job has at most 100,000 completions with more than one part, so a range never explodes here.
const MOST: u32 = 1_000_000;

fn range(part: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last < MOST).then_some(first..=last)
}

/// Indexes as people read them: `0-2, 5`.
///
/// ```
/// use grace_launch::state::format_indexes;
///
/// assert_eq!(format_indexes([0, 1, 2, 5]), "0-2, 5");
/// ```
pub fn format_indexes(indexes: impl IntoIterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for index in indexes.into_iter().collect::<BTreeSet<_>>() {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => ranges.push((index, index)),
        }
    }
    let texts: Vec<String> = ranges
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_index_is_left_out() {
        assert_eq!(parse_indexes(""), BTreeSet::new());
        assert_eq!(parse_indexes("x,3,5-4,0-4000000000"), BTreeSet::from([3]));
    }

    proptest! {
        #[test]
        fn what_is_formatted_reads_back(indexes in proptest::collection::btree_set(0u32..2000, 0..60)) {
            let text = format_indexes(indexes.iter().copied());
            prop_assert_eq!(parse_indexes(&text), indexes);
        }
    }
}
