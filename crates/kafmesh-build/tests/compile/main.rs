//! Everything in `tests/golden` compiles against the runtime, without warnings, in a crate that wants its
//! public items documented; and the seed's service works as its users write it.

#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]

mod objects;
mod whole;

#[path = "../golden/clicks/expected/mod.rs"]
pub mod clicks;
#[path = "../golden/descriptions/expected/mod.rs"]
pub mod descriptions;
#[path = "../golden/digits/expected/mod.rs"]
pub mod digits;
#[path = "../golden/empty/expected/mod.rs"]
pub mod empty;
#[path = "../golden/everything/expected/mod.rs"]
pub mod everything;
#[path = "../golden/joins/expected/mod.rs"]
pub mod joins;
#[path = "../golden/keywords/expected/mod.rs"]
pub mod keywords;
#[path = "../golden/meeting/expected/mod.rs"]
pub mod meeting;
#[path = "../golden/non_ascii/expected/mod.rs"]
pub mod non_ascii;
#[path = "../golden/prelude/expected/mod.rs"]
pub mod prelude;
#[path = "../golden/processors/expected/mod.rs"]
pub mod processors;
#[path = "../golden/protobuf/expected/mod.rs"]
pub mod protobuf;
#[path = "../golden/shared_state/expected/mod.rs"]
pub mod shared_state;
#[path = "../golden/sinks/expected/mod.rs"]
pub mod sinks;
#[path = "../golden/view_sinks/expected/mod.rs"]
pub mod view_sinks;
#[path = "../golden/view_sources/expected/mod.rs"]
pub mod view_sources;
#[path = "../golden/wellknown/expected/mod.rs"]
pub mod wellknown;

/// The style of build scripts.
pub mod inline {
    include!("../golden/clicks/inline.rs");
}

/// The seed's handler, as its users write it.
mod seed {
    use super::clicks::models::{Click, TotalClicks, TotalClicksState};
    use super::clicks::{ServiceTest, math};

    struct Counter;

    impl math::TotalClicksProcessor for Counter {
        async fn handle_user_id_click(
            &self,
            ctx: &mut math::TotalClicksContext<'_>,
            _click: Click,
        ) -> kafmesh::Result<()> {
            let mut state = ctx.state()?;
            state.count += 1;
            ctx.output_user_id_total_clicks(ctx.key(), &TotalClicks { count: state.count });
            ctx.save_state(state);
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_driver_of_a_processor_works_as_designed() -> kafmesh::Result<()> {
        let mut test = math::TotalClicksTest::new(Counter);
        test.user_id_click("user-1", Click::default()).await?;
        assert_eq!(
            test.outputs().user_id_total_clicks(),
            [("user-1", TotalClicks { count: 1 })]
        );
        assert_eq!(test.state("user-1")?, Some(TotalClicksState { count: 1 }));
        // A delete does nothing unless its handler is overridden.
        test.user_id_click_delete("user-1").await?;
        assert_eq!(test.state("user-1")?, Some(TotalClicksState { count: 1 }));
        Ok(())
    }

    #[tokio::test]
    async fn the_driver_of_the_service_works_as_designed() -> kafmesh::Result<()> {
        let mut test = ServiceTest::new();
        test.math().register_total_clicks_processor(Counter)?;
        let clicks = test.math().user_id_click_source();
        let totals = test.math().user_id_total_clicks_view()?;
        clicks.emit("user-1", &Click::default()).await?;
        test.settle().await?;
        assert_eq!(totals.get("user-1")?, Some(TotalClicks { count: 1 }));
        let records = test.records::<TotalClicks>("exampleService.userId.totalClicks")?;
        assert_eq!(records.len(), 1);
        Ok(())
    }

    /// The service itself runs on Kafka; here it is enough that the calls of its `main` compile.
    #[expect(dead_code, reason = "needs a broker to be called")]
    async fn main() -> kafmesh::Result<()> {
        let mut service = super::clicks::Service::connect(kafmesh::Config::from_env()?).await?;
        service.math().register_total_clicks_processor(Counter)?;
        let clicks = service.math().user_id_click_source();
        let totals = service.math().user_id_total_clicks_view()?;
        let stopper = service.stopper();
        tokio::spawn(async move {
            clicks.emit("user-1", &Click::default()).await?;
            totals.get("user-1")?;
            drop(stopper);
            Ok::<_, kafmesh::Error>(())
        });
        service.run().await
    }
}

/// A processor with several inputs and outputs, through the style of build scripts' sibling.
mod several_inputs {
    use super::processors::models::orders_service::order_id::{
        Cancelled, OrderState, Placed, Refund, Status,
    };
    use super::processors::models::shipping_service::order_id::Shipped;
    use super::processors::orders;

