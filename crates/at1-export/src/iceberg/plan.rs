//! Which manifests stay, and which segments are written into new ones.
//!
//! * A full manifest whose segments are all still there stays as it is, wherever it comes to stand.
//! * Between full manifests at most one is not full, so their number stays close to a 4,096th of the segments.

use std::{collections::HashMap, ops::Range};

use at1_table::FileEntry;

use super::{
    list::Listed,
    manifest::{self, SEGMENTS_MAX},
};

/// A part of the list of segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// These are in a manifest that is there.
    Kept(Listed),
    /// These come into a manifest of their own.
    New(Range<usize>),
}

/// A stretch of segments, and the manifest that holds just them.
type Block<'l> = (Range<usize>, Option<&'l Listed>);

/// How the segments are to be listed, where `listed` are the manifests of the state before.
pub(super) fn plan(segments: &[FileEntry], listed: &[Listed], location: &str) -> Vec<Part> {
    let mut parts = vec![];
    let mut stretch: Vec<Block<'_>> = vec![];
    for block in blocks(segments, listed, location) {
        match block {
            (_, Some(full)) if full.files() == SEGMENTS_MAX as u64 => {
                close(&mut stretch, &mut parts);
                parts.push(Part::Kept(full.clone()));
            }
            other => stretch.push(other),
        }
    }
    close(&mut stretch, &mut parts);
    parts
}

/// The stretches that manifests hold already, and the segments between them.
fn blocks<'l>(segments: &[FileEntry], listed: &'l [Listed], location: &str) -> Vec<Block<'l>> {
    // An event may have several segments, and so be the first of several manifests.
    let mut by_first: HashMap<u64, Vec<&Listed>> = HashMap::new();
    for listed in listed {
        by_first.entry(listed.name.first).or_default().push(listed);
    }
    let mut blocks: Vec<Block<'_>> = vec![];
    let mut at = 0;
    while at < segments.len() {
        let held = by_first.get(&segments[at].event).into_iter().flatten().find_map(|&listed| {
            let end = at.checked_add(usize::try_from(listed.files()).ok()?)?;
            let held = segments.get(at..end).filter(|held| !held.is_empty())?;
            (manifest::holds(location, held) == listed.name.holds).then_some((at..end, listed))
        });
        match (held, blocks.last_mut()) {
            (Some((range, listed)), _) => {
                at = range.end;
                blocks.push((range, Some(listed)));
            }
            (None, Some((range, None))) => {
                at += 1;
                range.end = at;
            }
            (None, _) => {
                blocks.push((at..at + 1, None));
                at += 1;
            }
        }
    }
    blocks
}

/// What lies between full manifests: one manifest that is there, or new ones.
fn close(stretch: &mut Vec<Block<'_>>, parts: &mut Vec<Part>) {
    match stretch.as_slice() {
        [] => {}
        [(_, Some(listed))] => parts.push(Part::Kept((*listed).clone())),
        [(first, _), ..] => {
            let end = stretch.last().map_or(first.end, |(last, _)| last.end);
            let starts = (first.start..end).step_by(SEGMENTS_MAX);
            parts.extend(starts.map(|start| Part::New(start..end.min(start + SEGMENTS_MAX))));
        }
    }
    stretch.clear();
}

#[cfg(test)]
mod tests {
    use at1_ledger::Digest;

    use super::*;

    const PLACE: &str = "file:///t";

    fn segment(event: u64) -> FileEntry {
        FileEntry {
            path: String::new(),
            name: format!("seg_{event:06}.at1"),
            bytes: 1,
            sha256: Digest([0; 32]),
            footer_bytes: 0,
            footer_sha256: Digest([0; 32]),
            first_row: 0,
            rows: 1,
            rows_as_of: 1,
            first_batch: event,
            batches: 1,
            event,
        }
    }

    fn segments(events: impl IntoIterator<Item = u64>) -> Vec<FileEntry> {
        events.into_iter().map(segment).collect()
    }

    /// The manifest that was made of these.
    fn made(segments: &[FileEntry]) -> Listed {
        let holds = manifest::holds(PLACE, segments);
        let text = format!("at1-manifest-{:06}-{holds}-{holds}.avro", segments[0].event);
        let existing = segments.len() as u64;
        let name = text.parse().unwrap();
        let (sequence, min_sequence, snapshot_id) = (1, 1, 1);
        let (bytes, added, added_rows, existing_rows) = (9, 0, 0, existing);
        Listed { name, bytes, sequence, min_sequence, snapshot_id, added, existing, added_rows, existing_rows }
    }

    /// Plans, and says the parts as their sizes: kept ones as `=n`, new ones as `+n`. Gives the list after it.
    #[track_caller]
    fn check(segments: &[FileEntry], listed: &[Listed], expected: &[&str]) -> Vec<Listed> {
        let parts = plan(segments, listed, PLACE);
        let words = parts.iter().map(|part| match part {
            Part::Kept(listed) => format!("={}", listed.files()),
            Part::New(range) => format!("+{}", range.len()),
        });
        assert_eq!(words.collect::<Vec<_>>(), expected);
        let list = parts.into_iter().map(|part| match part {
            Part::Kept(listed) => listed,
            Part::New(range) => made(&segments[range]),
        });
        list.collect()
    }

    #[test]
    fn only_the_tail_is_written_again() {
        let all = segments(0..9000);
        let listed = check(&all[..100], &[], &["+100"]);
        let listed = check(&all[..100], &listed, &["=100"]);
        let listed = check(&all[..101], &listed, &["+101"]);
        let listed = check(&all, &listed, &["+4096", "+4096", "+808"]);
        check(&all, &listed, &["=4096", "=4096", "=808"]);
        let more = segments(0..9001);
        check(&more, &listed, &["=4096", "=4096", "+809"]);
        // Elsewhere nothing holds: manifests have absolute names.
        assert_eq!(plan(&all[..2], &listed, "file:///u"), [Part::New(0..2)]);
    }

    #[test]
    fn an_event_of_several_segments_may_begin_several_manifests() {
        let mut all = segments(0..5000);
        all[4095].event = 4096;
        all[4095].name = "seg_004096.at1".to_owned();
        all[4096].name = "seg_004096-1.at1".to_owned();
        // All of the first manifest is gone but the last segment, which is of the event that the second one begins with.
        let listed = check(&all[4095..], &check(&all, &[], &["+4096", "+904"]), &["+905"]);
        check(&all[4095..], &listed, &["=905"]);
        let twice = [made(&all[4095..4096]), made(&all[4096..])];
        let blocks = blocks(&all[4095..], &twice, PLACE);
        assert_eq!(
            blocks.iter().map(|(range, listed)| (range.len(), listed.is_some())).collect::<Vec<_>>(),
            [(1, true), (904, true)]
        );
    }

    #[test]
    fn a_compaction_leaves_the_other_manifests_alone() {
        let all = segments(0..12_288);
        let listed = check(&all, &[], &["+4096", "+4096", "+4096"]);
        // The first hundred became one; what follows stands elsewhere now.
        let merged = segments([12_288].into_iter().chain(100..12_288));
        let listed = check(&merged, &listed, &["+3997", "=4096", "=4096"]);
        // In the middle, and new segments at the end.
        let merged = [12_288].into_iter().chain(100..5000).chain([12_289]).chain(5100..12_288).chain(12_290..12_300);
        let listed = check(&segments(merged), &listed, &["+4096", "+3898", "=4096", "+10"]);
        // All of it.
        check(&segments([12_400]), &listed, &["+1"]);
        check(&[], &listed, &[]);
    }
}
