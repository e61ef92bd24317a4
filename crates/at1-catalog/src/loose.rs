//! Segments that belong to no table, asked as if they were one.
//!
//! * All have the same columns; rows are numbered through, in the order in which the segments were given.
//! * Each segment's own footer tells its zones, so segments that cannot match are left out here as a table's are by its manifest. Whether
//!   a footer tells the truth is a matter of the trust that the segment was opened with.

use at1_codec::{Schema, Segment};

use crate::{Candidate, Catalog, Error, Opened, Request, Result, TableScan, Totals, View, Zones};

/// Opens a segment that a scan has come to.
pub type OpenLoose = Box<dyn FnOnce() -> Result<Opened<Segment>> + Send>;

/// A scan of segments that belong to no table.
pub type LooseScan = TableScan<Segment, Box<dyn Iterator<Item = Result<Candidate<OpenLoose>>> + Send>>;

/// Segments that belong to no table.
///
/// ```
/// use std::sync::Arc;
/// use at1_catalog::Loose;
/// use at1_codec::{EncodeOptions, Form, Segment, Trust, encode};
///
/// let segment = |text: &str| {
///     let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
///     Segment::open(Arc::new(encode(text.as_bytes(), &options)?), Trust::OwnSeal)
/// };
/// let loose = Loose::new([
///     ("monday.at1".to_owned(), segment("id,price\n1,9.50\n2,10.00\n")?),
///     ("tuesday.at1".to_owned(), segment("id,price\n3,11.25\n")?),
/// ])?;
/// let mut scan = loose.scan(loose.catalog().request(&"price > 10".parse()?)?)?;
/// let rows: usize = scan.by_ref().map(|batch| batch.map(|batch| batch.num_rows())).sum::<Result<_, _>>()?;
/// assert_eq!((rows, scan.statistics().segments_skipped), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Loose {
    catalog: Catalog,
    segments: Vec<Segment>,
    zones: Zones,
}

impl Loose {
    /// These segments, each with the name that messages call it.
    ///
    /// # Errors
    /// If there are none, or one has other columns than the first.
    pub fn new(segments: impl IntoIterator<Item = (String, Segment)>) -> Result<Self> {
        let (names, segments): (Vec<_>, Vec<_>) = segments.into_iter().unzip();
        let (Some(first), Some(first_name)) = (segments.first(), names.first()) else {
            return Err(Error::mismatch("segments", "at least one", "none"));
        };
        let schema = first.schema().clone();
        let view = View::same(&schema);
        let mut zones = vec![];
        for (segment, name) in segments.iter().zip(&names) {
            if let Some((expected, found)) = difference(&schema, segment.schema()) {
                return Err(Error::mismatch(name.as_str(), format!("{expected}, as in {first_name}"), found));
            }
            zones.push(Zones::of_segment(segment, &view).map_err(|e| e.within(name))?);
        }
        let zones = Zones::concat(&zones.iter().collect::<Vec<_>>())?;
        Ok(Self { catalog: Catalog::new(schema), segments, zones })
    }

    /// Their columns, for requests.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The segments, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Their rows together.
    pub fn rows(&self) -> u64 {
        self.segments.iter().map(Segment::rows).sum()
    }

    /// Scans those that may hold rows of interest.
    ///
    /// # Errors
    /// If the request asks for what there is not.
    pub fn scan(&self, request: Request) -> Result<LooseScan> {
        let totals =
            Totals { segments: self.segments.len() as u64, bytes: self.segments.iter().map(Segment::size).sum() };
        let verdicts = request.verdicts(&self.zones);
        let view = View::same(self.catalog.schema());
        let mut end = 0;
        let candidates: Vec<_> = self
            .segments
            .iter()
            .zip(verdicts)
            .map(|(segment, verdict)| {
                let (first_row, rows) = (end, segment.rows());
                end += rows;
                let (source, view) = (segment.clone(), view.clone());
                let open: OpenLoose = Box::new(move || Ok(Opened { source, view }));
                Ok(Candidate { first_row, rows, verdict, zones: None, open })
            })
            .collect();
        Ok(self.catalog.scan(request, totals, Box::new(candidates.into_iter())))
    }
}

/// What the first schema has and the second has not.
fn difference(first: &Schema, other: &Schema) -> Option<(String, String)> {
    if first.columns.len() != other.columns.len() {
        return Some((format!("{} columns", first.columns.len()), other.columns.len().to_string()));
    }
    let (expected, found) = first.columns.iter().zip(&other.columns).find(|(first, other)| first != other)?;
    let words = |column: &at1_codec::Column| {
        format!("column {} of {}", column.header.as_deref().unwrap_or(&column.name), column.ty)
    };
    Some((words(expected), words(found)))
}
