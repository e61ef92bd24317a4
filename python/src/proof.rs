//! Proofs, checked with nothing but a policy.

use at1_ledger::{Beside, Shown, check_proof};
use at1_python::Result;
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};
use serde_json::json;

use crate::verify::policy;

/// What a proof shows, as JSON, and the exact rows that it is of.
#[pyfunction]
#[pyo3(signature = (proof, trusted, rows, event, old))]
pub(crate) fn check<'py>(
    py: Python<'py>,
    proof: PyBackedBytes,
    trusted: PyBackedBytes,
    rows: Option<PyBackedBytes>,
    event: Option<PyBackedBytes>,
    old: Option<PyBackedBytes>,
) -> Result<(String, Vec<Bound<'py, PyBytes>>)> {
    let trusted = policy(&trusted)?;
    let beside = Beside { rows: rows.as_deref(), event: event.as_deref() };
    let proved = py.detach(|| check_proof(&proof, beside, old.as_deref(), &trusted))?;
    let mut told = json!({
        "summary": proved.to_string(),
        "origin": proved.checkpoint.origin,
        "events": proved.checkpoint.size,
        "root": proved.checkpoint.root.to_string(),
        "signed": proved.trust.signed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "cosigned": proved.trust.cosigned.iter().map(|witness| witness.name.to_string()).collect::<Vec<_>>(),
        "weakness": trusted.weakness(),
    });
    let mut exact = vec![];
    match &proved.what {
        Shown::Checkpoint => told["of"] = json!("checkpoint"),
        Shown::Growth { old, .. } => {
            told["of"] = json!("growth");
            told["old_events"] = json!(old.size);
        }
        Shown::Event(event) => {
            told["of"] = json!("event");
            told["event"] = json!(event.n);
            told["ts"] = json!(event.ts.to_string());
        }
        Shown::Rows(event, shown) => {
            told["of"] = json!("rows");
            told["event"] = json!(event.n);
            told["ts"] = json!(event.ts.to_string());
            told["batch"] = json!(shown.batch);
            told["first_in_batch"] = json!(shown.first);
            told["first_row"] = json!(shown.first_in_table);
            told["source"] = json!(shown.record.name);
            exact = shown.rows.iter().map(|row| PyBytes::new(py, row)).collect();
        }
    }
    Ok((told.to_string(), exact))
}
