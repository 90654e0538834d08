//! Both stores behave alike; one of them also after a restart.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use foghorn_auth::AppKey;
use foghorn_protocol::{ChannelName, UserId};
use foghorn_webhooks::{Class, Lane, Target};

use super::*;
use crate::scratch::Scratch;

fn delivery(app: &str, body: &str) -> Delivery {
    Delivery {
        app: app.into(),
        target: Arc::new(Target {
            url: "https://example.test/hook?token=1".to_owned(),
            headers: vec![("x-env".to_owned(), "prod".to_owned())],
        }),
        lane: Lane::Channel(channel("private-a")),
        class: Class::ClientEvents,
        created: UnixMillis(1_760_000_000_123),
        key: AppKey::parse("key").unwrap(),
        signature: "ab12".to_owned(),
        body: body.as_bytes().into(),
    }
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name, 200).unwrap()
}

fn waiting(id: u64, app: &str, body: &str) -> Waiting {
    let delivery = delivery(app, body);
    Waiting {
        id: Id(id),
        since: delivery.created,
        delivery,
        progress: Progress::default(),
    }
}

fn add(waiting: Vec<Waiting>) -> Change {
    let marks = Vec::new();
    Change::Add { waiting, marks }
}

fn dead(id: u64, app: &str) -> Change {
    Change::Dead(Obituary {
        id: Id(id),
        app: app.into(),
        class: Class::ClientEvents,
        reason: "status 500".to_owned(),
        at: UnixMillis(77),
        attempts: 9,
    })
}

/// One test for both.
fn with_each_store(test: impl Fn(&Store)) {
    let scratch = Scratch::new();
    let (disk, _) = Store::open(&StoreKind::Disk(scratch.path().to_owned())).unwrap();
    test(&disk);
    let (memory, _) = Store::open(&StoreKind::Memory).unwrap();
    test(&memory);
}

#[test]
fn what_waits_is_there_until_it_is_taken() {
    with_each_store(|store| {
        let (one, two) = (waiting(1, "a", "one"), waiting(2, "a", "two"));
        store
            .commit(&[add(vec![one.clone(), two.clone()])])
            .unwrap();
        assert_eq!(store.waiting(Id(1)).unwrap(), Some(one));
        let progress = Progress {
            attempts: 2,
            next: UnixMillis(5),
        };
        let changes = [Change::Taken(Id(1)), Change::Attempted(Id(2), progress)];
        store.commit(&changes).unwrap();
        assert_eq!(store.waiting(Id(1)).unwrap(), None);
        assert_eq!(
            store.waiting(Id(2)).unwrap(),
            Some(Waiting { progress, ..two })
        );
        store.commit(&[Change::Dropped(Id(2))]).unwrap();
        assert_eq!(store.waiting(Id(2)).unwrap(), None);
    });
}

#[test]
fn the_dead_are_revived_with_the_same_bytes_and_a_new_window() {
    with_each_store(|store| {
        store.commit(&[add(vec![waiting(1, "a", "one")])]).unwrap();
        store.commit(&[dead(1, "a")]).unwrap();
        let letter = store.letters(&[Id(1), Id(9)]).unwrap().remove(0);
        assert_eq!(letter.delivery, delivery("a", "one"));
        let about = (letter.id, &*letter.reason, letter.at, letter.attempts);
        assert_eq!(about, (Id(1), "status 500", UnixMillis(77), 9));
        assert_eq!(store.waiting(Id(1)).unwrap(), None);

        let (old, at) = (Id(1), UnixMillis(1_760_000_999_000));
        let redeliver = |new| Change::Redeliver {
            old,
            new: Id(new),
            at,
        };
        let revived = store.commit(&[redeliver(2), redeliver(3)]).unwrap();
        let expect = Waiting {
            since: at,
            ..waiting(2, "a", "one")
        };
        assert_eq!(store.waiting(Id(2)).unwrap(), Some(expect.clone()));
        assert_eq!(revived.revived, vec![expect], "only once");
        assert_eq!(store.letters(&[Id(1)]).unwrap(), []);
    });
}

#[test]
fn an_app_is_forgotten_alone() {
    with_each_store(|store| {
        let both = vec![waiting(1, "a", "one"), waiting(2, "b", "two")];
        store
            .commit(&[add(both), Change::Forget("a".into())])
            .unwrap();
        assert_eq!(store.waiting(Id(1)).unwrap(), None);
        assert!(store.waiting(Id(2)).unwrap().is_some());
        // An attempt that ends later must leave nothing behind.
        let late = Change::Attempted(Id(1), Progress::default());
        let effects = store.commit(&[late, dead(1, "a")]).unwrap();
        assert_eq!(effects.absent, [Id(1)]);
        assert_eq!(store.letters(&[Id(1)]).unwrap(), []);
    });
}

