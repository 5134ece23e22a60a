//! Both kinds of table, and what only one on disk can show.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt as _;

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

/// Copies the files of a store, which then are as a crash leaves them.
fn crash(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        if path.is_dir() {
            crash(&path, &to.join(name));
        } else {
            std::fs::copy(path, to.join(name)).unwrap();
        }
    }
}

#[test]
fn a_restart_finds_what_was_flushed_and_nothing_beyond_its_checkpoint() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    {
        let store = Store::open(dir.path()).unwrap();
        let table = store.table("t-0").unwrap();
        put(&table, b"a", 1);
        store.flush().unwrap();
        put(&table, b"b", 2);
        crash(dir.path(), crashed.path());
    }
    let store = Store::open(crashed.path()).unwrap();
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
#[tokio::test]
async fn a_table_larger_than_memory_behaves_like_a_map() {
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
        table.room().await.unwrap();
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

#[tokio::test]
async fn a_disk_that_fails_in_the_background_fails_the_next_commits() {
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
    for offset in 2..50 {
        let mut batch = table.batch();
        batch.put(b"b", Some(&vec![0; 1 << 20])).unwrap();
        batch.checkpoint(CHANGELOG, offset);
        if batch.commit().is_err() {
            break;
        }
    }
    let error = table.room().await.unwrap_err().to_string();
    assert!(
        error.contains("t-0") && error.contains("restart"),
        "{error}"
    );
    assert!(table.batch().commit().is_err());
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

/// Changes `bytes` of every file of a table.
fn damage(dir: &std::path::Path, table: &str, bytes: std::ops::Range<usize>) {
    for file in std::fs::read_dir(dir.join("tables").join(table).join("tables")).unwrap() {
        let path = file.unwrap().path();
        let mut content = std::fs::read(&path).unwrap();
        content[bytes.clone()]
            .iter_mut()
            .for_each(|byte| *byte ^= 0x55);
        std::fs::write(path, content).unwrap();
    }
}

#[test]
fn a_table_that_is_found_damaged_while_it_is_read_is_empty_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let keys = (0..1000_u32).map(u32::to_be_bytes);
    {
        let store = Store::open(dir.path()).unwrap();
        let table = store.table("t-0").unwrap();
        keys.clone().for_each(|key| put(&table, &key, 1));
        put(&store.table("t-1").unwrap(), b"a", 1);
        store.flush().unwrap();
    }
    damage(dir.path(), "t-0", 100..200);
    {
        let store = Store::open(dir.path()).unwrap();
        let table = store.table("t-0").unwrap();
        let error = keys.clone().find_map(|key| table.get(&key).err());
        let error = error.unwrap().to_string();
        assert!(
            error.contains("damaged") && error.contains("restart"),
            "{error}"
        );
    }
    let store = Store::open(dir.path()).unwrap();
    let table = store.table("t-0").unwrap();
    assert_eq!(everything(&table), []);
    put(&table, b"a", 1);
    store.flush().unwrap();
    drop((table, store));

    let store = Store::open(dir.path()).unwrap();
    for table in ["t-0", "t-1"] {
        assert_eq!(everything(&store.table(table).unwrap()).len(), 1, "{table}");
    }
}

/// Whether there is room in `table` without waiting.
fn has_room(table: &Table) -> bool {
    table.room().now_or_never().is_some_and(|room| room.is_ok())
}

#[tokio::test]
async fn a_commit_does_not_wait_for_the_disk_but_the_next_ones_should() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let table = store.table("t-0").unwrap();
    let Table::Disk(disk) = &table else { panic!() };
    let held = disk.hold_flushes();
    assert!(has_room(&table));
    for number in 0..40_u8 {
        let mut batch = table.batch();
        batch.put(&[number], Some(&vec![0; 1 << 20])).unwrap();
        batch.commit().unwrap();
    }
    assert!(!has_room(&table));
    drop(held);
    table.room().await.unwrap();
    assert_eq!(table.iter().count(), 40);
}

#[tokio::test]
async fn many_tables_together_wait_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let tables: Vec<_> = (0..20)
        .map(|number| store.table(&format!("t-{number}")).unwrap())
        .collect();
    let held: Vec<_> = tables
        .iter()
        .map(|table| match table {
            Table::Disk(table) => table.hold_flushes(),
            Table::Memory(_) => panic!(),
        })
        .collect();
    // None of them comes near what a table may have.
    let mut written = 0;
    while tables.iter().all(has_room) {
        for table in &tables {
            let mut batch = table.batch();
            let key = u32::to_be_bytes(written);
            batch.put(&key, Some(&vec![0; 128 << 10])).unwrap();
            batch.commit().unwrap();
            written += 128 << 10;
        }
        assert!(written < 70 << 20, "nobody has to wait");
    }
    assert!(written > 60 << 20, "{written}");
    assert!(!tables.iter().any(has_room));
    drop(held);
    for table in &tables {
        table.room().await.unwrap();
    }
}

/// Waits until as many tables are open as there should be.
fn wait_until_open(store: &Store, tables: usize) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while store.open_tables() != tables {
        assert!(
            std::time::Instant::now() < deadline,
            "{} tables are open, not {tables}",
            store.open_tables()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_table_that_nobody_has_any_more_is_closed_with_everything_on_disk() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap();
    let stays = store.table("t-0").unwrap();
    let moves = store.table("t-1").unwrap();
    put(&stays, b"a", 1);
    put(&moves, b"b", 2);
    let too = moves.clone();
    drop(moves);
    assert_eq!(store.open_tables(), 2);
    drop(too);
    wait_until_open(&store, 1);
    // What was in memory has not gone with it.
    crash(dir.path(), crashed.path());
    let found = Store::open(crashed.path()).unwrap().table("t-1").unwrap();
    assert_eq!(everything(&found), [(b"b".to_vec(), b"1".to_vec())]);
    // And when it comes back.
    let back = store.table("t-1").unwrap();
    assert_eq!(everything(&back), [(b"b".to_vec(), b"1".to_vec())]);
    assert_eq!(back.checkpoint(CHANGELOG).unwrap(), Some(2));
    assert_eq!(store.open_tables(), 2);
}

#[test]
fn a_table_that_comes_back_at_once_has_everything() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for offset in 1..300_i64 {
        let table = store.table("t-0").unwrap();
        let before = table.checkpoint(CHANGELOG).unwrap();
        assert_eq!(before, (offset > 1).then_some(offset - 1));
        put(&table, &offset.to_be_bytes(), offset);
        // Sometimes the closing is through, sometimes under way, sometimes only asked for.
        drop(table);
        std::thread::sleep(Duration::from_micros(37 * (offset as u64 % 50)));
    }
    let table = store.table("t-0").unwrap();
    assert_eq!(everything(&table).len(), 299);
    drop(table);
    wait_until_open(&store, 0);
}

/// A bulk write and the writing of a memtable want the same locks.
#[test]
fn loads_and_flushes_of_a_table_do_not_wait_for_each_other_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let table = store.table("t-0").unwrap();
    let Table::Disk(disk) = &table else { panic!() };
    for offset in 0..50 {
        put(&table, b"b", offset);
        std::thread::scope(|scope| {
            let held = disk.hold_flushes();
            scope.spawn(|| {
                let mut load = Load::default();
                load.put(b"a", Some(b"1"));
                table.load(&mut load, CHANGELOG, offset).unwrap();
            });
            scope.spawn(|| disk.flush().unwrap());
            drop(held);
        });
    }
    assert_eq!(everything(&table).len(), 2);
}