    struct Orders;

    impl Orders {
        fn set(&self, ctx: &mut orders::OrderStatusContext<'_>, text: &str) {
            let text = text.to_owned();
            ctx.output_order_id_status(ctx.key(), &Status { text: text.clone() });
            ctx.save_state(OrderState { text, cents: 0 });
        }
    }

    impl orders::OrderStatusProcessor for Orders {
        async fn handle_order_id_placed(
            &self,
            ctx: &mut orders::OrderStatusContext<'_>,
            _: Placed,
        ) -> kafmesh::Result<()> {
            self.set(ctx, "placed");
            Ok(())
        }

        async fn handle_order_id_placed_delete(
            &self,
            ctx: &mut orders::OrderStatusContext<'_>,
        ) -> kafmesh::Result<()> {
            ctx.delete_order_id_status(ctx.key());
            ctx.delete_state();
            Ok(())
        }

        async fn handle_order_id_cancelled(
            &self,
            ctx: &mut orders::OrderStatusContext<'_>,
            _: Cancelled,
        ) -> kafmesh::Result<()> {
            self.set(ctx, "cancelled");
            ctx.output_order_id_refund(ctx.key(), &Refund { cents: 100 });
            Ok(())
        }

        async fn handle_shipping_service_order_id_shipped(
            &self,
            ctx: &mut orders::OrderStatusContext<'_>,
            shipped: Shipped,
        ) -> kafmesh::Result<()> {
            self.set(ctx, &format!("with {}", shipped.carrier));
            Ok(())
        }
    }

    #[tokio::test]
    async fn each_input_has_its_handler_and_each_output_its_records() -> kafmesh::Result<()> {
        let mut test = orders::OrderStatusTest::new(Orders);
        test.order_id_placed("1", Placed::default()).await?;
        let shipped = Shipped {
            carrier: "a horse".to_owned(),
        };
        test.shipping_service_order_id_shipped("1", shipped).await?;
        test.order_id_cancelled("2", Cancelled::default()).await?;
        let statuses: Vec<_> = test
            .outputs()
            .order_id_status()
            .into_iter()
            .map(|(key, status)| (key.to_owned(), status.text))
            .collect();
        let expected = [("1", "placed"), ("1", "with a horse"), ("2", "cancelled")];
        assert_eq!(
            statuses,
            expected.map(|(key, text)| (key.to_owned(), text.to_owned()))
        );
        assert_eq!(
            test.outputs().order_id_refund(),
            [("2", Refund { cents: 100 })]
        );

        test.clear_outputs();
        test.order_id_placed_delete("1").await?;
        assert_eq!(test.state("1")?, None);
        let records = test.outputs().order_id_status_records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].value, None);
        assert_eq!(test.outputs().order_id_status(), []);
        Ok(())
    }
}

/// Names that are keywords or generated ones are reached as documented.
mod names {
    use super::meeting::models::{clear, set, user};
    use super::meeting::records::{AdvanceContext, AdvanceProcessor, AdvanceTest};

