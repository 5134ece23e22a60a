//! Objects of each kind through their generated drivers.

use std::collections::BTreeMap;
use std::time::Duration;

/// Joins and lookups: a method for each that is declared.
mod joins {
    use crate::joins::devices::{EnrichContext, EnrichProcessor, EnrichTest};
    use crate::joins::models::customers_service::customer_id::Details;
    use crate::joins::models::device_id::customer::Name;
    use crate::joins::models::joins_service::device_id::{Customer, EnrichedHeartbeat, Heartbeat};

    struct Enrich;

    impl EnrichProcessor for Enrich {
        async fn handle_device_id_heartbeat(
            &self,
            ctx: &mut EnrichContext<'_>,
            heartbeat: Heartbeat,
        ) -> kafmesh::Result<()> {
            let Some(customer) = ctx.join_device_id_customer()? else {
                return Ok(());
            };
            let nickname = ctx.join_device_id_customer_name()?;
            let details = ctx.lookup_customers_service_customer_id_details(&customer.id)?;
            let name = nickname
                .map(|nickname| nickname.name)
                .or(details.map(|details| details.name));
            let enriched = EnrichedHeartbeat {
                alive: heartbeat.alive,
                customer_id: customer.id,
                customer_name: name.unwrap_or_default(),
            };
            ctx.output_device_id_enriched_heartbeat(ctx.key(), &enriched);
            Ok(())
        }
    }

    async fn name_of_customer(test: &mut EnrichTest<Enrich>) -> kafmesh::Result<Option<String>> {
        test.clear_outputs();
        test.device_id_heartbeat("d1", Heartbeat { alive: true })
            .await?;
        let outputs = test.outputs().device_id_enriched_heartbeat();
        Ok(outputs.into_iter().next().map(|(_, it)| it.customer_name))
    }

    #[tokio::test]
    async fn joins_and_lookups_see_what_the_test_sets() -> kafmesh::Result<()> {
        let mut test = EnrichTest::new(Enrich);
        assert_eq!(name_of_customer(&mut test).await?, None);

        test.set_join_device_id_customer("d1", Customer { id: "c1".into() });
        test.set_join_device_id_customer("d2", Customer { id: "c2".into() });
        assert_eq!(name_of_customer(&mut test).await?.as_deref(), Some(""));

        let details = |name: &str| Details { name: name.into() };
        test.set_lookup_customers_service_customer_id_details("c1", details("Ann"));
        test.set_lookup_customers_service_customer_id_details("c2", details("Bob"));
        assert_eq!(name_of_customer(&mut test).await?.as_deref(), Some("Ann"));

        // Two joins are two tables.
        test.set_join_device_id_customer_name(
            "d1",
            Name {
                name: "Annie".into(),
            },
        );
        assert_eq!(name_of_customer(&mut test).await?.as_deref(), Some("Annie"));
        test.remove_join_device_id_customer_name("d1");
        test.remove_lookup_customers_service_customer_id_details("c1");
        assert_eq!(name_of_customer(&mut test).await?.as_deref(), Some(""));
        test.remove_join_device_id_customer("d1");
        assert_eq!(name_of_customer(&mut test).await?, None);
        Ok(())
    }
}

/// A store outside of Kafka: what sinks and view sinks write.
#[derive(Default)]
struct Store<M> {
    entries: BTreeMap<String, M>,
    writes: usize,
}

