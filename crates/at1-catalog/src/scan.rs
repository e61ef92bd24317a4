//! Reading what survives: one segment, row group by row group.
//!
//! * A row group or page is read only if its zone lets a row match; columns that the predicate does not name are decoded
//!   for matching rows only, and where a zone proves that every row matches the predicate is not evaluated.
//! * Pruning never changes what comes out, only what is read: [`crate::Pruning::Off`] gives the same batches.
//! * Memory is bounded by one row group of the columns that are tested or read again as another type, plus a batch.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions, UInt64Array,
        new_null_array,
    },
    buffer::BooleanBuffer,
    compute::{concat, filter},
    datatypes::{DataType, SchemaRef},
};
use at1_codec::Unpacked;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::{
    Error, Explanation, Pruning, Reasons, Request, Result, RowNumbers, Source, Statistics, Tally, Verdict, View, Zones,
    bloom,
    convert::{self, Conversion},
    dictionary,
    footer::{bits, exact_zones, group_rows, pages, stretches},
    origin::Origin,
    suspect::Suspect,
};

/// The matching rows of one segment, as an iterator of batches.
pub struct Scan<S: Source> {
    source: S,
    view: View,
    request: Request,
    schema: SchemaRef,
    /// For each column of the table that is read.
    origins: Vec<Option<Origin>>,
    groups: Zones,
    verdicts: Vec<Verdict>,
    next_group: usize,
    /// The ordinal of the next row group's first row.
    next_row: u64,
    current: Option<Group>,
    remaining: u64,
    statistics: Statistics,
    unpacked: Arc<Unpacked>,
    explanation: Explanation,
    failed: bool,
}

/// The matching rows of one row group, and what is left to read of it.
struct Group {
    /// Ordinals of the matching rows, if they were asked for.
    ordinals: Option<UInt64Array>,
    rows: usize,
    at: usize,
    /// Per column of the projection that is already decoded: its values for all matching rows.
    ready: Vec<Option<ArrayRef>>,
    /// Reads the stored columns that are not, in the order of the file.
    reader: Option<ParquetRecordBatchReader>,
    stored: Vec<usize>,
}

impl<S: Source> Scan<S> {
    /// Starts to scan a segment whose first row has the ordinal `first_row`.
    ///
    /// Nothing but metadata is looked at before the first batch is asked for.
    ///
    /// # Errors
    /// If the view does not fit the segment, or a column's type cannot be read as the table's.
    pub fn new(source: S, view: View, request: Request, first_row: u64) -> Result<Self> {
        Self::judged(source, view, request, first_row, Verdict::Read)
    }

    /// [`Scan::new`] of a segment of which its table knows a verdict; where every row matches, no zone is asked.
    ///
    /// # Errors
    /// As [`Scan::new`].
    pub fn judged(source: S, view: View, request: Request, first_row: u64, verdict: Verdict) -> Result<Self> {
        if *view.schema() != *request.predicate.schema() {
            return Err(Error::mismatch("view", "the schema that the predicate was bound to", "another"));
        }
        let metadata = source.metadata();
        let read = request.columns();
        let mut origins = vec![None; view.columns.len()];
        for &column in &read {
            origins[column] = Some(Origin::of(&source, &view, column)?);
        }
        let tested = match verdict {
            Verdict::Read => request.predicate.columns(),
            Verdict::Skip | Verdict::All => &[],
        };
        let groups = Zones::of_row_groups(&source, &view, tested.iter().copied())?;
        let verdicts = match verdict {
            Verdict::Read => request.verdicts(&groups),
            Verdict::Skip | Verdict::All => vec![verdict; groups.len()],
        };
        let mut explanation = Explanation::default();
        if request.reasons == Reasons::Tell {
            explanation.parts = request.predicate.parts();
            if request.pruning == Pruning::On && verdict == Verdict::Read {
                let reasons = request.predicate.reasons(&groups).into_iter().zip(&verdicts);
                let skipped = reasons.filter(|(_, verdict)| **verdict == Verdict::Skip);
                skipped.for_each(|(part, _)| explanation.row_groups.count(part, 1));
            }
        }
        let file = metadata.metadata();
        let mut statistics = Statistics {
            segments_total: 1,
            segments_scanned: 1,
            row_groups_total: groups.len() as u64,
            bytes_total: source.bytes_total(),
            ..Statistics::default()
        };
        for origin in origins.iter().flatten() {
            match origin {
                Origin::Stored(stored, _) => {
                    for group in 0..groups.len() {
                        statistics.pages_total += pages(file, group, *stored)?.len() as u64;
                    }
                    statistics.rejects += source.rejects(*stored);
                }
                // The rejects of what is read again are counted when it is.
                Origin::Reread(_) | Origin::Missing => {}
            }
        }
        Ok(Self {
            verdicts,
            schema: request.schema(),
            remaining: request.limit,
            next_group: 0,
            next_row: first_row,
            current: None,
            unpacked: Arc::default(),
            explanation,
            failed: false,
            source,
            view,
            request,
            origins,
            groups,
            statistics,
        })
    }

    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The verdict on each row group, as far as the footer tells.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// What was read so far.
    pub fn statistics(&self) -> Statistics {
        let counted = &self.statistics;
        Statistics {
            row_groups_skipped: counted.row_groups_total - counted.row_groups_scanned,
            pages_scanned: self.unpacked.pages(),
            pages_skipped: counted.pages_total.saturating_sub(self.unpacked.pages()),
            bytes_read: self.source.bytes_read(),
            bytes_read_opening: self.source.opening_bytes(),
            bytes_read_data: self.source.bytes_read().saturating_sub(self.source.opening_bytes()),
            bytes_unpacked: self.unpacked.bytes(),
            reads: self.source.reads(),
            ..*counted
        }
    }

