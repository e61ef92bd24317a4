//! Segments as DataFusion's Parquet source reads them in this process: already open, their footers parsed once.
//!
//! * A convenience for speed. Plans that go elsewhere lose it, and read through [`SegmentStore`](crate::segments::SegmentStore) instead:
//!   the same bytes, hashed the same way.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use datafusion::{
    datasource::{
        listing::PartitionedFile,
        physical_plan::{ParquetFileMetrics, ParquetFileReaderFactory},
    },
    error::Result,
    parquet::{
        arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
        errors::ParquetError,
        file::metadata::ParquetMetaData,
    },
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use futures::{FutureExt as _, future::BoxFuture};
use object_store::path::Path as Location;

use crate::segments;

/// Makes readers of segments.
#[derive(Debug)]
pub(crate) struct SegmentReaders;

impl ParquetFileReaderFactory for SegmentReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let location = file.object_meta.location;
        let metrics = ParquetFileMetrics::new(partition, location.as_ref(), metrics);
        Ok(Box::new(SegmentReader { location, metrics }))
    }
}

struct SegmentReader {
    location: Location,
    metrics: ParquetFileMetrics,
}

fn failed(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for SegmentReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move { Ok(self.get_byte_ranges(vec![range]).await?.remove(0)) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let bytes: u64 = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        self.metrics.bytes_scanned.add(usize::try_from(bytes).unwrap_or(usize::MAX));
        let location = self.location.clone();
        segments::off_thread(move || segments::read(&location, &ranges)).map(|read| read.map_err(failed)).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let location = self.location.clone();
        let open = move || Ok(Arc::clone(segments::open(&location)?.metadata().metadata()));
        segments::off_thread(open).map(|opened| opened.map_err(failed)).boxed()
    }
}
