//! The sink `parcel book`: batches of records into a database.

use std::time::SystemTime;

use kafmesh::SinkRecord;

use crate::definitions::models::Parcel;
use crate::definitions::warehouse;
use crate::outside::Database;

/// Where a record is: its topic, partition and offset, which no other record has.
pub type Place = (String, i32, i64);

/// A row of the parcel book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who gets the parcel.
    pub customer: String,
    /// Where it goes.
    pub address: String,
    /// When it left.
    pub left_at: SystemTime,
}

/// Enters parcels in the warehouse's book.
#[derive(Debug)]
pub struct ParcelBook {
    book: Database<Place, Entry>,
}

impl ParcelBook {
    /// Enters them in `book`.
    pub fn new(book: Database<Place, Entry>) -> Self {
        Self { book }
    }
}

impl warehouse::ParcelBookSink for ParcelBook {
    async fn write(&mut self, batch: &[SinkRecord<Parcel>]) -> kafmesh::Result<()> {
        let rows = batch.iter().filter_map(|record| {
            // A batch can come again after a crash. Entered by their place, its records replace themselves.
            let place = (record.topic.to_string(), record.partition, record.offset);
            // A record without a value is a delete, which means nothing in this topic.
            let parcel = record.value.as_ref()?;
            let entry = Entry {
                customer: record.key.clone(),
                address: parcel.address.clone(),
                left_at: record.timestamp,
            };
            Some((place, entry))
        });
        self.book.upsert(rows).map_err(kafmesh::Error::handler)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafmesh::Batching;

    use super::*;

    fn parcel(address: &str) -> Parcel {
        Parcel {
            product: "teapot".to_owned(),
            address: address.to_owned(),
        }
    }

    fn addresses(book: &Database<Place, Entry>) -> Vec<String> {
        let rows = book.rows().unwrap();
        rows.into_values().map(|entry| entry.address).collect()
    }

    /// On virtual time: it stands still until the test moves it.
    #[tokio::test]
    async fn a_batch_is_written_when_it_is_full_or_has_waited() -> kafmesh::Result<()> {
        let book = Database::default();
        let batching = Batching::default()
            .with_records(3)
            .with_interval(Duration::from_secs(10));
        let mut test = warehouse::ParcelBookSinkTest::new(ParcelBook::new(book.clone()), batching);
        for address in ["a", "b", "c", "d"] {
            test.send("ada", parcel(address));
        }
        test.settle().await?;
        assert_eq!(addresses(&book), ["a", "b", "c"]);

        test.advance(Duration::from_secs(9));
        test.settle().await?;
        assert_eq!(book.writes(), [3]);
        test.advance(Duration::from_secs(1));
        test.settle().await?;
        assert_eq!(book.writes(), [3, 1]);
        assert_eq!(addresses(&book), ["a", "b", "c", "d"]);
        Ok(())
    }

    #[tokio::test]
    async fn deletes_are_left_out() -> kafmesh::Result<()> {
        let book = Database::default();
        let sink = ParcelBook::new(book.clone());
        let mut test = warehouse::ParcelBookSinkTest::new(sink, Batching::default());
        test.send_delete("ada");
        test.send("ada", parcel("a"));
        test.flush().await?;
        assert_eq!(addresses(&book), ["a"]);
        Ok(())
    }

    #[tokio::test]
    async fn a_book_that_is_away_for_too_long_ends_the_sink() {
        let book = Database::default();
        book.fail(Some("the book is at the bookbinder's"));
        let sink = ParcelBook::new(book.clone());
        let mut test = warehouse::ParcelBookSinkTest::new(sink, Batching::default());
        test.send("ada", parcel("a"));
        let error = test.flush().await.unwrap_err().to_string();
        assert!(
            error.contains("cannot write 1 record,")
                && error.contains("the book is at the bookbinder's"),
            "{error}"
        );
    }
}
