//! How text is read and appended, as the package passes it on: a dictionary with every key, `None` where nothing was said.

use at1_codec::{
    HeaderOption, Profile, ReadOptions,
    column::{NullWords, Pin},
    text::{DialectOptions, FormatOption, Pattern, QuoteOption},
};
use at1_ledger::Idempotency;
use at1_python::{Failure, Result};
use at1_table::{AppendOptions, Strictness};
use pyo3::prelude::*;

/// How text is read.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Reading {
    text: String,
    pattern: Option<Vec<String>>,
    header: String,
    names: Option<Vec<String>>,
    delimiter: Option<String>,
    quote: Option<String>,
    nulls: Option<Vec<String>>,
    types: Vec<(String, String)>,
    profile: String,
}

/// What else an append is told.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Terms {
    note: Option<String>,
    sha256: Option<String>,
    max_rejects: Option<u64>,
    strict: bool,
    idempotency_key: Option<(String, u64)>,
    expected_version: Option<u64>,
}

impl Reading {
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        self.names.clone()
    }

    pub(crate) fn profile(&self) -> Result<Profile> {
        profile(&self.profile)
    }

    pub(crate) fn pins(&self) -> Result<Vec<(String, Pin)>> {
        pins(&self.types)
    }

    pub(crate) fn options(&self) -> Result<ReadOptions> {
        let dialect = DialectOptions { delimiter: self.delimiter()?, quote: self.quote()? };
        let nulls = self.nulls().unwrap_or_default();
        Ok(ReadOptions { format: self.format()?, dialect, header: self.header()?, nulls })
    }

    pub(crate) fn append(&self, terms: &Terms) -> Result<AppendOptions> {
        let idempotency = terms.idempotency_key.clone().map(|(producer, sequence)| Idempotency { producer, sequence });
        Ok(AppendOptions {
            format: self.format()?,
            header: self.header()?,
            names: self.names(),
            delimiter: self.delimiter()?,
            quote: self.quote()?,
            nulls: self.nulls(),
            pins: self.pins()?,
            profile: self.profile()?,
            note: terms.note.clone(),
            sha256: terms.sha256.as_deref().map(sha256).transpose()?,
            max_rejects: terms.max_rejects,
            strictness: if terms.strict { Strictness::Strict } else { Strictness::Lenient },
            idempotency,
            expected_version: terms.expected_version,
        })
    }

    fn format(&self) -> Result<FormatOption> {
        if let Some(ways) = &self.pattern {
            if self.text != "lines" && self.text != "auto" {
                return Err(Failure::invalid("pattern", "none but with lines", &self.text));
            }
            return Ok(FormatOption::Lines(Some(Pattern::new(ways)?)));
        }
        match self.text.as_str() {
            "auto" => Ok(FormatOption::Auto),
            "csv" => Ok(FormatOption::Delimited),
            "ndjson" => Ok(FormatOption::Json),
            "lines" => Ok(FormatOption::Lines(None)),
            other => Err(Failure::invalid("text", "auto, csv, ndjson or lines", other)),
        }
    }

    fn header(&self) -> Result<HeaderOption> {
        match self.header.as_str() {
            "auto" => Ok(HeaderOption::Auto),
            "yes" => Ok(HeaderOption::Yes),
            "no" => Ok(HeaderOption::No),
            other => Err(Failure::invalid("header", "auto, yes or no", other)),
        }
    }

    fn delimiter(&self) -> Result<Option<u8>> {
        self.delimiter.as_deref().map(|text| one_byte("delimiter", text)).transpose()
    }

    fn quote(&self) -> Result<Option<QuoteOption>> {
        Ok(match self.quote.as_deref() {
            None => None,
            Some("" | "none") => Some(QuoteOption::None),
            Some(text) => Some(QuoteOption::Byte(one_byte("quote", text)?)),
        })
    }

    fn nulls(&self) -> Option<NullWords> {
        self.nulls.as_ref().map(|words| words.iter().map(|word| word.as_bytes()).collect())
    }
}

/// Speed against size.
pub(crate) fn profile(word: &str) -> Result<Profile> {
    match word {
        "fast" => Ok(Profile::Fast),
        "balanced" => Ok(Profile::Balanced),
        "max" => Ok(Profile::Max),
        other => Err(Failure::invalid("profile", "fast, balanced or max", other)),
    }
}

/// Types of columns, as `--type` takes them.
pub(crate) fn pins(types: &[(String, String)]) -> Result<Vec<(String, Pin)>> {
    let pin = |(column, word): &(String, String)| {
        let pin = word.parse().map_err(|e| Failure::invalid(format!("type of {column}"), "", e))?;
        Ok((column.clone(), pin))
    };
    types.iter().map(pin).collect()
}

fn one_byte(place: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(Failure::invalid(place, "one ASCII character", format!("{text:?}"))),
    }
}

fn sha256(hex: &str) -> Result<[u8; 32]> {
    let digest: Result<at1_ledger::Digest, _> = hex.parse();
    digest.map(|digest| digest.0).map_err(|_| Failure::invalid("sha256", "64 hexadecimal digits", hex))
}
