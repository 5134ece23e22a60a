//! The environment variables in which the tests find their servers and programs. Who sets one brings their own, and none
//! is started or compiled.

use std::ffi::OsString;

pub(crate) const BROKERS: &str = "KAFMESH_TEST_BROKERS";
/// Of the Kafka that [`BROKERS`] names, the listener for SASL_SSL.
pub(crate) const SASL_BROKERS: &str = "KAFMESH_TEST_SASL_BROKERS";
/// Of the same, the listener for SASL_PLAINTEXT.
pub(crate) const ACL_BROKERS: &str = "KAFMESH_TEST_ACL_BROKERS";
pub(crate) const POSTGRES: &str = "KAFMESH_TEST_POSTGRES";
pub(crate) const NEO4J: &str = "KAFMESH_TEST_NEO4J";
/// The folder with kube-apiserver and etcd; the name is what Kubernetes' own test tools read.
pub(crate) const KUBERNETES: &str = "KUBEBUILDER_ASSETS";
pub(crate) const GRPCURL: &str = "KAFMESH_TEST_GRPCURL";
pub(crate) const HELM: &str = "KAFMESH_TEST_HELM";

/// What a variable says; an empty one says nothing.
pub(crate) fn value(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}