    /// Why what was left out was, as far as the request asks for reasons.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// What is scanned.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Lets zones answer what they can of row groups of which every row matches; the rest comes as batches.
    pub(crate) fn answer(&mut self, tally: &mut Tally) -> Result<()> {
        if self.request.pruning == Pruning::Off || !self.verdicts.contains(&Verdict::All) {
            return Ok(());
        }
        let zones = exact_zones(&self.source, &self.view, &self.origins, &self.request.projection)?;
        let mut end = self.next_row;
        for group in 0..zones.len() {
            let (start, rows) = (end, zones.rows().value(group));
            end += rows;
            let is_whole = self.request.rows.start <= start && end <= self.request.rows.end;
            if is_whole && self.verdicts[group] == Verdict::All && tally.zones(&zones, group)? {
                self.verdicts[group] = Verdict::Skip;
                self.statistics.row_groups_answered += 1;
                self.statistics.rows_matched += rows;
            }
        }
        Ok(())
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.current.is_none() {
                if self.remaining == 0 || self.next_group == self.groups.len() {
                    return Ok(None);
                }
                self.current = self.open_next_group()?;
            }
            let Some(group) = &mut self.current else { continue };
            match group.next(&self.request, &self.view, &self.origins, &self.schema)? {
                Some(batch) => {
                    self.remaining -= batch.num_rows() as u64; // the rows of a group are cut to what remains
                    self.statistics.rows_matched += batch.num_rows() as u64;
                    return Ok(Some(batch));
                }
                None => self.current = None,
            }
        }
    }

    /// Tests the next row group; `None` if no row of it matches.
    fn open_next_group(&mut self) -> Result<Option<Group>> {
        let group = self.next_group;
        let first_row = self.next_row;
        let length = self.groups.rows().value(group);
        self.next_group += 1;
        self.next_row += length;
        let within = self.request.rows.start.max(first_row)..self.request.rows.end.min(first_row + length);
        if within.is_empty() || self.verdicts[group] == Verdict::Skip {
            return Ok(None);
        }
        let within = within.start - first_row..within.end - first_row;
        let Some(candidates) = self.candidates(group, within)? else { return Ok(None) };
        if self.is_ruled_out(group, &candidates)? {
            return Ok(None);
        }
        self.statistics.row_groups_scanned += 1;
        let mut opened = Opened { reread: vec![None; self.origins.len()], kept: vec![None; self.origins.len()] };
        let mut rows = match candidates.test.count_set_bits() {
            0 => candidates.sure,
            _ => self.test(group, candidates, &mut opened)?,
        };
        let mut count = rows.count_set_bits();
        if count as u64 > self.remaining {
            count = usize::try_from(self.remaining).unwrap_or(usize::MAX);
            rows = first_bits(&rows, count);
        }
        if count == 0 {
            return Ok(None);
        }
        self.open_rows(group, first_row, &rows, opened).map(Some)
    }

    /// The rows of a row group that zones leave; `None` if there are none.
    fn candidates(&mut self, group: usize, within: Range<u64>) -> Result<Option<Candidates>> {
        let length = bits(self.groups.rows().value(group))?;
        let mut candidates =
            Candidates { test: BooleanBuffer::new_unset(length), sure: BooleanBuffer::new_unset(length) };
        let whole = std::iter::once(within.clone());
        match (self.verdicts[group], self.request.pruning) {
            (Verdict::Skip, _) => return Ok(None),
            (Verdict::All, _) => candidates.sure = mask(length, whole)?,
            (Verdict::Read, Pruning::Off) => candidates.test = mask(length, whole)?,
            (Verdict::Read, Pruning::On) => {
                let (source, tested) = (&self.source, self.request.predicate.columns());
                let found = stretches(source, &self.view, group, tested, &self.groups)?;
                let verdicts = self.request.predicate.verdicts(&found.zones);
                if self.request.reasons == Reasons::Tell {
                    let reasons = self.request.predicate.reasons(&found.zones).into_iter().zip(&found.rows);
                    let skipped = reasons.zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Skip);
                    skipped.for_each(|((part, rows), _)| {
                        self.explanation.rows_by_pages.count(part, rows.end - rows.start);
                    });
                }
                let of = |wanted: Verdict| {
                    let stretches = found.rows.iter().zip(&verdicts).filter(move |(_, verdict)| **verdict == wanted);
                    stretches.map(|(rows, _)| rows.start.max(within.start)..rows.end.min(within.end))
                };
                candidates.test = mask(length, of(Verdict::Read))?;
                candidates.sure = mask(length, of(Verdict::All))?;
            }
        }
        let some = candidates.test.count_set_bits() + candidates.sure.count_set_bits() > 0;
        Ok(some.then_some(candidates))
    }

    /// Whether Bloom filters or dictionaries show that no candidate matches.
    fn is_ruled_out(&mut self, group: usize, candidates: &Candidates) -> Result<bool> {
        let rows = candidates.test.count_set_bits();
        // Where zones say that rows match, nothing else will say that none does.
        if self.request.pruning == Pruning::Off || rows == 0 || candidates.sure.count_set_bits() > 0 {
            return Ok(false);
        }
        let (source, origins, zones) = (&self.source, self.origins.as_slice(), self.groups.slice(group..group + 1)?);
        let suspect = Suspect { source, group, origins, zones, rows };
        let bound = &self.request.predicate;
        if let Some(part) = bloom::rules_out(&suspect, bound)? {
            self.statistics.row_groups_skipped_by_bloom += 1;
            self.explanation.row_groups_by_bloom.count(Some(part), 1);
        } else if let Some(part) = dictionary::rules_out(&suspect, bound)? {
            self.statistics.row_groups_skipped_by_dictionary += 1;
            self.explanation.row_groups_by_dictionary.count(Some(part), 1);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Tests candidates; gives the rows that match, and keeps what was decoded and is wanted in the output.
    fn test(&mut self, group: usize, candidates: Candidates, opened: &mut Opened) -> Result<BooleanBuffer> {
        let tested = self.request.predicate.columns().to_vec();
        for &column in &tested {
            if let Some(Origin::Reread(stored)) = self.origins[column] {
                opened.reread[column] = Some(self.reread(group, column, stored)?);
            }
        }
        let projected = |column: &usize| self.request.projection.contains(column);
        let stored = |column: &usize| matches!(self.origins[*column], Some(Origin::Stored(..)));
        let keep: Vec<usize> = tested.iter().copied().filter(|c| stored(c) && projected(c)).collect();
        // Columns that come out again are decoded here for every row that may come out, so that none is decoded twice.
        let (read, sure) = match keep.is_empty() {
            true => (candidates.test, candidates.sure),
            false => (&candidates.test | &candidates.sure, BooleanBuffer::new_unset(candidates.sure.len())),
        };
        let reading: Vec<usize> = tested.iter().copied().filter(stored).collect();
        let mut reader = self.reader(group, &reading, &read)?;
        let count = read.count_set_bits();
        let reread = opened.reread.iter().map(|array| array.as_ref().map(|array| pick(array, &read)).transpose());
        let reread = reread.collect::<Result<Vec<_>>>()?;
        let enough = if sure.count_set_bits() == 0 { self.remaining } else { u64::MAX };

        let mut matches = BooleanBufferBuilder::new(count);
        let mut kept: Vec<Vec<ArrayRef>> = vec![Vec::new(); keep.len()];
        let (mut at, mut found) = (0, 0u64);
        while at < count && found < enough {
            let batch = match &mut reader {
                Some(reader) => Some(reader.next().ok_or_else(|| short(group, count, at))??),
                None => None,
            };
            let rows = batch.as_ref().map_or(count - at, RecordBatch::num_rows);
            let mut arrays: Vec<Option<ArrayRef>> = vec![None; self.origins.len()];
            for &column in &tested {
                let target = self.view.schema.columns[column].ty.arrow();
                arrays[column] = Some(match (self.origins[column], &batch) {
                    (Some(Origin::Stored(stored, conversion)), Some(batch)) => {
                        let at = position(&reading, &self.origins, stored);
                        self.converted(column, batch.column(at), conversion, &target)?
                    }
                    (Some(Origin::Reread(_)), _) => reread[column].as_ref().expect("was read above").slice(at, rows),
                    _ => new_null_array(&target, rows),
                });
            }
            let answer = self.request.predicate.evaluate_columns(rows, |column| arrays[column].clone())?;
            // NULL is no match.
            let answer = match answer.nulls() {
                Some(valid) => answer.values() & valid.inner(),
                None => answer.values().clone(),
            };
            found += answer.count_set_bits() as u64;
            let filtering = BooleanArray::new(answer.clone(), None);
            for (kept, column) in kept.iter_mut().zip(&keep) {
                kept.push(filter(arrays[*column].as_ref().expect("is tested"), &filtering)?);
            }
            matches.append_buffer(&answer);
            at += rows;
        }
        matches.append_n(count - at, false);
        for (parts, column) in kept.into_iter().zip(&keep) {
            let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
            opened.kept[*column] = Some(concat(&parts)?);
        }
        Ok(&spread(&matches.finish(), &read) | &sure)
    }

    /// Prepares the output of the rows that match.
    fn open_rows(&mut self, group: usize, first_row: u64, rows: &BooleanBuffer, opened: Opened) -> Result<Group> {
        let projection = self.request.projection.clone();
        let mut ready: Vec<Option<ArrayRef>> = Vec::with_capacity(projection.len());
        let mut reading = Vec::new();
        for &column in &projection {
            ready.push(match self.origins[column] {
                Some(Origin::Stored(..)) => {
                    if opened.kept[column].is_none() {
                        reading.push(column);
                    }
                    opened.kept[column].clone()
                }
                Some(Origin::Reread(stored)) => match projection[..ready.len()].iter().position(|&c| c == column) {
                    Some(before) => ready[before].clone(),
                    None => {
                        let array = match &opened.reread[column] {
                            Some(array) => array.clone(),
                            None => self.reread(group, column, stored)?,
                        };
                        Some(pick(&array, rows)?)
                    }
                },
                _ => None,
            });
        }
        reading.sort_unstable();
        reading.dedup();
        let reader = self.reader(group, &reading, rows)?;
        let ordinals = (self.request.row_numbers == RowNumbers::Include)
            .then(|| rows.set_indices().map(|row| first_row + row as u64).collect::<Vec<_>>().into());
        let stored = stored_order(&reading, &self.origins);
        Ok(Group { ordinals, rows: rows.count_set_bits(), at: 0, ready, reader, stored })
    }

    /// Reads columns of the table that are stored, for some rows of a row group; nothing if there are no such columns.
    fn reader(
        &self,
        group: usize,
        columns: &[usize],
        rows: &BooleanBuffer,
    ) -> Result<Option<ParquetRecordBatchReader>> {
        let stored = stored_order(columns, &self.origins);
        if stored.is_empty() {
            return Ok(None);
        }
        let batch_rows = self.request.batch_rows;
        self.source.columns(group, &stored, rows, batch_rows, &self.unpacked).map(Some)
    }

    /// Reads the fields of a whole row group as the table's type.
    fn reread(&mut self, group: usize, column: usize, stored: usize) -> Result<ArrayRef> {
        let meaning = self.view.meaning(column);
        let (array, rejects) = self.source.read_as(group, stored, &meaning)?;
        let rows = group_rows(self.source.metadata().metadata().row_group(group))?;
        let (expected, found) = (meaning.ty.arrow(), array.data_type());
        if array.len() as u64 != rows || *found != expected {
            return Err(Error::corrupt(
                format!("row group {group}"),
                format!("{rows} values of type {expected}"),
                format!("{} of type {found}", array.len()),
            ));
        }
        self.statistics.rejects += rejects;
        Ok(array)
    }

    fn converted(&self, column: usize, array: &ArrayRef, conversion: Conversion, to: &DataType) -> Result<ArrayRef> {
        converted(&self.view, column, array, conversion, to)
    }
}

impl<S: Source> Iterator for Scan<S> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.batch().map_err(|e| self.source.explain(e)).transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }
}

