//! A shop with every kind of object: the handlers that its users would write, each file a lesson.
//!
//! `docs/definition.yaml` says what the shop is; the build script generates [`definitions`] from it.
//! The tests in these files need no broker; `tests/scenarios` runs the same handlers on Kafka.

mod bookkeeping;
mod checkout;
mod dispatch;
mod ledger;
mod loyalty;
mod outside;
mod parcel_book;
mod price_list;
mod shop;
mod tracking;

pub mod definitions {
    //! Generated from `docs/definition.yaml`.
    kafmesh::include_definitions!();
}

pub use bookkeeping::Bookkeeping;
pub use checkout::Checkout;
pub use dispatch::Dispatch;
pub use ledger::Ledger;
pub use loyalty::{Bonus, Earning, Spending};
pub use outside::{Database, Unavailable};
pub use parcel_book::{Entry, ParcelBook, Place};
pub use price_list::PriceList;
pub use shop::{Outside, open};
pub use tracking::Tracking;
