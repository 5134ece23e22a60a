//! The mesh: what its processes said last, and the graph that follows from it.

pub mod actual;
pub mod description;
pub mod graph;
pub mod pod;
pub mod run;
