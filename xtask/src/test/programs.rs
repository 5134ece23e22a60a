//! The programs that tests start by themselves: those that the environment names, else compiled ones.

use std::path::PathBuf;

use anyhow::Result;

use super::variables::{self, GRPCURL, HELM, KUBERNETES};
use crate::go;

/// A variable, and what belongs into it.
pub(crate) type Named = (&'static str, PathBuf);

/// A Kubernetes API server and etcd.
pub(crate) fn kubernetes() -> Result<Vec<Named>> {
    named(&go::KUBERNETES, &[(KUBERNETES, ".")])
}

/// grpcurl and Helm.
pub(crate) fn tools() -> Result<Vec<Named>> {
    named(&go::TOOLS, &[(GRPCURL, "grpcurl"), (HELM, "helm")])
}

/// The variables with what they are set to, else with that file of the set.
fn named(set: &go::Set, variables: &[(&'static str, &str)]) -> Result<Vec<Named>> {
    let named = variables.iter().map(|(variable, file)| {
        let path = match variables::value(variable) {
            Some(path) => path.into(),
            None => set.provide()?.join(file).components().collect(),
        };
        Ok((*variable, path))
    });
    named.collect()
}
