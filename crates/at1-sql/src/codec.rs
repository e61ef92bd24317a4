//! Rows that AT1 reads by itself, as they go over the wire: the words and numbers of a [`RowsPlan`] as JSON.

use std::{ops::Range, path::PathBuf, sync::Arc};

use at1_datafusion::{
    At1Table,
    rows::{RowsExec, RowsPlan},
};
use at1_table::{AsOf, Predicate, Pruning, Table};
use datafusion::{
    common::{internal_datafusion_err, internal_err},
    error::Result,
    execution::TaskContext,
    physical_plan::ExecutionPlan,
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde_json::{Value, json};

/// See the module.
#[derive(Debug)]
pub(crate) struct RowsCodec;

impl PhysicalExtensionCodec for RowsCodec {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(rows) = node.downcast_ref::<RowsExec>() else {
            return internal_err!("expected At1RowsExec, found {}", node.name());
        };
        buffer.extend_from_slice(write(rows.plan())?.to_string().as_bytes());
        Ok(())
    }

    fn try_decode(
        &self,
        buffer: &[u8],
        _: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let value = serde_json::from_slice(buffer)
            .map_err(|error| internal_datafusion_err!("expected At1RowsExec as JSON, found {error}"))?;
        let plan = read(&value).ok_or_else(|| internal_datafusion_err!("expected At1RowsExec, found {value}"))?;
        let table = Arc::new(Table::open(&plan.folder).map_err(at1_datafusion::external)?);
        let table = match plan.event {
            Some(event) => At1Table::as_of(table, AsOf::Event(event))?,
            None => At1Table::newest(table)?,
        };
        Ok(Arc::new(RowsExec::of(plan, &table)?))
    }
}

fn write(plan: &RowsPlan) -> Result<Value> {
    let folder = plan.folder.to_str();
    let folder = folder.ok_or_else(|| {
        internal_datafusion_err!("expected a folder whose name is UTF-8 for workers, found {}", plan.folder.display())
    })?;
    let stretches = |rows: &Vec<Range<u64>>| rows.iter().map(|rows| json!([rows.start, rows.end])).collect::<Vec<_>>();
    Ok(json!({
        "folder": folder,
        "event": plan.event,
        "output": plan.output,
        "predicate": plan.predicate.to_string(),
        "pruning": plan.pruning == Pruning::On,
        "limit": plan.limit,
        "partitions": plan.partitions.iter().map(stretches).collect::<Vec<_>>(),
    }))
}

fn read(value: &Value) -> Option<RowsPlan> {
    let count = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let stretch = |value: &Value| {
        let rows = value.get(0)?.as_u64()?..value.get(1)?.as_u64()?;
        (rows.start <= rows.end).then_some(rows)
    };
    let stretches = |value: &Value| value.as_array()?.iter().map(stretch).collect();
    let limit = value.get("limit")?;
    Some(RowsPlan {
        folder: PathBuf::from(value.get("folder")?.as_str()?),
        event: value.get("event")?.as_u64(),
        output: value.get("output")?.as_array()?.iter().map(count).collect::<Option<_>>()?,
        predicate: value.get("predicate")?.as_str()?.parse::<Predicate>().ok()?,
        pruning: if value.get("pruning")?.as_bool()? { Pruning::On } else { Pruning::Off },
        limit: if limit.is_null() { None } else { Some(count(limit)?) },
        partitions: value.get("partitions")?.as_array()?.iter().map(stretches).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_come_back_as_they_went() {
        for (predicate, limit, event) in [("true", None, None), ("\"a b\" >= 1.5 AND w LIKE 'x%'", Some(7), Some(12))] {
            let plan = RowsPlan {
                folder: "/srv/a \"b\"".into(),
                event,
                output: vec![3, 0],
                predicate: predicate.parse().unwrap(),
                pruning: Pruning::On,
                limit,
                partitions: vec![vec![0..10, 20..u64::MAX], vec![]],
            };
            let wire = write(&plan).unwrap().to_string();
            assert_eq!(read(&serde_json::from_str(&wire).unwrap()), Some(plan));
        }
        assert_eq!(read(&json!({"folder": "/x"})), None);
        let of_rows = |start: u64, end: u64| {
            read(&json!({
                "folder": "/x", "event": 0, "output": [0], "predicate": "true", "pruning": true, "limit": null,
                "partitions": [[[start, end]]],
            }))
        };
        assert!(of_rows(3, 3).is_some() && of_rows(4, 3).is_none());
    }
}