impl Group {
    fn next(
        &mut self,
        request: &Request,
        view: &View,
        origins: &[Option<Origin>],
        schema: &SchemaRef,
    ) -> Result<Option<RecordBatch>> {
        if self.at == self.rows {
            return Ok(None);
        }
        let batch = match &mut self.reader {
            Some(reader) => Some(reader.next().ok_or_else(|| short(0, self.rows, self.at))??),
            None => None,
        };
        let rows = batch.as_ref().map_or((self.rows - self.at).min(request.batch_rows), RecordBatch::num_rows);
        if rows == 0 || rows > self.rows - self.at {
            return Err(short(0, self.rows, self.at + rows));
        }
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (ready, &column) in self.ready.iter().zip(&request.projection) {
            let target = view.schema.columns[column].ty.arrow();
            columns.push(match (ready, origins[column], &batch) {
                (Some(ready), ..) => ready.slice(self.at, rows),
                (None, Some(Origin::Stored(stored, conversion)), Some(batch)) => {
                    let at = self.stored.partition_point(|&other| other < stored);
                    converted(view, column, batch.column(at), conversion, &target)?
                }
                _ => new_null_array(&target, rows),
            });
        }
        if let Some(ordinals) = &self.ordinals {
            columns.push(Arc::new(ordinals.slice(self.at, rows)));
        }
        self.at += rows;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(Some(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?))
    }
}

