//! ListGroups and DescribeGroups: which consumer groups there are, and who is in them.
//!
//! Tansu lists a group only once it has committed an offset, and without its state. That a member has
//! vanished it notices only when another one of the group speaks (tansu-storage 0.6, `dynostore.rs`;
//! tansu-broker 0.6, `administrator.rs`). Members, generations and offsets stay with Tansu.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rama::{Context, Service};
use tansu_broker::Error;
use tansu_broker::broker::group::join::JoinGroupService;
use tansu_broker::coordinator::group::Coordinator as _;
use tansu_broker::coordinator::group::administrator::Controller;
use tansu_sans_io::describe_groups_response::DescribedGroup;
use tansu_sans_io::list_groups_response::ListedGroup;
use tansu_sans_io::{
    Body, DescribeGroupsRequest, DescribeGroupsResponse, ErrorCode, Frame, ListGroupsRequest,
    ListGroupsResponse,
};
use tansu_storage::{Storage as _, StorageContainer};

/// The type of all groups here: their members agree through JoinGroup and SyncGroup.
const CLASSIC: &str = "classic";

/// The state of a group that is not there.
const DEAD: &str = "Dead";

/// In place of the operations that a client may do (DescribeGroupsResponse.json).
const NOT_ASKED: i32 = i32::MIN;

/// The consumer groups.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    storage: StorageContainer,
    coordinator: Controller<StorageContainer>,
    /// The groups that anybody has ever joined.
    joined: Arc<Mutex<BTreeSet<String>>>,
}

impl Groups {
    /// The groups of `coordinator`, whose members and offsets are in `storage`.
    pub(super) fn new(
        storage: StorageContainer,
        coordinator: Controller<StorageContainer>,
    ) -> Self {
        Self {
            storage,
            coordinator,
            joined: Arc::default(),
        }
    }

    fn joined(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // Nothing that can panic is done under the lock.
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The groups that have members or committed offsets.
    async fn list(&self) -> Result<Vec<DescribedGroup>, Error> {
        let committed = self.committed().await?;
        let names = self.joined().union(&committed).cloned().collect::<Vec<_>>();
        let mut groups = self.describe(&names).await?;
        groups.retain(|group| group.group_state != DEAD);
        Ok(groups)
    }

    async fn describe(&self, names: &[String]) -> Result<Vec<DescribedGroup>, Error> {
        for name in names {
            self.expel_vanished(name).await?;
        }
        let committed = self.committed().await?;
        let described = self.storage.describe_groups(Some(names), false).await?;
        let groups = described.iter().map(DescribedGroup::from);
        Ok(groups.map(|group| as_classic(group, &committed)).collect())
    }

    /// The groups that have committed offsets.
    async fn committed(&self) -> Result<BTreeSet<String>, Error> {
        let groups = self.storage.list_groups(None).await?.into_iter();
        Ok(groups.map(|group| group.group_id).collect())
    }

    /// Has the coordinator remove the members that have not spoken for their session timeout, as it does
    /// at every heartbeat: also at this one, which is nobody's.
    async fn expel_vanished(&self, group: &str) -> Result<(), Error> {
        if self.joined().contains(group) {
            let mut coordinator = self.coordinator.clone();
            // The answer is that there is no such member.
            coordinator.heartbeat(group, -1, "", None).await?;
        }
        Ok(())
    }
}

/// The group as the protocol has it. Tansu calls empty what is not there, and has states that a classic
/// group has not: its members are about to share the partitions anew then.
fn as_classic(group: DescribedGroup, committed: &BTreeSet<String>) -> DescribedGroup {
    let state = match group.group_state.as_str() {
        "Stable" => "Stable",
        "Empty" if committed.contains(&group.group_id) => "Empty",
        "Empty" => DEAD,
        _ => "PreparingRebalance",
    };
    group
        .group_state(state.to_owned())
        .authorized_operations(Some(NOT_ASKED))
}

impl Service<(), ListGroupsRequest> for Groups {
    type Response = ListGroupsResponse;
    type Error = Error;

