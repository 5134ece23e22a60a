//! Both kinds of table, and what only one on disk can show.

use super::*;

const CHANGELOG: CheckpointOf<'_> = CheckpointOf {
    topic: "g-table",
    partition: 3,
};

fn everything(table: &Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    table
        .iter()
        .map(|entry| {
            entry
                .map(|(key, value)| (key, value.as_ref().to_vec()))
                .unwrap()
        })
        .collect()
}

/// Both kinds of table behave alike.
fn check(test: impl Fn(&Table)) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    test(&store.table("t-0").unwrap());
    test(&Table::in_memory());
}

#[test]
fn a_batch_sets_deletes_and_checkpoints_at_once() {
    check(|table| {
        let mut batch = table.batch();
        batch.put(b"b", Some(b"2")).unwrap();
        batch.put(b"", Some(b"empty key")).unwrap();
        batch.put(b"a", Some(b"")).unwrap();
        batch.checkpoint(CHANGELOG, 7);
        assert!(
            table.get(b"b").unwrap().is_none(),
            "nothing is seen before the commit"
        );
        batch.commit().unwrap();

        assert_eq!(
            everything(table),
            [
                (b"".to_vec(), b"empty key".to_vec()),
                (b"a".to_vec(), vec![]),
                (b"b".to_vec(), b"2".to_vec())
            ]
        );
        assert_eq!(table.checkpoint(CHANGELOG).unwrap(), Some(7));
        assert_eq!(
            table
                .checkpoint(CheckpointOf {
                    partition: 4,
                    ..CHANGELOG
                })
                .unwrap(),
            None
        );

        let mut batch = table.batch();
        batch.put(b"b", None).unwrap();
        batch.commit().unwrap();
        assert!(table.get(b"b").unwrap().is_none());
    });
}

#[test]
fn clear_forgets_checkpoints_too() {
    check(|table| {
        let mut batch = table.batch();
        batch.put(b"a", Some(b"1")).unwrap();
        batch.checkpoint(CHANGELOG, 1);
        batch.commit().unwrap();
        let mut batch = table.batch();
        batch.topic_id(CHANGELOG.topic, TopicId([7; 16]));
        batch.commit().unwrap();
        let id = table.topic_id(CHANGELOG.topic).unwrap();
        assert_eq!(id, Some(TopicId([7; 16])));
        table.clear().unwrap();
        assert_eq!(everything(table), []);
        assert_eq!(table.topic_id(CHANGELOG.topic).unwrap(), None);
        assert_eq!(table.checkpoint(CHANGELOG).unwrap(), None);
    });
}

#[test]
fn a_key_too_long_for_the_store_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let table = Store::open(dir.path()).unwrap().table("t-0").unwrap();
    let error = table
        .batch()
        .put(&vec![b'x'; 70_000], Some(b"1"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("70000 bytes"), "{error}");
}

#[test]
fn a_directory_in_use_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let _store = Store::open(dir.path()).unwrap();
    let error = Store::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("KAFMESH_STATE_DIR"), "{error}");
}

fn put(table: &Table, key: &[u8], offset: i64) {
    let mut batch = table.batch();
    batch.put(key, Some(b"1")).unwrap();
    batch.checkpoint(CHANGELOG, offset);
    batch.commit().unwrap();
}

#[test]
fn a_restart_finds_what_was_flushed_and_nothing_beyond_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap();
        let table = store.table("t-0").unwrap();
        put(&table, b"a", 1);
        store.flush().unwrap();
        put(&table, b"b", 2);
    }
    let store = Store::open(dir.path()).unwrap();
    let table = store.table("t-0").unwrap();
    assert_eq!(everything(&table), [(b"a".to_vec(), b"1".to_vec())]);
    assert_eq!(table.checkpoint(CHANGELOG).unwrap(), Some(1));

    // And what comes then is newer.
    let mut batch = table.batch();
    batch.put(b"a", Some(b"2")).unwrap();
    batch.commit().unwrap();
    store.flush().unwrap();
    assert_eq!(table.get(b"a").unwrap().unwrap().as_ref(), b"2");
}

#[test]
fn the_last_change_of_a_key_in_a_batch_counts() {
    check(|table| {
        let mut batch = table.batch();
        for value in [Some(b"1"), None, Some(b"2")] {
            batch.put(b"a", value.map(|value| &value[..])).unwrap();
        }
        for value in [Some(b"1"), None] {
            batch.put(b"b", value.map(|value| &value[..])).unwrap();
        }
        batch.commit().unwrap();
        assert_eq!(everything(table), [(b"a".to_vec(), b"2".to_vec())]);
    });
}

