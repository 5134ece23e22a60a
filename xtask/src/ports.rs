//! Ports for servers.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::{Result, bail};

/// Below what systems hand out for outgoing connections (from 32768 on Linux, 49152 elsewhere): a port from there could
/// be taken again in the seconds until the server listens.
const PORTS: Range<u16> = 20_000..32_000;

/// Ports nobody listens on. They are all held until the last is found, so no two are the same.
pub(crate) fn free(count: usize) -> Result<Vec<u16>> {
    // Beginning anywhere keeps runs at the same time apart.
    free_from(
        RandomState::new().build_hasher().finish() as usize % PORTS.len(),
        count,
    )
}

fn free_from(first: usize, count: usize) -> Result<Vec<u16>> {
    let held: Vec<_> = PORTS
        .cycle()
        .skip(first)
        .take(PORTS.len())
        .filter_map(|port| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .ok()
                .map(|held| (port, held))
        })
        .take(count)
        .collect();
    if held.len() < count {
        bail!("no free ports between {} and {}", PORTS.start, PORTS.end);
    }
    Ok(held.iter().map(|(port, _)| *port).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn free_ports_differ_and_are_not_for_outgoing_connections() {
        let ports = free(6).unwrap();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), 6);
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
    }

    #[test]
    fn taken_ports_are_passed_over() {
        let mut ports = PORTS.map(|port| (port, TcpListener::bind((Ipv4Addr::LOCALHOST, port))));
        let (taken, _held) = ports.find(|(_, held)| held.is_ok()).unwrap();
        let found = free_from(usize::from(taken - PORTS.start), 1).unwrap();
        assert_ne!(found, [taken]);
    }
}
