//! Lists in pages that stay together while the list changes: each begins after the last item of the one
//! before, wherever that is now.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::bounded;
use super::problem::{Kind, Problem};

/// How many items a page has when no `limit` is given, and at most.
const LIMIT: (u32, u32) = (100, 1000);

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The `next` of the page before; the list is shown from its beginning without.
    after: Option<String>,
    /// How many items to return at most.
    #[param(minimum = 1, maximum = 1000, default = 100, example = 100)]
    limit: Option<u32>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<T> {
    /// The revision of the mesh it is about.
    pub(super) revision: u64,
    /// How many items the whole list has.
    pub(super) total: usize,
    /// The items.
    pub(super) items: Vec<T>,
    /// What `after` is for the next page; absent when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl Page {
    /// The names of its parameters.
    pub(super) const PARAMETERS: [&str; 2] = ["after", "limit"];

    /// The part of a list whose items are in the order of their positions `P`.
    pub(super) fn window<P: DeserializeOwned>(&self) -> Result<Window<P>, Problem> {
        let limit = bounded("limit", self.limit, LIMIT.0, (1, LIMIT.1))?;
        let after = match &self.after {
            None => None,
            Some(after) => Some(position(after).ok_or_else(|| {
                let detail = "`after` is none of the `next` that this list has given";
                Problem::new(Kind::Parameter, detail)
            })?),
        };
        Ok(Window { after, limit })
    }
}

/// A position as it was told to a client; `None` when it was not.
fn position<P: DeserializeOwned>(text: &str) -> Option<P> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&json).ok()
}

/// What of a list is asked for.
#[derive(Debug)]
pub(super) struct Window<P> {
    after: Option<P>,
    limit: usize,
}

impl<P: Ord + Serialize> Window<P> {
    /// Cuts the page out of a list, whose items are shown as `view` says.
    pub(super) fn of<T, V>(
        &self,
        revision: u64,
        items: impl IntoIterator<Item = T>,
        position: impl Fn(&T) -> P,
        mut view: impl FnMut(T) -> V,
    ) -> Result<List<V>, Problem> {
        let (mut total, mut shown, mut last, mut next) = (0, Vec::new(), None, None);
        for item in items {
            total += 1;
            if next.is_some() {
                continue;
            }
            let position = position(&item);
            if self.after.as_ref().is_some_and(|after| position <= *after) {
                continue;
            }
            if shown.len() == self.limit {
                next = last.take();
                continue;
            }
            last = Some(position);
            shown.push(view(item));
        }
        let next = next
            .map(|position| serde_json::to_vec(&position).map(|json| URL_SAFE_NO_PAD.encode(json)));
        Ok(List {
            revision,
            total,
            items: shown,
            next: next.transpose().map_err(|e| {
                Problem::new(Kind::Internal, format!("the position is no JSON: {e}"))
            })?,
        })
    }
}