#[test]
fn a_load_is_a_batch_in_bulk() {
    check(|table| {
        put(table, b"old", 1);
        put(table, b"gone", 2);
        let mut load = Load::default();
        load.put(b"b", Some(b"1"));
        load.put(b"a", Some(b""));
        load.put(b"gone", Some(b"again"));
        load.put(b"b", Some(b"2"));
        load.put(b"gone", None);
        load.put(b"", Some(b"empty key"));
        table.load(&mut load, CHANGELOG, 8).unwrap();
        assert_eq!(load.size(), 0);
        assert_eq!(
            everything(table),
            [
                (b"".to_vec(), b"empty key".to_vec()),
                (b"a".to_vec(), vec![]),
                (b"b".to_vec(), b"2".to_vec()),
                (b"old".to_vec(), b"1".to_vec()),
            ]
        );
        assert_eq!(table.checkpoint(CHANGELOG).unwrap(), Some(8));
        put(table, b"b", 9);
        assert_eq!(table.get(b"b").unwrap().unwrap().as_ref(), b"1");
        assert_eq!(table.checkpoint(CHANGELOG).unwrap(), Some(9));
    });
}

#[test]
fn an_iteration_sees_what_there_was_when_it_began() {
    check(|table| {
        put(table, b"a", 1);
        let iteration = table.iter();
        put(table, b"b", 2);
        let mut load = Load::default();
        load.put(b"c", Some(b"1"));
        load.put(b"a", None);
        table.load(&mut load, CHANGELOG, 3).unwrap();
        assert_eq!(iteration.count(), 1);
        assert_eq!(table.iter().count(), 2);
    });
}

/// Enough batches to write memtables to disk, merge files and wait for both.
#[test]
fn a_table_larger_than_memory_behaves_like_a_map() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let table = store.table("t-0").unwrap();
    let mut expected = std::collections::BTreeMap::new();
    let mut number = 1_u64;
    for offset in 0..30 {
        let mut batch = table.batch();
        for _ in 0..1000 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let key = (number >> 33) % 20_000;
            let value = (!number.is_multiple_of(5)).then(|| vec![offset as u8; 1000]);
            batch.put(&key.to_be_bytes(), value.as_deref()).unwrap();
            match value {
                Some(value) => expected.insert(key.to_be_bytes().to_vec(), value),
                None => expected.remove(&key.to_be_bytes()[..]),
            };
        }
        batch.checkpoint(CHANGELOG, offset);
        batch.commit().unwrap();
    }
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(everything(&table), expected);
    store.flush().unwrap();
    drop((table, store));
    let table = Store::open(dir.path()).unwrap().table("t-0").unwrap();
    assert_eq!(everything(&table), expected);
    assert_eq!(table.checkpoint(CHANGELOG).unwrap(), Some(29));
}

#[test]
fn a_disk_that_fails_in_the_background_fails_the_next_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let table = store.table("t-0").unwrap();
    put(&table, b"a", 1);
    store.flush().unwrap();
    // A file where the folder for files was.
    let files = dir.path().join("tables/t-0/tables");
    let aside = dir.path().join("aside");
    std::fs::rename(&files, &aside).unwrap();
    std::fs::write(&files, "").unwrap();
    let error = (2..200)
        .find_map(|offset| {
            let mut batch = table.batch();
            batch.put(b"b", Some(&vec![0; 1 << 20])).unwrap();
            batch.checkpoint(CHANGELOG, offset);
            batch.commit().err()
        })
        .unwrap()
        .to_string();
    assert!(
        error.contains("t-0") && error.contains("restart"),
        "{error}"
    );
    assert!(store.flush().is_err());
    drop((table, store));

    std::fs::remove_file(&files).unwrap();
    std::fs::rename(&aside, &files).unwrap();
    let table = Store::open(dir.path()).unwrap().table("t-0").unwrap();
    assert_eq!(everything(&table), [(b"a".to_vec(), b"1".to_vec())]);
    assert_eq!(table.checkpoint(CHANGELOG).unwrap(), Some(1));
}

#[test]
fn a_damaged_table_is_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap();
        put(&store.table("t-0").unwrap(), b"a", 1);
        store.flush().unwrap();
    }
    std::fs::write(dir.path().join("tables/t-0/current"), "nonsense").unwrap();
    let table = Store::open(dir.path()).unwrap().table("t-0").unwrap();
    assert_eq!(everything(&table), []);
    assert_eq!(table.checkpoint(CHANGELOG).unwrap(), None);
}