/// The rows of a row group that may match.
struct Candidates {
    /// They must be tested.
    test: BooleanBuffer,
    /// They match for sure.
    sure: BooleanBuffer,
}

/// What was decoded of a row group while it was tested, by column of the table.
struct Opened {
    /// Values of all rows, of columns whose fields were read again.
    reread: Vec<Option<ArrayRef>>,
    /// Values of the matching rows; of more rows than come out if a limit cuts these.
    kept: Vec<Option<ArrayRef>>,
}

fn converted(view: &View, column: usize, array: &ArrayRef, conversion: Conversion, to: &DataType) -> Result<ArrayRef> {
    match conversion {
        Conversion::Same => Ok(array.clone()),
        _ => convert::values(array, to).map_err(|e| e.within(&format!("column {}", view.schema.columns[column].name))),
    }
}

/// The stored columns of columns of the table, as a reader gives them: ascending, each once.
fn stored_order(columns: &[usize], origins: &[Option<Origin>]) -> Vec<usize> {
    let mut stored: Vec<usize> = columns
        .iter()
        .filter_map(|&column| match origins[column] {
            Some(Origin::Stored(stored, _)) => Some(stored),
            _ => None,
        })
        .collect();
    stored.sort_unstable();
    stored.dedup();
    stored
}

