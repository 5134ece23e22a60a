//! A view source: a topic that is kept equal to data elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafmesh::{Schedule, Updates};
use kafmesh_objects::definitions::models::Price;
use kafmesh_objects::definitions::{Service, catalog};
use kafmesh_objects::{Database, PriceList};

use crate::kafka::Kafka;
use crate::support::{Running, Shop, eventually};

on_both_brokers!(
    differences_are_written_and_the_rest_is_left_alone,
    a_sync_that_fails_or_hangs_deletes_nothing,
);

const PRICES: &str = "shop.productId.price";

fn often() -> Schedule {
    Schedule::every(Duration::from_millis(200))
}

fn listing(mut service: Service, prices: impl catalog::PriceListViewSource) -> Running {
    service
        .catalog()
        .register_price_list_view_source(prices, often())
        .unwrap();
    Running::start(service)
}

/// All records of the topic by key, and in the order they were written per key.
fn records(kafka: &Kafka) -> Vec<(String, Option<u64>)> {
    let mut records: Vec<_> = kafka
        .read::<Price>(PRICES)
        .into_iter()
        .map(|(product, price)| (product, price.map(|price| price.cents)))
        .collect();
    records.sort_by(|(a, _), (b, _)| a.cmp(b));
    records
}

fn prices<T>(prices: &[(&str, T)]) -> Vec<(String, T)>
where
    T: Copy,
{
    prices
        .iter()
        .map(|(product, cents)| ((*product).to_owned(), *cents))
        .collect()
}

async fn differences_are_written_and_the_rest_is_left_alone(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    let list = Database::default();
    list.replace(prices(&[("cup", 300), ("spoon", 100), ("teapot", 1000)]))
        .unwrap();
    let service = shop.connect().await;
    // The topic is not empty: it may come from an earlier process.
    kafka.write(PRICES, "cup", &Price { cents: 300 }).await;
    kafka.write(PRICES, "fork", &Price { cents: 50 }).await;
    let running = listing(service, PriceList::new(list.clone()));
    let mut expected = prices(&[
        ("cup", Some(300)),
        ("fork", Some(50)),
        ("fork", None),
        ("spoon", Some(100)),
        ("teapot", Some(1000)),
    ]);
    eventually("the topic is as the list", || records(kafka) == expected).await;

    list.replace(prices(&[("cup", 300), ("teapot", 1190)]))
        .unwrap();
    expected.insert(4, ("spoon".to_owned(), None));
    expected.push(("teapot".to_owned(), Some(1190)));
    eventually("the topic follows the list", || records(kafka) == expected).await;
    running.stop().await;

    // The next process finds nothing to do, until there is something.
    let running = listing(shop.connect().await, PriceList::new(list.clone()));
    list.replace(prices(&[("cup", 350), ("teapot", 1190)]))
        .unwrap();
    expected.insert(1, ("cup".to_owned(), Some(350)));
    eventually("the topic follows the list", || records(kafka) == expected).await;
    running.stop().await;
}

/// What a [`Moody`] price list does.
#[derive(Clone, Copy)]
enum Mood {
    Names(&'static [&'static str]),
    NamesOneAndFails,
    NamesOneAndHangs,
}

/// A price list that does as it is told.
#[derive(Clone)]
struct Moody {
    mood: Arc<Mutex<Mood>>,
    begun: Arc<AtomicUsize>,
}

impl Moody {
    /// Changes the mood, and waits until at least two syncs in it have ended.
    async fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        let begun = self.begun.load(Ordering::SeqCst);
        eventually("it is synchronised", || {
            self.begun.load(Ordering::SeqCst) >= begun + 3
        })
        .await;
    }
}

impl catalog::PriceListViewSource for Moody {
    async fn sync(&mut self, updates: &mut Updates<'_, Price>) -> kafmesh::Result<()> {
        let mood = *self.mood.lock().unwrap();
        self.begun.fetch_add(1, Ordering::SeqCst);
        let price = Price { cents: 1 };
        match mood {
            Mood::Names(products) => {
                for product in products {
                    updates.update(product, &price).await?;
                }
            }
            Mood::NamesOneAndFails => {
                updates.update("cup", &price).await?;
                return Err(kafmesh::Error::handler("the old database is down again"));
            }
            Mood::NamesOneAndHangs => {
                updates.update("cup", &price).await?;
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }
}

async fn a_sync_that_fails_or_hangs_deletes_nothing(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    let list = Moody {
        mood: Arc::new(Mutex::new(Mood::Names(&["cup", "spoon"]))),
        begun: Arc::default(),
    };
    let running = listing(shop.connect().await, list.clone());
    let both = prices(&[("cup", Some(1)), ("spoon", Some(1))]);
    eventually("both are in the topic", || records(kafka) == both).await;

    // The service goes on, and tries again at the next interval.
    list.becomes(Mood::NamesOneAndFails).await;
    list.becomes(Mood::NamesOneAndHangs).await;
    assert_eq!(records(kafka), both);

    list.becomes(Mood::Names(&["cup"])).await;
    let one = prices(&[("cup", Some(1)), ("spoon", Some(1)), ("spoon", None)]);
    eventually("the other one is gone", || records(kafka) == one).await;
    running.stop().await;
}
