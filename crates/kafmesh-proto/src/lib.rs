//! The gRPC contracts every kafmesh process serves.

/// The descriptors of every contract here, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// `kafmesh.discover`: what a process is.
pub mod discover {
    /// Version 1.
    #[expect(missing_docs, reason = "generated from the documented .proto")]
    pub mod v1 {
        tonic::include_proto!("kafmesh.discover.v1");
    }
}

/// `kafmesh.discovery`: what a process is, as kafmesh for Go tells it.
pub mod discovery {
    /// Version 1.
    #[expect(missing_docs, reason = "generated from the documented .proto")]
    pub mod v1 {
        tonic::include_proto!("kafmesh.discovery.v1");
    }
}

/// `kafmesh.ping`: whether a process answers.
pub mod ping {
    /// Version 1.
    #[expect(missing_docs, reason = "generated from the documented .proto")]
    pub mod v1 {
        tonic::include_proto!("kafmesh.ping.v1");
    }
}

/// `kafmesh.watch`: what processors do, record by record.
pub mod watch {
    /// Version 1.
    #[expect(missing_docs, reason = "generated from the documented .proto")]
    pub mod v1 {
        tonic::include_proto!("kafmesh.watch.v1");
    }
}
