//! What a column holds, and where a segment's bytes come from: the types that every module of this crate shares.
//!
//! * A [`ColumnType`] says what queries see; how its values were spelled is the business of [`crate::column`].
//! * Physical names are safe for every engine that reads Parquet; the raw header is kept beside them.

use std::{fmt, io, str::FromStr, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit as ArrowTimeUnit};

/// The resolution of a timestamp column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeUnit {
    /// Microseconds since 1970-01-01, the unit that every engine reads.
    Micros,
    /// Nanoseconds since 1970-01-01, used only where the text is finer than a microsecond.
    Nanos,
}

/// Whether a timestamp names an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Zone {
    /// A wall-clock reading without a zone.
    Naive,
    /// An instant; the text carried `Z` or an offset.
    Utc,
}

/// What a column holds, as queries see it.
///
/// ```
/// use at1_codec::ColumnType;
/// let price: ColumnType = "decimal(18,2)".parse()?;
/// assert_eq!(price, ColumnType::Decimal { precision: 18, scale: 2 });
/// assert_eq!(price.to_string(), "decimal(18,2)");
/// # Ok::<(), at1_codec::UnknownType>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// A 64-bit signed integer.
    Int64,
    /// An exact decimal of 18 or 38 digits.
    Decimal {
        /// 18 or 38.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// An IEEE 754 double.
    Float64,
    /// True or false.
    Boolean,
    /// A calendar day.
    Date,
    /// A date with a time of day.
    Timestamp {
        /// Resolution.
        unit: TimeUnit,
        /// With or without zone.
        zone: Zone,
    },
    /// UTF-8 text.
    Text,
    /// Bytes that are not UTF-8.
    Binary,
}

impl ColumnType {
    /// The Arrow type in which the column is stored and read.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Int64 => DataType::Int64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale.cast_signed()),
            Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp { unit, zone } => {
                let unit = match unit {
                    TimeUnit::Micros => ArrowTimeUnit::Microsecond,
                    TimeUnit::Nanos => ArrowTimeUnit::Nanosecond,
                };
                DataType::Timestamp(unit, (zone == Zone::Utc).then(|| Arc::from("UTC")))
            }
            Self::Text => DataType::Utf8,
            Self::Binary => DataType::Binary,
        }
    }

    /// The column type that is stored as `ty`, if there is one.
    pub(crate) fn of_arrow(ty: &DataType) -> Option<Self> {
        let unit = |unit: &ArrowTimeUnit| match unit {
            ArrowTimeUnit::Microsecond => Some(TimeUnit::Micros),
            ArrowTimeUnit::Nanosecond => Some(TimeUnit::Nanos),
            _ => None,
        };
        let found = match ty {
            DataType::Int64 => Self::Int64,
            DataType::Decimal128(precision, scale) => {
                Self::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
            }
            DataType::Float64 => Self::Float64,
            DataType::Boolean => Self::Boolean,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(resolution, zone) => {
                let zone = if zone.is_some() { Zone::Utc } else { Zone::Naive };
                Self::Timestamp { unit: unit(resolution)?, zone }
            }
            DataType::Utf8 => Self::Text,
            DataType::Binary => Self::Binary,
            _ => return None,
        };
        let known =
            !matches!(found, Self::Decimal { precision, scale } if ![18, 38].contains(&precision) || scale > precision);
        (known && found.arrow() == *ty).then_some(found)
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Int64 => "int64",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision},{scale})"),
            Self::Float64 => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp { unit: TimeUnit::Micros, zone: Zone::Naive } => "timestamp",
            Self::Timestamp { unit: TimeUnit::Micros, zone: Zone::Utc } => "timestamptz",
            Self::Timestamp { unit: TimeUnit::Nanos, zone: Zone::Naive } => "timestamp_ns",
            Self::Timestamp { unit: TimeUnit::Nanos, zone: Zone::Utc } => "timestamptz_ns",
            Self::Text => "text",
            Self::Binary => "binary",
        };
        f.write_str(word)
    }
}

/// A word that names no column type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownType(pub String);

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown type: expected int64, decimal(18,S), decimal(38,S), double, boolean, date, timestamp, timestamptz, \
             timestamp_ns, timestamptz_ns, text or binary, found {}",
            self.0
        )
    }
}

impl std::error::Error for UnknownType {}

impl FromStr for ColumnType {
    type Err = UnknownType;

