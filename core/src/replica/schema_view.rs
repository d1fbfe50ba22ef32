//! Who has which schema: of each table, the forms that there are and the nodes that have them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::peers::Told;

/// One table, and who has which form of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaOf {
    /// The table, in lower case.
    pub table: String,
    /// The nodes, by SHA-256 of the schema that they have; those that have no such table are under the empty text.
    pub forms: BTreeMap<String, Vec<String>>,
}

impl SchemaOf {
    /// Whether all nodes have the same.
    pub fn is_same(&self) -> bool {
        self.forms.len() == 1
    }
}

/// What nodes told, table by table.
pub(super) fn of(nodes: &[Told]) -> Vec<SchemaOf> {
    let tables: BTreeSet<&String> = nodes.iter().flat_map(|told| told.schema.keys()).collect();
    let form = |told: &Told, table: &String| told.schema.get(table).cloned().unwrap_or_default();
    tables
        .into_iter()
        .map(|table| {
            let mut forms: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for told in nodes {
                forms.entry(form(told, table)).or_default().push(told.node_id.clone());
            }
            SchemaOf { table: table.clone(), forms }
        })
        .collect()
}
