//! `at1 ledger anchor`: a time stamper's receipt, taken in.

use super::open;
use crate::{
    args::Anchor,
    failure::Failure,
    output::{Voice, count},
    outside,
};

pub(crate) fn run(args: &Anchor, voice: Voice) -> Result<(), Failure> {
    let table = open(&args.table, voice, "reading")?;
    let (stamped, receipt) = (outside::read(&args.checkpoint)?, outside::read(&args.receipt)?);
    let anchored = table.anchor(&stamped, &receipt)?;
    voice.tell(&anchored.to_json(), |out| {
        let time = anchored.time.map_or("a time that it does not show by itself".to_owned(), |time| time.to_string());
        let size = count(anchored.size, "event");
        if anchored.known {
            return writeln!(out, "event {} took in this receipt already ({size}, {time})", anchored.event);
        }
        writeln!(out, "event {}: {} for {size}, {time}", anchored.event, anchored.kind)?;
        match &anchored.chain_head {
            Some(head) => writeln!(out, "  chain head {head}"),
            None => Ok(()),
        }
    })
}
