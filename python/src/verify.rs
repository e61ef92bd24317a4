//! What a verification is asked to look at, and what it says.

use at1_ledger::{Memory, Policy};
use at1_python::{Failure, Result};
use at1_table::{Hashing, RowsCheck, VerifyOptions, VerifyReport};
use pyo3::{FromPyObject, pybacked::PyBackedBytes};

/// What the verifier brings along.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Demands {
    rows: bool,
    heads: Vec<String>,
    policy: Option<PyBackedBytes>,
    memory: Option<PyBackedBytes>,
    new_only: bool,
}

impl Demands {
    pub(crate) fn options(&self) -> Result<VerifyOptions> {
        let head = |head: &String| head.parse().map_err(|e| Failure::invalid("heads", "", format!("{head}: {e}")));
        Ok(VerifyOptions {
            rows: if self.rows { RowsCheck::Derive } else { RowsCheck::Skip },
            heads: self.heads.iter().map(head).collect::<Result<_>>()?,
            policy: self.policy.as_deref().map(policy).transpose()?,
            memory: self.memory.as_deref().map(Memory::parse).transpose()?,
            hashing: if self.new_only { Hashing::New } else { Hashing::All },
            ..VerifyOptions::default()
        })
    }
}

/// A policy that does not parse is the caller's, not the table's.
pub(crate) fn policy(text: &[u8]) -> Result<Policy> {
    Policy::parse(text).map_err(|e| Failure::invalid("policy", "", e))
}

/// The report as JSON, and what is to be remembered if all held.
pub(crate) fn told(report: &VerifyReport) -> (String, Option<String>) {
    let verdict = report.verdict();
    let mut json = report.to_json();
    json["verdict"] = format!("{verdict:?}").to_lowercase().into();
    json["exit_code"] = verdict.exit_code().into();
    json["evidence"] = report.evidence.iter().map(at1_table::Evidence::to_json).collect();
    let memory = report.memory.as_ref().filter(|_| verdict == at1_table::Verdict::Holds);
    (json.to_string(), memory.map(Memory::to_text))
}
