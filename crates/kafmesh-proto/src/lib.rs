//! The gRPC contracts every kafmesh process serves.

/// The descriptors of every contract here, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// `kafmesh.ping`: whether a process answers.
pub mod ping {
    /// Version 1.
    #[expect(missing_docs, reason = "generated from the documented .proto")]
    pub mod v1 {
        tonic::include_proto!("kafmesh.ping.v1");
    }
}
