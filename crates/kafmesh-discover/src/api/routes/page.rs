//! Lists in pages.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::extract::bounded;
use crate::api::problem::{Kind, Problem};

/// How many items a page has when no `limit` is given, and at most.
pub(super) const LIMIT: (u32, u32) = (100, 1000);

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// How many items to pass over.
    #[param(minimum = 0, maximum = 1_000_000, default = 0, example = 0)]
    offset: Option<u32>,
    /// How many items to return at most.
    #[param(minimum = 1, maximum = 1000, default = 100, example = 100)]
    limit: Option<u32>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<T> {
    /// The revision of the mesh it is about. Pages of different revisions may not fit together.
    pub(super) revision: u64,
    /// How many items the whole list has.
    pub(super) total: usize,
    /// The items.
    pub(super) items: Vec<T>,
    /// The `offset` of the next page; absent when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<usize>,
}

impl Page {
    /// The page that parameters name.
    pub(super) fn new(offset: Option<u32>, limit: Option<u32>) -> Self {
        Self { offset, limit }
    }

    /// How many items to pass over and to return, if both are within their bounds.
    pub(super) fn bounds(&self) -> Result<(usize, usize), Problem> {
        let offset = bounded("offset", self.offset, 0, (0, 1_000_000))?;
        let limit = bounded("limit", self.limit, LIMIT.0, (1, LIMIT.1))?;
        Ok((offset, limit))
    }

    /// Cuts the page out of a list, whose items are shown as `view` says.
    pub(super) fn of<T, V>(
        &self,
        revision: u64,
        items: impl IntoIterator<Item = T>,
        view: impl FnMut(T) -> V,
    ) -> Result<List<V>, Problem> {
        let (offset, limit) = self.bounds()?;
        let items: Vec<T> = items.into_iter().collect();
        let total = items.len();
        let next = offset + limit;
        Ok(List {
            revision,
            total,
            items: items
                .into_iter()
                .skip(offset)
                .take(limit)
                .map(view)
                .collect(),
            next: (next < total).then_some(next),
        })
    }
}

/// That there is no such node.
pub(super) fn unknown(what: &str, name: &str, list: &str) -> Problem {
    let name: String = name.chars().take(200).collect();
    Problem::new(
        Kind::Unknown,
        format!("no {what} {name:?} is known; GET {list} lists those that are"),
    )
}