    #[test]
    fn components_named_like_keywords_or_methods_are_reached() {
        let mut test = super::keywords::ServiceTest::new();
        test.r#type().type_type_source();
        test.r#async().async_type_source();
        test.r#gen().gen_type_source();
        test.self_().self_type_source();
        test.crate_().crate_type_source();
        test.super_().super_type_source();
        test.run_component().run_type_source();
        test.new_component().new_type_source();
        test.codegen().codegen_type_source();
        test.kafmesh().kafmesh_type_source();
        let mut test = super::meeting::ServiceTest::new();
        test.records_component();
        test.settle_component().user_click_source();
        test.source_component();
        test.add_grpc_service_component().user_click_source();
        let mut test = super::digits::ServiceTest::new();
        test._3d_model()._3d_model_2d_view_source();
        let mut test = super::non_ascii::ServiceTest::new();
        test.größe_in_cm();
    }

    struct Advance;

    impl AdvanceProcessor for Advance {
        async fn handle_user_click(
            &self,
            ctx: &mut AdvanceContext<'_>,
            message: user::Click,
        ) -> kafmesh::Result<()> {
            ctx.output_user_click(ctx.key(), &message);
            Ok(())
        }

        async fn handle_set_state(
            &self,
            _: &mut AdvanceContext<'_>,
            _: set::State,
        ) -> kafmesh::Result<()> {
            Ok(())
        }

        async fn handle_clear_outputs(
            &self,
            _: &mut AdvanceContext<'_>,
            _: clear::Outputs,
        ) -> kafmesh::Result<()> {
            Ok(())
        }

        async fn handle_set_headers(
            &self,
            _: &mut AdvanceContext<'_>,
            _: set::Headers,
        ) -> kafmesh::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn inputs_named_like_methods_of_the_driver_are_reached() -> kafmesh::Result<()> {
        let mut test = AdvanceTest::new(Advance);
        test.set_state_input("key", set::State::default()).await?;
        test.set_headers_input("key", set::Headers::default())
            .await?;
        test.clear_outputs_input("key", clear::Outputs::default())
            .await?;
        test.user_click("key", user::Click { number: 7 }).await?;
        assert_eq!(
            test.outputs().user_click(),
            [("key", user::Click { number: 7 })]
        );
        Ok(())
    }
}

/// Messages survive a round trip whatever they are called and made of.
mod messages {
    use kafmesh::codegen::v1::prost::Message;

    use super::prelude::models::std::{Box, Option, Result, String, Vec};
    use super::protobuf::models::legacy::Record;
    use super::protobuf::models::shapes_service::shapes::{Drawing, drawing};

    fn round_trip<M: Message + Default + PartialEq>(message: &M) {
        assert!(M::decode(message.encode_to_vec().as_slice()).as_ref() == Ok(message));
    }

    #[test]
    fn messages_named_like_the_prelude_are_messages() {
        let vec = Vec {
            items: vec![Box::default()],
            ..Default::default()
        };
        let result = Result {
            ok: Some(vec),
            ..Default::default()
        };
        round_trip(&Option {
            result: Some(result),
            text: Some(String { value: "x".into() }),
        });
    }

    #[test]
    fn nested_recursive_and_well_known_types_are_there() {
        let layer = drawing::Layer {
            style: Some(drawing::layer::Style {
                line: drawing::layer::style::Line::Dotted as i32,
            }),
            ..Default::default()
        };
        round_trip(&Drawing {
            top: Some(drawing::Layer {
                below: Some(std::boxed::Box::new(layer)),
                ..Default::default()
            }),
            kinds: [(1, super::protobuf::models::geometry::Kind::Circle as i32)].into(),
            drawn_at: Some(kafmesh::codegen::v1::prost_types::Timestamp::default()),
            background: Some(drawing::Background::Colour("red".into())),
            ..Default::default()
        });
        let record = Record::default();
        assert_eq!((record.count(), record.raw()), (7, &b"\x01\"x"[..]));
    }

    #[test]
    fn only_unique_names_are_reexported() {
        use super::protobuf::models;
        // `Shape` is a message without a package, and one of `geometry`.
        let shape = models::Shape {
            loose: Some(models::Loose {
                at: Some(models::Point::default()),
            }),
        };
        assert_eq!(
            models::geometry::Shape::default(),
            models::geometry::Shape::default()
        );
        round_trip(&shape);
    }
}
