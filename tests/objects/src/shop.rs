//! The service as its `main` puts it together.

use std::time::Duration;

use kafmesh::{Batching, Config, Schedule};

use crate::definitions::{Components, Service};
use crate::{
    Bonus, Bookkeeping, Checkout, Database, Dispatch, Earning, Entry, Ledger, ParcelBook, Place,
    PriceList, Spending, Tracking,
};

/// The systems outside of Kafka that the shop works with; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Prices in cents by product.
    pub price_list: Database<String, u64>,
    /// The parcels that left, by the place of their record.
    pub parcel_book: Database<Place, Entry>,
    /// Balances in cents by customer.
    pub books: Database<String, i64>,
}

/// Connects to Kafka and registers everything; what is left is `run`.
///
/// # Errors
///
/// When Kafka is not as the shop needs it.
pub async fn open(config: Config, outside: &Outside) -> kafmesh::Result<Service> {
    let mut service = Service::connect(config).await?;
    register(&mut service, outside)?;
    Ok(service)
}

/// Registers everything, in the service and in its test.
fn register(components: &mut impl Components, outside: &Outside) -> kafmesh::Result<()> {
    components.orders().register_checkout_processor(Checkout)?;
    components.orders().register_dispatch_processor(Dispatch)?;
    components.accounts().register_ledger_processor(Ledger)?;
    components
        .loyalty()
        .register_processors(Earning, Bonus, Spending)?;
    components
        .warehouse()
        .register_tracking_processor(Tracking)?;

    components.catalog().register_price_list_view_source(
        PriceList::new(outside.price_list.clone()),
        Schedule::every(Duration::from_secs(1)),
    )?;
    components.warehouse().register_parcel_book_sink(
        ParcelBook::new(outside.parcel_book.clone()),
        Batching::default().with_interval(Duration::from_millis(100)),
    )?;
    components.accounts().register_bookkeeping_view_sink(
        Bookkeeping::new(outside.books.clone()),
        Schedule::every(Duration::from_secs(1)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::ServiceTest;
    use crate::definitions::models::{Address, Balance, Order, Payment, Rate, Voucher};

    /// The whole service over topics in memory, on virtual time.
    #[tokio::test]
    async fn an_order_becomes_a_parcel_a_balance_and_points() -> kafmesh::Result<()> {
        let outside = Outside::default();
        let mut test = ServiceTest::new();
        register(&mut test, &outside)?;
        let addresses = test.customers().customer_id_address_source();
        let orders = test.orders().customer_id_order_source();
        let payments = test.accounts().customer_id_payment_source();
        let balances = test.accounts().customer_id_balance_view()?;

        // What the world is like: prices, taxes, and where ada lives.
        let price = ("teapot".to_owned(), 10_000);
        outside
            .price_list
            .upsert([price])
            .map_err(kafmesh::Error::handler)?;
        let rates = test.source("taxService.countryCode.rate")?;
        rates.emit("DE", &Rate { percent: 19 }).await?;
        let address = Address {
            text: "London".to_owned(),
        };
        addresses.emit("ada", &address).await?;
        test.settle().await?;

        let order = Order {
            product: "teapot".to_owned(),
            quantity: 1,
            country: "DE".to_owned(),
        };
        orders.emit("ada", &order).await?;
        payments.emit("ada", &Payment { cents: 11_000 }).await?;
        test.settle().await?;
        assert_eq!(balances.get("ada")?, Some(Balance { cents: 900 }));
        assert_eq!(test.records::<Voucher>("shop.customerId.voucher")?.len(), 1);

        // The sink waits for a tenth of a second, the view sink for its next second.
        assert!(outside.parcel_book.writes().is_empty());
        test.advance(Duration::from_millis(100));
        test.settle().await?;
        let parcels = outside
            .parcel_book
            .rows()
            .map_err(kafmesh::Error::handler)?;
        let parcels: Vec<_> = parcels.values().map(|entry| &entry.address).collect();
        assert_eq!(parcels, ["London"]);

        // With the next second come the view sink's and the view source's next syncs.
        let price = ("teapot".to_owned(), 20_000);
        outside
            .price_list
            .upsert([price])
            .map_err(kafmesh::Error::handler)?;
        test.advance(Duration::from_millis(900));
        test.settle().await?;
        let books = outside.books.rows().map_err(kafmesh::Error::handler)?;
        assert_eq!(books, [("ada".to_owned(), 900)].into());
        orders.emit("ada", &order).await?;
        test.settle().await?;
        assert_eq!(balances.get("ada")?, Some(Balance { cents: 24_700 }));
        Ok(())
    }
}