#[test]
fn everything_is_there_after_a_restart() {
    let scratch = Scratch::new();
    let kind = StoreKind::Disk(scratch.path().join("data"));
    let (store, _) = Store::open(&kind).unwrap();
    let subject = |name, user: Option<&str>| Subject {
        channel: channel(name),
        user_id: user.map(|user| UserId::parse(user, 100).unwrap()),
    };
    let room = subject("presence-a", None);
    let member = subject("presence-a", Some("u 1"));
    let tell = |mark| (Arc::from("a"), mark);
    let marks = vec![
        tell(Mark::Told(room.clone())),
        tell(Mark::Told(member.clone())),
        tell(Mark::Told(subject("b", None))),
        tell(Mark::TakenBack(subject("b", None))),
    ];
    let all = (1..=3).map(|id| waiting(id, "a", "x")).collect();
    let progress = Progress {
        attempts: 1,
        next: UnixMillis(9),
    };
    let usage = Usage {
        app: "a".into(),
        day: 20_000,
        used: 41,
    };
    store
        .commit(&[
            Change::Add {
                waiting: all,
                marks,
            },
            Change::Attempted(Id(2), progress),
            dead(1, "a"),
            Change::Usage(usage.clone()),
        ])
        .unwrap();
    drop(store);

    let (store, contents) = Store::open(&kind).unwrap();
    let found: Vec<_> = contents
        .waiting
        .iter()
        .map(|e| (e.id, e.progress))
        .collect();
    assert_eq!(found, [(Id(2), progress), (Id(3), Progress::default())]);
    assert_eq!(contents.dead, [(Id(1), "a".into(), Class::ClientEvents)]);
    assert_eq!(contents.told, [("a".into(), room), ("a".into(), member)]);
    assert_eq!(contents.usage, [usage]);
    store.commit(&[Change::Forget("a".into())]).unwrap();
    drop(store);

    let (_, contents) = Store::open(&kind).unwrap();
    assert!(contents.waiting.is_empty() && contents.told.is_empty());
    assert_eq!(
        contents.usage.len(),
        1,
        "who comes back the same day goes on counting"
    );
    assert_eq!(contents.dead.len(), 1, "dead letters stay");
    assert_eq!(contents.last, Id(3), "no number is given out twice");
}

#[test]
fn the_file_is_for_the_owner_only() {
    let scratch = Scratch::new();
    let directory = scratch.path().join("deep/data");
    let _store = Store::open(&StoreKind::Disk(directory.clone())).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("courier.redb")), 0o600);
}

fn check_refused(directory: &std::path::Path, expect: &str) {
    let opened = Store::open(&StoreKind::Disk(directory.to_owned()));
    let error = opened.map(|_| ()).unwrap_err().to_string();
    let file = directory.join("courier.redb");
    assert!(error.starts_with(&*file.to_string_lossy()), "{error}");
    assert!(error.contains(expect), "{error}");
}

#[test]
fn a_store_belongs_to_one_process() {
    let scratch = Scratch::new();
    let _store = Store::open(&StoreKind::Disk(scratch.path().to_owned())).unwrap();
    check_refused(scratch.path(), "in use by another process");
}

#[test]
fn a_damaged_file_is_named() {
    let scratch = Scratch::new();
    let file = scratch.path().join("courier.redb");
    fs::write(&file, "this is no database".repeat(1_000)).unwrap();
    check_refused(scratch.path(), "damaged");

    let (store, _) = {
        fs::remove_file(&file).unwrap();
        Store::open(&StoreKind::Disk(scratch.path().to_owned())).unwrap()
    };
    let many = (1..200)
        .map(|id| waiting(id, "a", &"x".repeat(500)))
        .collect();
    store.commit(&[add(many)]).unwrap();
    drop(store);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    check_refused(scratch.path(), "damaged");
    let mut holes = whole;
    let middle = 4_096..;
    holes[middle].fill(0xa5);
    fs::write(&file, holes).unwrap();
    check_refused(scratch.path(), "damaged");
}

#[test]
fn a_file_of_a_newer_server_is_left_alone() {
    let scratch = Scratch::new();
    let file = scratch.path().join("courier.redb");
    let database = redb::Database::create(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    let about: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("about");
    let mut table = transaction.open_table(about).unwrap();
    table.insert("format", 2).unwrap();
    drop(table);
    transaction.commit().unwrap();
    drop(database);
    check_refused(scratch.path(), "has format 2, this server knows format 1");
}

#[test]
fn a_store_that_failed_goes_on_when_it_can() {
    let scratch = Scratch::new();
    let (disk, _) = Disk::open(scratch.path()).unwrap();
    disk.commit(&[add(vec![waiting(1, "a", "one")])]).unwrap();
    disk.close();
    let (file, away) = (
        scratch.path().join("courier.redb"),
        scratch.path().join("away"),
    );
    fs::rename(&file, &away).unwrap();
    fs::create_dir(&file).unwrap();
    let changes = [add(vec![waiting(2, "a", "two")])];
    for _ in 0..2 {
        disk.commit(&changes).unwrap_err();
        disk.waiting(Id(1)).unwrap_err();
    }
    fs::remove_dir(&file).unwrap();
    fs::rename(&away, &file).unwrap();
    disk.commit(&changes).unwrap();
    for id in [1, 2] {
        assert!(disk.waiting(Id(id)).unwrap().is_some());
    }
}
