//! Is the newest root of the manifest what the events come to, and are its blocks there?
//!
//! * Queries rely on the root that an event binds, so it is made again from the ledger and the footers: it must have the same digest.
//! * A block that is missing or damaged changes no answer, and fails nothing: queries fold the ledger instead.

use at1_ledger::ManifestRef;

use super::{Code, Finding, VerifyReport};
use crate::{
    block_files,
    error::{Error, ErrorKind},
    paths,
    table::Table,
    version,
};

pub(super) fn check(table: &Table, bound: ManifestRef, report: &mut VerifyReport) {
    let store = table.shared_store();
    let made = version::first(&store, bound.events).and_then(|version| version.settled(&*store));
    match made.map(|made| made.reference()) {
        Ok(made) if made == bound => {}
        Ok(made) => {
            let place = format!("manifest of {} events", bound.events);
            let message = format!("expected sha256 {}, which the events come to, found {}", made.sha256, bound.sha256);
            report.findings.push(Finding::new(Code::Contradiction, place, message));
            report.chain = Some(false);
        }
        // A segment of that time was replaced and removed since, or is a finding of its own; without its zones nobody can tell.
        Err(error) if error.kind() == ErrorKind::Corrupt && error.place().starts_with(paths::SEGMENTS) => {}
        // Such as a bound that is no value of its column's type: no manifest can be made of that.
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            report.findings.push(Finding::new(Code::Contradiction, error.place(), error.to_string()));
            report.chain = Some(false);
        }
        Err(error) => report.findings.push(unreadable(&error)),
    }
    match block_files::faults(&store, bound) {
        Ok(faults) => {
            report
                .findings
                .extend(faults.into_iter().map(|(place, message)| Finding::new(Code::Block, place, message)));
        }
        Err(error) => report.findings.push(unreadable(&error)),
    }
}

fn unreadable(error: &Error) -> Finding {
    Finding::new(Code::Unreadable, error.place(), error.to_string())
}
