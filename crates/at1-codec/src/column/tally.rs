//! Counting what a sample of fields looks like.

/// How often each of a few things was seen.
#[derive(Clone, Debug)]
pub(crate) struct Tally<K>(Vec<(K, u64)>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq + Clone> Tally<K> {
    /// Keeps no more than this many apart; the rest is only part of the total.
    const KINDS_MAX: usize = 64;

    pub(crate) fn add(&mut self, key: K) {
        if let Some((_, count)) = self.0.iter_mut().find(|(seen, _)| *seen == key) {
            *count += 1;
        } else if self.0.len() < Self::KINDS_MAX {
            self.0.push((key, 1));
        }
    }

    /// What was seen most often; the first such.
    pub(crate) fn most(&self) -> Option<K> {
        self.ranked().next().map(|(key, _)| key.clone())
    }

    /// Everything, the most frequent first.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = (&K, u64)> {
        let mut ranked: Vec<_> = self.0.iter().map(|(key, count)| (key, *count)).collect();
        ranked.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        ranked.into_iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Tally<Vec<u8>> {
    /// Adds a key that is only copied if it is new.
    pub(crate) fn add_bytes(&mut self, key: &[u8]) {
        // An empty vector points nowhere, and some processors take long to find that nothing there is equal to nothing.
        let is_key = |seen: &Vec<u8>| seen.len() == key.len() && (key.is_empty() || *seen == key);
        if let Some((_, count)) = self.0.iter_mut().find(|(seen, _)| is_key(seen)) {
            *count += 1;
        } else if self.0.len() < Self::KINDS_MAX {
            self.0.push((key.to_vec(), 1));
        }
    }
}

impl<K: PartialEq + Clone> FromIterator<K> for Tally<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut tally = Self::default();
        keys.into_iter().for_each(|key| tally.add(key));
        tally
    }
}

/// The candidate with the fewest errors, the first such, and its errors.
pub(crate) fn fewest<C>(
    candidates: impl IntoIterator<Item = C>,
    mut errors: impl FnMut(&C) -> usize,
) -> Option<(C, usize)> {
    let mut best: Option<(C, usize)> = None;
    for candidate in candidates {
        let found = errors(&candidate);
        if best.as_ref().is_none_or(|&(_, fewest)| found < fewest) {
            best = Some((candidate, found));
        }
        if found == 0 {
            break;
        }
    }
    best
}

/// Is this worth a stream with an entry for every row, rather than a patch for every error?
pub(crate) fn is_frequent(errors: usize, rows: usize) -> bool {
    errors.saturating_mul(100) > rows
}