/// Where a reader of `columns` gives the stored column.
fn position(columns: &[usize], origins: &[Option<Origin>], stored: usize) -> usize {
    stored_order(columns, origins).partition_point(|&other| other < stored)
}

fn short(group: usize, expected: usize, found: usize) -> Error {
    Error::corrupt(format!("row group {group}"), format!("{expected} rows"), found)
}

fn pick(array: &ArrayRef, rows: &BooleanBuffer) -> Result<ArrayRef> {
    Ok(filter(array, &BooleanArray::new(rows.clone(), None))?)
}

/// A bit for each of `length` rows, set in ascending ranges.
fn mask(length: usize, ranges: impl Iterator<Item = Range<u64>>) -> Result<BooleanBuffer> {
    let mut mask = BooleanBufferBuilder::new(length);
    for range in ranges.filter(|range| range.start < range.end) {
        mask.append_n(bits(range.start)? - mask.len(), false);
        mask.append_n(bits(range.end)? - mask.len(), true);
    }
    mask.append_n(length - mask.len(), false);
    Ok(mask.finish())
}

/// Puts answers about the set bits of `among` back in their places.
fn spread(answers: &BooleanBuffer, among: &BooleanBuffer) -> BooleanBuffer {
    if answers.len() == among.len() {
        return answers.clone();
    }
    let mut all = BooleanBufferBuilder::new(among.len());
    let mut at = 0;
    for (from, to) in among.set_slices() {
        all.append_n(from - all.len(), false);
        all.append_buffer(&answers.slice(at, to - from));
        at += to - from;
    }
    all.append_n(among.len() - all.len(), false);
    all.finish()
}

/// The first `count` set bits.
fn first_bits(mask: &BooleanBuffer, count: usize) -> BooleanBuffer {
    let end = mask.set_indices().nth(count).unwrap_or(mask.len());
    let mut cut = BooleanBufferBuilder::new(mask.len());
    cut.append_buffer(&mask.slice(0, end));
    cut.append_n(mask.len() - end, false);
    cut.finish()
}
