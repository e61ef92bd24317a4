//! Statements as text: how they are read, and what must be known of them before they are planned.

use at1_table::SYSTEM_COLUMNS;
use datafusion::{
    error::Result,
    prelude::SessionConfig,
    sql::{
        parser::{DFParserBuilder, Statement},
        sqlparser::tokenizer::{Token, Tokenizer},
    },
};

use crate::{dialect::At1Dialect, types::SystemColumns};

/// How a session reads SQL over tables of AT1: names are case-sensitive, since headers are, and numbers with a point are decimals, so that
/// `price > 43250.17` compares exactly.
pub fn config() -> SessionConfig {
    let mut config = SessionConfig::new().with_information_schema(true);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.parse_float_as_decimal = true;
    // Tables cut their scans by themselves, by rows rather than by bytes.
    options.optimizer.repartition_file_scans = false;
    config
}

/// The statements of a text.
///
/// # Errors
/// If it is no SQL.
pub fn parse(text: &str) -> Result<Vec<Statement>> {
    let statements = DFParserBuilder::new(text).with_dialect(&At1Dialect).build()?.parse_statements()?;
    Ok(statements.into())
}

/// Whether tables must show their system columns to a statement: it names one of them somewhere.
///
/// ```
/// use at1_datafusion::{SystemColumns, statement};
/// let named = statement::parse("SELECT symbol, _row FROM t")?;
/// assert_eq!(statement::system_columns(&named[0]), SystemColumns::Shown);
/// let others = statement::parse("SELECT '_row' AS word FROM t")?;
/// assert_eq!(statement::system_columns(&others[0]), SystemColumns::Hidden);
/// # Ok::<(), datafusion::error::DataFusionError>(())
/// ```
pub fn system_columns(statement: &Statement) -> SystemColumns {
    let text = statement.to_string();
    let words = Tokenizer::new(&At1Dialect, &text).tokenize().unwrap_or_default();
    let is_system = |word: &str| SYSTEM_COLUMNS.iter().any(|column| column.name() == word);
    match words.iter().any(|token| matches!(token, Token::Word(word) if is_system(&word.value))) {
        true => SystemColumns::Shown,
        false => SystemColumns::Hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_columns_are_seen_where_they_are_named() {
        for (text, named) in [
            ("SELECT _row FROM t", true),
            ("SELECT x FROM t ORDER BY t._batch", true),
            ("SELECT \"_event\" FROM t", true),
            ("SELECT '_row' FROM t", false),
            ("SELECT x FROM t -- _row", false),
            ("EXPLAIN SELECT count(*) FROM t WHERE _source = 'a'", true),
            ("SELECT my_row FROM t", false),
        ] {
            let expected = if named { SystemColumns::Shown } else { SystemColumns::Hidden };
            assert_eq!(system_columns(&parse(text).unwrap()[0]), expected, "{text}");
        }
    }

    #[test]
    fn several_statements() {
        assert_eq!(parse("SELECT 1; SELECT 2;").unwrap().len(), 2);
        assert_eq!(parse(" ; ").unwrap().len(), 0);
        let error = parse("SELEC 1").unwrap_err();
        assert!(error.to_string().contains("SELEC"), "{error}");
    }
}