impl crate::sinks::archive::ArchiveSink for Store<crate::sinks::models::user_id::Click> {
    async fn write(
        &mut self,
        batch: &[kafmesh::SinkRecord<crate::sinks::models::user_id::Click>],
    ) -> kafmesh::Result<()> {
        self.writes += 1;
        for record in batch {
            match &record.value {
                Some(click) => self.entries.insert(record.key.clone(), click.clone()),
                None => self.entries.remove(&record.key),
            };
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_sink_writes_batches_on_virtual_time() -> kafmesh::Result<()> {
    use crate::sinks::archive::ArchiveSinkTest;
    use crate::sinks::models::user_id::Click;

    let batching = kafmesh::Batching::default()
        .with_records(2)
        .with_interval(Duration::from_secs(5));
    let mut test = ArchiveSinkTest::new(Store::default(), batching);
    let click = |page: &str| Click { page: page.into() };
    test.send("a", click("home"));
    test.settle().await?;
    assert_eq!(test.sink().writes, 0, "one record is no full batch");
    test.advance(Duration::from_secs(5));
    test.settle().await?;
    assert_eq!(test.sink().writes, 1, "it has waited for long enough");
    test.send("b", click("help"));
    test.send_delete("a");
    test.settle().await?;
    assert_eq!(test.sink().writes, 2, "two records are a full batch");
    test.send("c", click("home"));
    test.flush().await?;
    let expected = [
        ("b".to_owned(), click("help")),
        ("c".to_owned(), click("home")),
    ];
    assert_eq!(test.sink().entries, expected.into());
    Ok(())
}

/// The customers that a view source reads.
#[derive(Default)]
struct Customers {
    names: BTreeMap<&'static str, &'static str>,
    unreachable: bool,
}

impl crate::view_sources::customers::CustomersViewSource for Customers {
    async fn sync(
        &mut self,
        updates: &mut kafmesh::Updates<'_, crate::view_sources::models::customer_id::Details>,
    ) -> kafmesh::Result<()> {
        for (id, name) in &self.names {
            let name = (*name).to_owned();
            updates
                .update(
                    id,
                    &crate::view_sources::models::customer_id::Details { name },
                )
                .await?;
        }
        if self.unreachable {
            return Err(kafmesh::Error::handler("the CRM is gone"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_view_source_makes_its_topic_equal_to_what_it_reads() -> kafmesh::Result<()> {
    use crate::view_sources::customers::CustomersViewSourceTest;
    use crate::view_sources::models::customer_id::Details;

    let details = |name: &str| Details { name: name.into() };
    let mut test = CustomersViewSourceTest::new(Customers::default());
    test.set("c1", details("Ann"));
    test.set("c2", details("Bob"));
    test.set("c9", details("Zoe"));
    test.remove("c9");
    test.source().names = [("c1", "Ann"), ("c3", "Cid")].into();
    test.source().unreachable = true;
    assert!(test.sync().await.is_err());
    let emitted: Vec<_> = test.emitted().into_iter().map(|it| it.key).collect();
    assert_eq!(
        emitted,
        ["c3"],
        "nothing is deleted, and nothing written that is there"
    );

    test.clear_emitted();
    test.source().unreachable = false;
    test.sync().await?;
    let emitted = test.emitted();
    assert_eq!(emitted.len(), 1);
    assert_eq!((emitted[0].key.as_str(), &emitted[0].value), ("c2", &None));
    assert_eq!(
        test.contents(),
        [
            ("c1".to_owned(), details("Ann")),
            ("c3".to_owned(), details("Cid"))
        ]
    );
    Ok(())
}

impl crate::view_sinks::map::MapViewSink
    for Store<crate::view_sinks::models::vehicle_id::Position>
{
    async fn sync(
        &mut self,
        view: &kafmesh::View<crate::view_sinks::models::vehicle_id::Position>,
    ) -> kafmesh::Result<()> {
        self.writes += 1;
        self.entries = view.iter()?.collect::<kafmesh::Result<_>>()?;
        Ok(())
    }
}

#[tokio::test]
async fn a_view_sink_takes_the_whole_view() -> kafmesh::Result<()> {
    use crate::view_sinks::map::MapViewSinkTest;
    use crate::view_sinks::models::vehicle_id::Position;

    let position = |latitude| Position {
        latitude,
        longitude: 0.0,
    };
    let mut test = MapViewSinkTest::new(Store::default());
    test.set("a", position(1.0));
    test.set("b", position(2.0));
    test.sync().await?;
    assert_eq!(test.sink().entries.len(), 2);
    test.remove("a");
    test.set("b", position(3.0));
    test.sync().await?;
    assert_eq!(
        test.sink().entries,
        [("b".to_owned(), position(3.0))].into()
    );
    assert_eq!(test.sink().writes, 2);
    Ok(())
}

/// Processors that share their component's state.
mod shared_state {
    use crate::shared_state::accounts::{
        ChargeContext, ChargeProcessor, ChargeTest, SelfContext, SelfProcessor, SettleContext,
        SettleProcessor,
    };
    use crate::shared_state::models::currency::Rate;
    use crate::shared_state::models::customer_id::{
        Account, Balance, Details, Order, Payment, Reminder,
    };
    use crate::shared_state::{ServiceTest, single};

    struct Charge;

    impl ChargeProcessor for Charge {
        async fn handle_customer_id_order(
            &self,
            ctx: &mut ChargeContext<'_>,
            order: Order,
        ) -> kafmesh::Result<()> {
            let cents = ctx.state()?.cents + order.cents;
            ctx.save_state(Account { cents });
            ctx.output_customer_id_balance(ctx.key(), &Balance { cents });
            Ok(())
        }
    }

    struct Settle;

    impl SettleProcessor for Settle {
        async fn handle_customer_id_payment(
            &self,
            ctx: &mut SettleContext<'_>,
            payment: Payment,
        ) -> kafmesh::Result<()> {
            let cents = ctx.state()?.cents - payment.cents;
            ctx.save_state(Account { cents });
            ctx.output_customer_id_balance(ctx.key(), &Balance { cents });
            Ok(())
        }

        async fn handle_customer_id_order(
            &self,
            ctx: &mut SettleContext<'_>,
            _: Order,
        ) -> kafmesh::Result<()> {
            // Sees what the processor before it saved.
            let owed = ctx.state()?.cents;
            let rate = ctx.lookup_currency_rate("EUR")?.unwrap_or_default();
            let name = ctx.join_customer_id_details()?.unwrap_or_default().name;
            let text = format!("{name} owes {}", owed * rate.per_cent);
            ctx.output_customer_id_reminder(ctx.key(), &Reminder { text });
            Ok(())
        }
    }

    struct Strict;

    impl SelfProcessor for Strict {
        async fn handle_customer_id_order(
            &self,
            ctx: &mut SelfContext<'_>,
            order: Order,
        ) -> kafmesh::Result<()> {
            if order.cents < 0 {
                return Err(kafmesh::Error::handler("an order that costs nothing"));
            }
            let name = ctx.join_customer_id_details()?.unwrap_or_default().name;
            let rate = ctx.lookup_currency_rate("USD")?.unwrap_or_default();
            let text = format!("{name}, in USD: {}", ctx.state()?.cents * rate.per_cent);
            ctx.output_customer_id_reminder(ctx.key(), &Reminder { text });
            Ok(())
        }
    }

    async fn service() -> kafmesh::Result<ServiceTest> {
        let mut test = ServiceTest::new();
        test.accounts()
            .register_processors(Charge, Settle, Strict)?;
        let rates = test.source::<Rate>("sharedStateService.currency.rate")?;
        rates.emit("EUR", &Rate { per_cent: 1 }).await?;
        rates.emit("USD", &Rate { per_cent: 2 }).await?;
        let details = test.source::<Details>("sharedStateService.customerId.details")?;
        details.emit("c1", &Details { name: "Ann".into() }).await?;
        Ok(test)
    }

    fn reminders(test: &ServiceTest) -> kafmesh::Result<Vec<String>> {
        let records = test.records::<Reminder>("sharedStateService.customerId.reminder")?;
        let values = records.into_iter().filter_map(|record| record.value);
        Ok(values.map(|reminder| reminder.text).collect())
    }

    fn balances(test: &ServiceTest) -> kafmesh::Result<Vec<i64>> {
        let records = test.records::<Balance>("sharedStateService.customerId.balance")?;
        let values = records.into_iter().filter_map(|record| record.value);
        Ok(values.map(|balance| balance.cents).collect())
    }

    #[tokio::test]
    async fn they_handle_a_record_in_order_and_see_one_state() -> kafmesh::Result<()> {
        let mut test = service().await?;
        let orders = test.source::<Order>("sharedStateService.customerId.order")?;
        let payments = test.source::<Payment>("sharedStateService.customerId.payment")?;
        orders.emit("c1", &Order { cents: 300 }).await?;
        test.settle().await?;
        assert_eq!(reminders(&test)?, ["Ann owes 300", "Ann, in USD: 600"]);
        payments.emit("c1", &Payment { cents: 100 }).await?;
        test.settle().await?;
        orders.emit("c1", &Order { cents: 50 }).await?;
        test.settle().await?;
        assert_eq!(balances(&test)?, [300, 200, 250]);
        assert_eq!(reminders(&test)?[2..], ["Ann owes 250", "Ann, in USD: 500"]);
        Ok(())
    }

    #[tokio::test]
    async fn what_they_do_with_a_record_takes_place_together() -> kafmesh::Result<()> {
        let mut test = service().await?;
        let orders = test.source::<Order>("sharedStateService.customerId.order")?;
        orders.emit("c1", &Order { cents: -1 }).await?;
        assert!(test.settle().await.is_err());
        assert_eq!(balances(&test)?, [0; 0]);
        assert_eq!(reminders(&test)?, [""; 0]);
        Ok(())
    }

    #[tokio::test]
    async fn each_has_a_driver_of_its_own() -> kafmesh::Result<()> {
        let mut test = ChargeTest::new(Charge);
        test.set_state("c1", Account { cents: 5 });
        test.customer_id_order("c1", Order { cents: 1 }).await?;
        assert_eq!(test.state("c1")?, Some(Account { cents: 6 }));
        Ok(())
    }

    #[test]
    fn they_are_registered_once() -> kafmesh::Result<()> {
        struct Alone;

        impl single::AloneProcessor for Alone {
            async fn handle_customer_id_order(
                &self,
                _: &mut single::AloneContext<'_>,
                _: Order,
            ) -> kafmesh::Result<()> {
                Ok(())
            }
        }

        let mut test = ServiceTest::new();
        test.single().register_processors(Alone)?;
        let error = test.single().register_processors(Alone).unwrap_err();
        assert!(
            matches!(&error, kafmesh::Error::Registered { object } if object.contains("alone")),
            "{error}"
        );
        Ok(())
    }
}
