//! The flags that say how text is read, as the libraries want them.

use at1_codec::{
    HeaderOption, Profile, ReadOptions,
    column::{NullWords, Pin},
    text::{DialectOptions, FormatOption, Pattern, QuoteOption},
};
use at1_table::AppendOptions;

use crate::{
    args::{Effort, Header, ProfileArg, Reading, Text},
    failure::Failure,
    words::QuoteByte,
};

impl Reading {
    pub(crate) fn format(&self) -> Result<FormatOption, Failure> {
        let is_patterned = !self.patterns.is_empty();
        if is_patterned && !matches!(self.text, Text::Auto | Text::Lines) {
            return Err(Failure::usage_words("--pattern says how lines are cut: it goes with --text lines"));
        }
        Ok(match self.text {
            Text::Auto | Text::Lines if is_patterned => {
                let pattern = Pattern::new(&self.patterns);
                FormatOption::Lines(Some(pattern.map_err(|e| Failure::usage_words(format!("--pattern: {e}")))?))
            }
            Text::Auto => FormatOption::Auto,
            Text::Csv => FormatOption::Delimited,
            Text::Ndjson => FormatOption::Json,
            Text::Lines => FormatOption::Lines(None),
        })
    }

    pub(crate) fn header(&self) -> HeaderOption {
        match self.header {
            Header::Auto => HeaderOption::Auto,
            Header::Yes => HeaderOption::Yes,
            Header::No => HeaderOption::No,
        }
    }

    /// Names, if any were given.
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    pub(crate) fn quote(&self) -> Option<QuoteOption> {
        self.quote.map(|quote| match quote {
            QuoteByte::None => QuoteOption::None,
            QuoteByte::Byte(byte) => QuoteOption::Byte(byte),
        })
    }

    /// The words that replace the usual ones, if any were given.
    pub(crate) fn nulls(&self) -> Option<NullWords> {
        (!self.nulls.is_empty()).then(|| self.nulls.iter().map(|word| word.as_bytes()).collect())
    }

    /// For batches of a table.
    pub(crate) fn append(&self, effort: &Effort) -> Result<AppendOptions, Failure> {
        Ok(AppendOptions {
            format: self.format()?,
            header: self.header(),
            names: self.names(),
            delimiter: self.delimiter,
            quote: self.quote(),
            nulls: self.nulls(),
            pins: pins(&self.types)?,
            profile: effort.profile.profile(),
            ..AppendOptions::default()
        })
    }

    /// For a file by itself.
    pub(crate) fn options(&self) -> Result<ReadOptions, Failure> {
        let dialect = DialectOptions { delimiter: self.delimiter, quote: self.quote() };
        let nulls = self.nulls().unwrap_or_default();
        Ok(ReadOptions { format: self.format()?, dialect, header: self.header(), nulls })
    }
}

/// `COL=TYPE` flags.
pub(crate) fn pins(types: &[(String, String)]) -> Result<Vec<(String, Pin)>, Failure> {
    let pins = types.iter().map(|(column, word)| {
        let pin = word
            .parse()
            .map_err(|e: at1_codec::column::UnknownPin| Failure::usage_words(format!("--type {column}: {e}")))?;
        Ok((column.clone(), pin))
    });
    pins.collect()
}

impl ProfileArg {
    pub(crate) fn profile(self) -> Profile {
        match self {
            Self::Fast => Profile::Fast,
            Self::Balanced => Profile::Balanced,
            Self::Max => Profile::Max,
        }
    }
}
