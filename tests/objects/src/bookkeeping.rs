//! The view sink `bookkeeping`: a whole topic for another system.

use kafmesh::View;

use crate::definitions::accounts;
use crate::definitions::models::Balance;
use crate::outside::Database;

/// Hands every customer's balance, in cents, to the bookkeeping.
#[derive(Debug)]
pub struct Bookkeeping {
    books: Database<String, i64>,
}

impl Bookkeeping {
    /// Hands them to `books`.
    pub fn new(books: Database<String, i64>) -> Self {
        Self { books }
    }
}

impl accounts::BookkeepingViewSink for Bookkeeping {
    async fn sync(&mut self, view: &View<Balance>) -> kafmesh::Result<()> {
        let balances = view
            .iter()?
            .map(|entry| entry.map(|(customer, balance)| (customer, balance.cents)))
            .collect::<kafmesh::Result<Vec<_>>>()?;
        self.books
            .replace(balances)
            .map_err(kafmesh::Error::handler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_books_are_as_the_topic() -> kafmesh::Result<()> {
        let books = Database::default();
        let mut test = accounts::BookkeepingViewSinkTest::new(Bookkeeping::new(books.clone()));
        test.set("ada", Balance { cents: 190 });
        test.set("grace", Balance { cents: -500 });
        test.sync().await?;
        test.set("ada", Balance { cents: 0 });
        test.remove("grace");
        test.sync().await?;
        assert_eq!(books.rows().unwrap(), [("ada".to_owned(), 0)].into());
        assert_eq!(books.writes(), [2, 1]);
        Ok(())
    }
}