    async fn serve(
        &self,
        _: Context<()>,
        request: ListGroupsRequest,
    ) -> Result<Self::Response, Self::Error> {
        let wanted = |filter: &Option<Vec<String>>, is: &str| {
            let mut names = filter.iter().flatten().peekable();
            names.peek().is_none() || names.any(|name| name.eq_ignore_ascii_case(is))
        };
        let groups = self.list().await?.into_iter();
        let groups = groups
            .filter(|group| {
                wanted(&request.states_filter, &group.group_state)
                    && wanted(&request.types_filter, CLASSIC)
            })
            .map(|group| {
                ListedGroup::default()
                    .group_id(group.group_id)
                    .protocol_type(group.protocol_type)
                    .group_state(Some(group.group_state))
                    .group_type(Some(CLASSIC.to_owned()))
            });
        Ok(ListGroupsResponse::default()
            .throttle_time_ms(Some(0))
            .error_code(ErrorCode::None.into())
            .groups(Some(groups.collect())))
    }
}

impl Service<(), DescribeGroupsRequest> for Groups {
    type Response = DescribeGroupsResponse;
    type Error = Error;

    async fn serve(
        &self,
        _: Context<()>,
        request: DescribeGroupsRequest,
    ) -> Result<Self::Response, Self::Error> {
        let names = request.groups.unwrap_or_default();
        Ok(DescribeGroupsResponse::default()
            .throttle_time_ms(Some(0))
            .groups(Some(self.describe(&names).await?)))
    }
}

/// JoinGroup: what Tansu does, and the group is known from then on.
#[derive(Clone, Debug)]
pub(super) struct JoinGroup(pub(super) Groups);

impl Service<(), Frame> for JoinGroup {
    type Response = Frame;
    type Error = Error;

    async fn serve(&self, context: Context<()>, request: Frame) -> Result<Frame, Error> {
        let Self(groups) = self;
        if let Body::JoinGroupRequest(join) = &request.body {
            groups.joined().insert(join.group_id.clone());
        }
        let context = context.map_state(|()| groups.coordinator.clone());
        JoinGroupService.serve(context, request).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tansu_sans_io::create_topics_request::CreatableTopic;
    use tansu_sans_io::join_group_request::JoinGroupRequestProtocol;
    use tansu_storage::{OffsetCommitRequest, Topition};
    use url::Url;

    use super::*;

    async fn groups() -> Groups {
        let storage = StorageContainer::builder()
            .cluster_id("test")
            .node_id(1)
            .advertised_listener(Url::parse("tcp://127.0.0.1:1").unwrap())
            .storage(Url::parse("memory://test/").unwrap())
            .silent(true)
            .build()
            .await
            .unwrap();
        let coordinator = Controller::with_storage(storage.clone()).unwrap();
        Groups::new(storage, coordinator)
    }

    /// Somebody joins, and says no more.
    async fn join(groups: &Groups, group: &str, session: Duration) {
        groups.joined().insert(group.to_owned());
        let protocols = [JoinGroupRequestProtocol::default().name("range".to_owned())];
        let session = i32::try_from(session.as_millis()).unwrap();
        let mut coordinator = groups.coordinator.clone();
        let joined = coordinator.join(
            None,
            group,
            session,
            None,
            "",
            None,
            "consumer",
            Some(&protocols),
            None,
        );
        joined.await.unwrap();
    }

    async fn listed(groups: &Groups) -> Vec<(String, String, usize)> {
        let listed = groups.list().await.unwrap().into_iter();
        listed
            .map(|group| {
                let members = group.members.unwrap().len();
                (group.group_id, group.group_state, members)
            })
            .collect()
    }

    #[tokio::test]
    async fn who_vanished_is_no_member_and_a_group_stays_for_its_offsets() {
        let groups = groups().await;
        let topic = CreatableTopic::default()
            .name("clicks".to_owned())
            .num_partitions(1)
            .replication_factor(1)
            .assignments(Some(Vec::new()))
            .configs(Some(Vec::new()));
        groups.storage.create_topic(topic, false).await.unwrap();
        let commit = [(Topition::new("clicks", 0), OffsetCommitRequest::default())];
        for (group, seconds) in [("here", 3600), ("gone", 0), ("left", 0)] {
            join(&groups, group, Duration::from_secs(seconds)).await;
        }
        for group in ["left", "tool"] {
            let committed = groups.storage.offset_commit(group, None, &commit);
            assert_eq!(committed.await.unwrap()[0].1, ErrorCode::None);
        }
        // Longer than a session of no time.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let group = |name: &str, state: &str, members| (name.to_owned(), state.to_owned(), members);
        assert_eq!(
            listed(&groups).await,
            [
                group("here", "PreparingRebalance", 1),
                group("left", "Empty", 0),
                group("tool", "Empty", 0),
            ]
        );
        for name in ["gone", "never"] {
            let described = groups.describe(&[name.to_owned()]).await.unwrap();
            assert_eq!(described[0].group_state, "Dead", "{name}");
        }
    }
}