    fn from_str(word: &str) -> Result<Self, UnknownType> {
        let timestamp = |unit, zone| Self::Timestamp { unit, zone };
        Ok(match word {
            "int64" => Self::Int64,
            "double" => Self::Float64,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => timestamp(TimeUnit::Micros, Zone::Naive),
            "timestamptz" => timestamp(TimeUnit::Micros, Zone::Utc),
            "timestamp_ns" => timestamp(TimeUnit::Nanos, Zone::Naive),
            "timestamptz_ns" => timestamp(TimeUnit::Nanos, Zone::Utc),
            "text" => Self::Text,
            "binary" => Self::Binary,
            _ => return decimal(word).ok_or_else(|| UnknownType(word.to_owned())),
        })
    }
}

/// `decimal(18,2)` and nothing looser.
fn decimal(word: &str) -> Option<ColumnType> {
    let (precision, scale) = word.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let precision = match precision {
        "18" => 18,
        "38" => 38,
        _ => return None,
    };
    let scale: u8 = scale.trim().parse().ok()?;
    (scale <= precision).then_some(ColumnType::Decimal { precision, scale })
}

/// One column of a segment or table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The physical name: unique also but for case, and free of ` ,;{}()=` and control characters.
    pub name: String,
    /// The name as the source's header spells it (invalid UTF-8 replaced), if it had one.
    pub header: Option<String>,
    /// What it holds.
    pub ty: ColumnType,
}

/// The columns of a segment or table, in table order. The field id of column `i` is `i + 1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// In table order.
    pub columns: Vec<Column>,
}

impl Schema {
    /// A schema whose physical names are made from `headers`; a missing header gives `c0`, `c1` … by position.
    ///
    /// ```
    /// use at1_codec::{ColumnType, Schema};
    /// let schema = Schema::named([(Some("ts"), ColumnType::Int64), (Some("TS"), ColumnType::Text), (None, ColumnType::Text)]);
    /// let names: Vec<_> = schema.columns.iter().map(|c| c.name.as_str()).collect();
    /// assert_eq!(names, ["ts", "TS_1", "c2"]);
    /// ```
    pub fn named<'a>(columns: impl IntoIterator<Item = (Option<&'a str>, ColumnType)>) -> Self {
        let mut schema = Self::default();
        for (header, ty) in columns {
            schema.push(header, ty);
        }
        schema
    }

    /// Adds a column, with a physical name that no other has.
    pub fn push(&mut self, header: Option<&str>, ty: ColumnType) {
        let position = self.columns.len();
        let base = match header.map(sanitise) {
            Some(name) if !name.is_empty() => name,
            _ => format!("c{position}"),
        };
        let mut name = base.clone();
        let mut suffix = position;
        while self.columns.iter().any(|c| c.name.eq_ignore_ascii_case(&name)) {
            name = format!("{base}_{suffix}");
            suffix += 1;
        }
        self.columns.push(Column { name, header: header.map(str::to_owned), ty });
    }

    /// The column that `word` names: by header, by physical name, or by position as `c0`, `c1` …, in that order.
    pub fn position(&self, word: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|c| c.header.as_deref() == Some(word))
            .or_else(|| self.columns.iter().position(|c| c.name == word))
            .or_else(|| word.strip_prefix('c')?.parse().ok().filter(|&i: &usize| i < self.columns.len()))
    }

    /// The Arrow schema, with Parquet field ids.
    pub fn arrow(&self) -> SchemaRef {
        let fields = self.columns.iter().enumerate().map(|(i, c)| {
            let id = ("PARQUET:field_id".to_owned(), (i + 1).to_string());
            Field::new(&c.name, c.ty.arrow(), true).with_metadata([id].into())
        });
        Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
    }
}

/// Replaces what Spark, Delta or case-folding engines refuse in a column name.
fn sanitise(header: &str) -> String {
    header.trim().chars().map(|c| if c.is_control() || " ,;{}()=".contains(c) { '_' } else { c }).collect()
}

/// Bytes that can be read at any place, by many at once: a file, a buffer, an object.
pub trait ReadAt: Send + Sync {
    /// The number of bytes there are.
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` if the bytes end before `buffer` is full, else whatever the storage reports.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let bytes = start.and_then(|start| self.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}

#[cfg(unix)]
impl ReadAt for std::fs::File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buffer, offset)
    }
}
