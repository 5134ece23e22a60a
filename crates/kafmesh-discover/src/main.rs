//! The program `kafmesh-discover`.

fn main() {}
