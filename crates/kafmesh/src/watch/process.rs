//! What can be watched in a process, and by how many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::access::Access;
use super::hub::Hub;
use super::json::Types;
use super::stream::Operations;
use crate::codegen::{ComponentDescriptor, ProcessorDescriptor};

/// How many may watch one process at a time. With a full queue each they hold 64 MiB.
pub(super) const MAX_WATCHERS: usize = 16;

/// Characters of a name that are repeated to who asks for it.
const MAX_NAME: usize = 100;

/// The processors of a process that can be watched; clones are of the same process.
#[derive(Clone)]
pub(crate) struct Watching(Arc<Shared>);

struct Shared {
    access: Access,
    files: &'static [u8],
    /// Read from `files` when somebody watches first.
    types: OnceCell<Arc<Types>>,
    hubs: Mutex<Hubs>,
    places: Arc<Semaphore>,
    end: CancellationToken,
}

/// By component and processor: where it is watched, and which part of it it is.
type Hubs = BTreeMap<(&'static str, &'static str), (Arc<Hub>, usize)>;

impl Watching {
    /// Of nothing yet; `files` is an encoded `FileDescriptorSet` of the messages.
    pub(crate) fn new(access: Access, files: &'static [u8]) -> Self {
        Self(Arc::new(Shared {
            access,
            files,
            types: OnceCell::new(),
            hubs: Mutex::default(),
            places: Arc::new(Semaphore::new(MAX_WATCHERS)),
            end: CancellationToken::new(),
        }))
    }

    /// Lets a processor be watched, unless nothing may be; its tasks are to have a tap of the hub.
    pub(crate) fn add(
        &self,
        component: &ComponentDescriptor,
        processor: &'static ProcessorDescriptor,
    ) -> Option<Arc<Hub>> {
        if !self.0.access.is_on {
            return None;
        }
        // Processors that share their component's state are registered as one, and watched each.
        let sharing = component.processors.iter().copied();
        let mut parts: Vec<_> = sharing.filter(|it| it.group == processor.group).collect();
        if parts.is_empty() {
            parts.push(processor);
        }
        let hub = Arc::new(Hub::new(processor, parts));
        let mut hubs = self.0.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, part) in hub.parts().iter().enumerate() {
            hubs.insert((component.name, part.name), (Arc::clone(&hub), index));
        }
        Some(hub)
    }

    /// Begins to watch a processor, for who sent `metadata`.
    ///
    /// # Errors
    ///
    /// `UNIMPLEMENTED` and `UNAUTHENTICATED` as [`Access::check`] says, `NOT_FOUND` for what is not registered
    /// here, `RESOURCE_EXHAUSTED` when there is no place.
    pub(super) async fn watch(
        &self,
        metadata: &MetadataMap,
        component: &str,
        processor: &str,
        key: &str,
    ) -> Result<Operations, Status> {
        let Shared {
            access,
            files,
            types,
            hubs,
            places,
            end,
        } = &*self.0;
        access.check(metadata)?;
        let (hub, part) = {
            let hubs = hubs.lock().unwrap_or_else(PoisonError::into_inner);
            let found = hubs.get(&(component, processor)).cloned();
            found.ok_or_else(|| {
                let (processor, component) = (shortened(processor), shortened(component));
                Status::not_found(format!(
                    "no processor {processor:?} of a component {component:?} is registered in this process"
                ))
            })?
        };
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!(
                "{MAX_WATCHERS} watch this process already, and more may not; try again when one of them has left"
            ))
        })?;
        // That takes a while for many files, and other requests wait for the same threads.
        let files = *files;
        let types = types
            .get_or_try_init(|| spawn_blocking(move || Arc::new(Types::new(files))))
            .await
            .map_err(|_| {
                Status::internal("the service's description of its types cannot be read")
            })?;
        Ok(Operations::new(
            hub,
            (part, key),
            access.rate,
            Arc::clone(types),
            end.clone(),
            place,
        ))
    }

    /// Lets all who watch have what waits for them, and end.
    pub(crate) fn close(&self) {
        self.0.end.cancel();
    }
}

/// The beginning of `name`, which may be of any length.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
