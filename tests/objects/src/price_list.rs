//! The view source `price list`: a topic that is kept equal to a table of another system.

use kafmesh::Updates;

use crate::definitions::catalog;
use crate::definitions::models::Price;
use crate::outside::Database;

/// Reads the prices, in cents by product, from the shop's old database.
#[derive(Debug)]
pub struct PriceList {
    list: Database<String, u64>,
}

impl PriceList {
    /// Reads them from `list`.
    pub fn new(list: Database<String, u64>) -> Self {
        Self { list }
    }
}

impl catalog::PriceListViewSource for PriceList {
    async fn sync(&mut self, updates: &mut Updates<'_, Price>) -> kafmesh::Result<()> {
        // Only what differs from the topic is written. What is not named any more is deleted, unless
        // this returns an error: then the list was not read to its end.
        for (product, cents) in self.list.rows().map_err(kafmesh::Error::handler)? {
            updates.update(product, &Price { cents }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(prices: &[(&str, u64)]) -> Vec<(String, u64)> {
        let row = |(product, cents): &(&str, u64)| ((*product).to_owned(), *cents);
        prices.iter().map(row).collect()
    }

    fn emitted(test: &catalog::PriceListViewSourceTest<PriceList>) -> Vec<(String, Option<u64>)> {
        let records = test.emitted().into_iter();
        records
            .map(|record| (record.key, record.value.map(|price| price.cents)))
            .collect()
    }

    #[tokio::test]
    async fn only_differences_are_written() -> kafmesh::Result<()> {
        let prices = Database::default();
        prices
            .replace(list(&[("cup", 300), ("teapot", 1000)]))
            .unwrap();
        let mut test = catalog::PriceListViewSourceTest::new(PriceList::new(prices.clone()));
        // What the topic holds already.
        test.set("cup", Price { cents: 300 });
        test.set("spoon", Price { cents: 100 });
        test.sync().await?;
        assert_eq!(
            emitted(&test),
            [
                ("teapot".to_owned(), Some(1000)),
                ("spoon".to_owned(), None)
            ]
        );

        test.clear_emitted();
        test.sync().await?;
        assert_eq!(emitted(&test), []);
        assert_eq!(
            test.contents(),
            [
                ("cup".to_owned(), Price { cents: 300 }),
                ("teapot".to_owned(), Price { cents: 1000 })
            ]
        );
        Ok(())
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_deletes_nothing() {
        let prices = Database::default();
        prices.fail(Some("the old database is down again"));
        let mut test = catalog::PriceListViewSourceTest::new(PriceList::new(prices));
        test.set("cup", Price { cents: 300 });
        let error = test.sync().await.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("the old database is down again"),
            "{error}"
        );
        assert_eq!(emitted(&test), []);
    }
}
