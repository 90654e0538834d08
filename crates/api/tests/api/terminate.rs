//! `POST users/{id}/terminate_connections`, also without an app in the path (http-api.md §8,
//! checklist 9).

use crate::world::{Account, Answer, DISABLED, HIDDEN, SHARED, World};

const TERMINATED: (u16, &str) = (4009, "Terminated by the application");

/// Posts to Python's path, signed over that path.
fn post_to_alias(world: &World, account: &Account, path: &str) -> Answer {
    let query = account.sign("POST", path, &[], b"{}");
    world.raw("POST", &format!("{path}?{query}"), b"{}")
}

fn path_of(user: &str) -> String {
    format!("users/{user}/terminate_connections")
}

#[test]
fn a_users_connections_are_closed_and_no_others() {
    let world = World::new();
    for alias in ["", "/"] {
        let users = ["ann", "ann"].map(|user| world.signed_in(&HIDDEN, user));
        let bystanders = [
            world.signed_in(&HIDDEN, "anna"),
            world.signed_in(&SHARED, "ann"),
            // To be on a presence channel is not to be signed in.
            world.listener(&HIDDEN, "ann", &["presence-lobby"]),
        ];
        let path = path_of("ann");
        match alias {
            "" => world.post(&HIDDEN, &path, "{}").is("{}"),
            _ => post_to_alias(&world, &HIDDEN, &format!("/{path}")).is("{}"),
        }
        for user in &users {
            assert_eq!(user.asked_to_close(), Some(TERMINATED));
        }
        for bystander in &bystanders {
            assert_eq!(bystander.asked_to_close(), None);
        }
    }
}

#[test]
fn a_user_without_connections_is_no_error() {
    let world = World::new();
    for body in ["{}", "", r#"{"reason":"x"}"#, "not JSON"] {
        world.post(&HIDDEN, &path_of("nobody"), body).is("{}");
    }
}

#[test]
fn the_id_is_decoded_once() {
    let world = World::new();
    let user = world.signed_in(&HIDDEN, "a@b,c;d=e");
    world.post(&HIDDEN, &path_of("a%2540b"), "{}");
    assert_eq!(user.asked_to_close(), None);
    world
        .post(&HIDDEN, &path_of("a%40b%2Cc%3Bd%3De"), "{}")
        .is("{}");
    assert_eq!(user.asked_to_close(), Some(TERMINATED));
    let raw = world.signed_in(&HIDDEN, "a@b,c;d=e");
    post_to_alias(&world, &HIDDEN, "/users/a@b,c;d=e/terminate_connections").is("{}");
    assert_eq!(raw.asked_to_close(), Some(TERMINATED));
}

#[test]
fn an_id_that_nobody_can_have_is_400() {
    let world = World::new();
    let too_long = "u".repeat(129);
    for id in ["a%20b", "a%2Fb", "%23a", "%zz", "%ff", &too_long] {
        for answer in [
            world.post(&HIDDEN, &path_of(id), "{}"),
            post_to_alias(&world, &HIDDEN, &format!("/{}", path_of(id))),
        ] {
            assert_eq!(answer.status, 400, "{id}: {}", answer.body);
            let start = r#"{"error":"Invalid user "#;
            assert!(answer.body.starts_with(start), "{}", answer.body);
        }
    }
    world
        .post(&HIDDEN, &path_of(&"u".repeat(128)), "{}")
        .is("{}");
}

/// Without an app in the path, the key says whose request it is.
#[test]
fn the_alias_belongs_to_the_app_of_the_key() {
    let world = World::new();
    let user = world.signed_in(&HIDDEN, "ann");
    let path = "/users/ann/terminate_connections";
    post_to_alias(&world, &SHARED, path).is("{}");
    assert_eq!(user.asked_to_close(), None);
    post_to_alias(&world, &DISABLED, path).is_refusal(403, "The app is disabled");
    world
        .raw("POST", path, b"{}")
        .is_refusal(401, "Missing parameter: auth_key");
    world
        .raw("POST", &format!("{path}?auth_key=nobody"), b"{}")
        .is_refusal(401, "Unknown auth_key: 'nobody'");
    let long = "k".repeat(9_000);
    let answer = world.raw("POST", &format!("{path}?auth_key={long}"), b"{}");
    answer.is_refusal(401, &format!("Unknown auth_key: '{}'", "k".repeat(64)));
    // Another app's secret does not sign for this key, nor does this path's signature for others.
    let stranger = Account {
        secret: SHARED.secret,
        ..HIDDEN
    };
    assert_eq!(post_to_alias(&world, &stranger, path).status, 401);
    let query = HIDDEN.sign(
        "POST",
        &HIDDEN.path("users/ann/terminate_connections"),
        &[],
        b"{}",
    );
    assert_eq!(
        world.raw("POST", &format!("{path}?{query}"), b"{}").status,
        401
    );
    assert_eq!(user.asked_to_close(), None);
}

#[test]
fn the_alias_is_there_under_a_mount_prefix_too() {
    let world = World::mounted("/pusher");
    for path in [
        "/pusher/users/ann/terminate_connections",
        "/users/ann/terminate_connections",
    ] {
        let user = world.signed_in(&HIDDEN, "ann");
        post_to_alias(&world, &HIDDEN, path).is("{}");
        assert_eq!(user.asked_to_close(), Some(TERMINATED), "{path}");
    }
}
