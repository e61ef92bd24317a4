//! `FROM trades FOR SYSTEM_TIME AS OF …`: a table as it was after an event, or at a time.
//!
//! * What follows is a literal: an event's number, or a time, UTC unless it names an offset.
//! * DataFusion by itself reads a table's version and forgets it. Where this planner is installed, every version is answered or refused.

use std::sync::Arc;

use at1_table::AsOf;
use datafusion::{
    common::{DFSchema, plan_datafusion_err, plan_err},
    datasource::provider_as_source,
    error::Result,
    logical_expr::{
        Expr, LogicalPlanBuilder,
        planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning},
    },
    scalar::ScalarValue,
    sql::sqlparser::ast::{TableFactor, TableVersion},
};

use crate::{error::external, tables::Tables};

/// Plans tables that name a version.
#[derive(Debug)]
pub struct AsOfPlanner(pub Arc<Tables>);

impl RelationPlanner for AsOfPlanner {
    fn plan_relation(
        &self,
        mut relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Table { name, alias, version: version @ Some(_), .. } = &mut relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let at = match version.take() {
            Some(
                TableVersion::ForSystemTimeAsOf(at) | TableVersion::VersionAsOf(at) | TableVersion::TimestampAsOf(at),
            ) => at,
            Some(other) => {
                return plan_err!("table {name}: expected FOR SYSTEM_TIME AS OF and an event or a time, found {other}");
            }
            None => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let at = point(&context.sql_to_expr(at, &DFSchema::empty())?)?;
        let reference = context.object_name_to_table_reference(name.clone())?;
        let state = self.0.state(reference.table(), Some(at))?;
        let plan = LogicalPlanBuilder::scan(reference, provider_as_source(Arc::new(state)), None)?.build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.take()))))
    }
}

/// The state that a literal names.
pub(crate) fn point(expr: &Expr) -> Result<AsOf> {
    let text = match expr {
        Expr::Literal(value, _) => match value {
            ScalarValue::Int64(Some(event)) if *event >= 0 => event.to_string(),
            ScalarValue::UInt64(Some(event)) => event.to_string(),
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => text.clone(),
            _ => return expected(expr),
        },
        // TIMESTAMP '…' and DATE '…'
        Expr::Cast(cast) => match &*cast.expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _)
                if text.contains('-') =>
            {
                text.clone()
            }
            _ => return expected(expr),
        },
        _ => return expected(expr),
    };
    text.parse().map_err(external)
}

fn expected<T>(found: &Expr) -> Result<T> {
    Err(plan_datafusion_err!(
        "as of: expected an event's number or a time such as '2026-01-22T16:00:00Z', found {found}"
    ))
}
