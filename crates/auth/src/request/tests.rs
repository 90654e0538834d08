//! What verifies and what does not: the differences between client libraries.

mod properties;
mod refusals;
mod vectors;

use super::*;
use crate::credential::tests::{credential, ours, pushers, ring};

const NOW: u64 = 1_760_000_000;
const AUTH: &str = "auth_key=k7f3d0c1b2a39485&auth_timestamp=1760000000&auth_version=1.0";
const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const EVENT: &str = r#"{"name":"order.paid","channels":["private-orders"],"data":"{\"id\":981}"}"#;
const EVENT_MD5: &str = "1c7ea915f93f1a602b0643b15affc8b8";
const EVENT_SIGNATURE: &str = "3e2586cf311e65efa8bee54a3f97fc63c55c2c31f9a32c5242e310ad9046705a";
const LIST_SIGNATURE: &str = "d3f9f0e0dd537801c295e70731476c1286734331290ca1117154041fc072c47e";
const RAW_PATH: &str = "/apps/4242/channels/presence-a@b,c;d=e";
const ENCODED_PATH: &str = "/apps/4242/channels/presence-a%40b%2Cc%3Bd%3De";
const RAW_PATH_SIGNATURE: &str = "e234823b8127d7440c927dad537a52ad93558574e237572fb43bf52f345746e2";
const ENCODED_PATH_SIGNATURE: &str =
    "85ca5bacb02074243341d8d40334bb68244d7c71319ef744bc5a0c273aac2a9d";
const COUNTS: &str = "user_count,subscription_count";

/// The text of the refusal, or nothing.
/// A whole request.
#[derive(Clone, Copy)]
struct SignedRequest<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    body: &'a [u8],
    mount_prefix: &'a str,
}

/// Head and body, one after the other.
fn verify_request<'r>(
    ring: &'r KeyRing,
    request: &SignedRequest<'_>,
    now: u64,
) -> Result<&'r Credential, RequestAuthError> {
    let SignedRequest {
        method,
        path,
        query,
        body,
        mount_prefix,
    } = *request;
    let verified = verify_head(
        ring,
        &SignedHead {
            method,
            path,
            query,
            mount_prefix,
        },
        now,
    )?;
    verified.body.verify(body)?;
    Ok(verified.credential)
}

fn refusal(request: &SignedRequest<'_>, now: u64) -> String {
    match verify_request(&ring(ours()), request, now) {
        Ok(credential) => {
            assert_eq!(credential.key, ours().key);
            String::new()
        }
        Err(error) => error.to_string(),
    }
}

fn get<'a>(path: &'a str, query: &'a str) -> SignedRequest<'a> {
    SignedRequest {
        method: "GET",
        path,
        query,
        body: b"",
        mount_prefix: "",
    }
}

fn post<'a>(path: &'a str, query: &'a str, body: &'a str) -> SignedRequest<'a> {
    SignedRequest {
        method: "POST",
        body: body.as_bytes(),
        ..get(path, query)
    }
}

/// A query as a library sends it whose canonical parameters are `signed` and whose wire form is
/// `sent`, both after the `auth_` parameters.
fn foreign(path: &str, signed: &str, sent: &str) -> String {
    let text = format!("GET\n{path}\n{AUTH}&{signed}");
    let signature = ours().secret.sign(text);
    format!("{AUTH}&{sent}&auth_signature={signature}")
}

#[test]
fn signing_makes_a_sorted_encoded_query() {
    let unsigned = UnsignedRequest {
        method: "get",
        path: RAW_PATH,
        params: &[("info", COUNTS)],
        body: b"",
    };
    let expect =
        format!("{AUTH}&info=user_count%2Csubscription_count&auth_signature={RAW_PATH_SIGNATURE}");
    assert_eq!(sign_request(&ours(), &unsigned, NOW), expect);
}

#[test]
fn encoded_paths_may_be_signed_in_either_form_and_raw_ones_as_they_are() {
    for (path, signature, accepted) in [
        (ENCODED_PATH, RAW_PATH_SIGNATURE, true),
        (ENCODED_PATH, ENCODED_PATH_SIGNATURE, true),
        (RAW_PATH, RAW_PATH_SIGNATURE, true),
        (RAW_PATH, ENCODED_PATH_SIGNATURE, false),
    ] {
        for info in [COUNTS, "user_count%2Csubscription_count"] {
            let query = format!("{AUTH}&info={info}&auth_signature={signature}");
            assert_eq!(
                refusal(&get(path, &query), NOW).is_empty(),
                accepted,
                "{path}"
            );
        }
    }
}

#[test]
fn wire_forms_of_the_libraries() {
    const PATH: &str = "/apps/4242/channels";
    let s = format!("auth_signature={LIST_SIGNATURE}");
    let signed_upper = LIST_SIGNATURE.to_ascii_uppercase();
    let listed = [
        // Signature first, at its alphabetical place, last; parameters in any order.
        format!("{s}&{AUTH}&filter_by_prefix=presence-&info=user_count"),
        format!("filter_by_prefix=presence-&{s}&{AUTH}&info=user_count"),
        format!("info=user_count&{AUTH}&filter_by_prefix=presence-&{s}"),
        format!("info=user%5Fcount&{AUTH}&filter%5fby_prefix=presence%2D&{s}"),
        format!("Info=user_count&{AUTH}&FILTER_BY_PREFIX=presence-&{s}"),
        format!("&&info=user_count&{AUTH}&&filter_by_prefix=presence-&{s}&"),
        format!("info=user_count&{AUTH}&filter_by_prefix=presence-&auth_signature={signed_upper}"),
        format!(
            "info=user_count&{AUTH}&filter_by_prefix=presence-&Auth_{}",
            &s[5..]
        ),
    ];
    for query in &listed {
        assert_eq!(refusal(&get(PATH, query), NOW), "", "{query}");
    }
    let many: Vec<_> = (0..99).map(|i| format!("k={}", i * 37 % 99)).collect();
    let many = many.join("&");
    let table = [
        // Reference arrays, sorted by the plain name; elements in the order given.
        ("k[]=b&k[]=a", "k[]=b&k[]=a"),
        ("k[]=b&k[]=a", "k%5B%5D=b&k%5B%5D=a"),
        ("k[]=a&k1=x", "k1=x&k[]=a"),
        // PHP joins them.
        ("k=b,a", "k[]=b&k[]=a"),
        ("j=1&k=b,a&l=2", "l=2&k%5B%5D=b&j=1&k%5B%5D=a"),
        ("k=b,a", "k%5B0%5D=b&k%5B1%5D=a"),
        ("j=1,2&k=3", "j[]=1&j[]=2&k[]=3"),
        ("k=a&k=b&k=c", "k[]=a&k=b&k[]=c"),
        // Repeated parameters keep their order.
        ("k=b&k=a", "k=b&k=a"),
        (&format!("j=1&{many}&l=2"), &format!("l=2&{many}&j=1")),
        // Capital letters.
        ("k=V", "K=V"),
        ("kEY=V", "kEY=V"),
        ("k=b,a", "K[]=b&K[]=a"),
        ("kEY=b,a", "kEY[]=b&kEY[]=a"),
        // Plus signs and spaces.
        ("k=a+b", "k=a+b"),
        ("k=a+b", "k=a%2Bb"),
        ("k=a b", "k=a+b"),
        ("k=a b+c", "k=a+b%2Bc"),
        ("k=a b", "k=a%20b"),
        // Text that is not encoded but looks so, or is not valid encoding.
        ("k=%41", "k=%41"),
        ("k=a%2Cb", "k=a%2Cb"),
        ("k=50%", "k=50%"),
        ("k=%ff", "k=%ff"),
        ("k=%C3%AB", "k=%C3%AB"),
        ("k=ë", "k=%C3%AB"),
        ("k=", "k"),
        ("k=a=b", "k=a=b"),
    ];
    for (signed, sent) in table {
        let query = foreign(PATH, signed, sent);
        assert_eq!(refusal(&get(PATH, &query), NOW), "", "{signed} {sent}");
    }
    // A name that keeps its capitals is sorted before all others.
    let signature = ours().secret.sign(format_args!("GET\n{PATH}\nK=V&{AUTH}"));
    let query = format!("{AUTH}&K=V&auth_signature={signature}");
    assert_eq!(refusal(&get(PATH, &query), NOW), "");
}

#[test]
fn requests_that_differ_are_refused() {
    const PATH: &str = "/apps/4242/channels";
    let table = [
        ("k=a", "k=b"),
        ("k=a", "l=a"),
        ("k=a", "k=a&l=b"),
        ("k=a&l=b", "k=a"),
        ("k=a&k=b", "k=b&k=a"),
        ("k[]=a&k[]=b", "k[]=b&k[]=a"),
        ("k=a", "k=A"),
        ("k=ab", "k[]=a&k[]=b"),
    ];
    for (signed, sent) in table {
        let query = foreign(PATH, signed, sent);
        let text = refusal(&get(PATH, &query), NOW);
        assert!(
            text.starts_with("Invalid signature"),
            "{signed} {sent} {text}"
        );
    }
    let query = foreign(PATH, "k=a", "k=a");
    let other_method = SignedRequest {
        method: "PUT",
        ..get(PATH, &query)
    };
    assert!(refusal(&other_method, NOW).starts_with("Invalid signature"));
    assert!(refusal(&get("/apps/4243/channels", &query), NOW).starts_with("Invalid signature"));
    let lower_method = SignedRequest {
        method: "get",
        ..get(PATH, &query)
    };
    assert_eq!(refusal(&lower_method, NOW), "");
}

#[test]
fn mount_prefixes_may_be_left_out_of_the_signed_path() {
    let table = [
        ("/pusher/apps/1", "/pusher", "/apps/1", true),
        ("/pusher/apps/1", "/pusher/", "/apps/1", true),
        ("/pusher/apps/1", "/pusher", "/pusher/apps/1", true),
        ("/apps/1", "/pusher", "/apps/1", true),
        ("/pusher/apps/a%40b", "/pusher", "/apps/a@b", true),
        ("/pusher/apps/a%40b", "/pusher", "/apps/a%40b", true),
        ("/my%20proxy/apps/1", "/my proxy", "/apps/1", true),
        ("/pusher/apps/1", "", "/apps/1", false),
        ("/pusher/apps/1", "/", "/apps/1", false),
        ("/pusher/apps/1", "/push", "/apps/1", false),
        ("/pusher/apps/1", "/push", "er/apps/1", false),
        ("/pusher", "/pusher", "", false),
        ("/apps/1", "/pusher", "/pusher/apps/1", false),
    ];
    for (path, mount_prefix, signed, accepted) in table {
        let query = foreign(signed, "k=a", "k=a");
        let request = SignedRequest {
            mount_prefix,
            ..get(path, &query)
        };
        assert_eq!(
            refusal(&request, NOW).is_empty(),
            accepted,
            "{path} {signed}"
        );
    }
}

#[test]
fn only_the_credential_that_is_named_verifies() {
    let ours_twice = KeyRing::new(vec![credential("old", "old-secret"), ours()]).unwrap();
    let unsigned = UnsignedRequest {
        method: "GET",
        path: "/apps/4242/channels",
        params: &[],
        body: b"",
    };
    let table = [
        (ours(), None),
        (credential("old", "old-secret"), None),
        (
            credential("old", "s3cr3t-9f8e7d6c5b4a"),
            Some("Invalid signature"),
        ),
        (pushers(), Some("Unknown auth_key")),
    ];
    for (signer, expect) in table {
        let query = sign_request(&signer, &unsigned, NOW);
        let result = verify_request(&ours_twice, &get(unsigned.path, &query), NOW);
        match (result, expect) {
            (Ok(found), None) => assert_eq!(found.key, signer.key),
            (Err(error), Some(start)) => assert!(error.to_string().starts_with(start)),
            (result, _) => panic!("{signer:?}: {result:?}"),
        }
    }
}

#[test]
fn very_many_parameters_are_not_looked_into() {
    let query = format!("{AUTH}&{}", ["a[]=%2B+"; 510].join("&"));
    let text = refusal(&get("/apps/4242/channels", &query), NOW);
    assert_eq!(text, "Too many parameters: 513, the limit is 512");
}

#[test]
fn candidates_are_few() {
    for (query, expect) in [
        ("a=1&b=2", 1),
        ("a=%2C", 2),
        ("a=b+c", 2),
        ("A=1", 2),
        ("a[]=1", 2),
        ("A[]=%2C+", 12),
    ] {
        assert_eq!(
            Style::candidates(&Query::parse(query)).count(),
            expect,
            "{query}"
        );
    }
    for (path, prefix, expect) in [
        ("/a", "", vec!["/a"]),
        ("/a%", "", vec!["/a%"]),
        ("/%61", "", vec!["/%61", "/a"]),
        ("/p/%61", "/p", vec!["/p/%61", "/p/a", "/%61", "/a"]),
        ("/p%2Fa", "/p", vec!["/p%2Fa", "/p/a", "/a"]),
        ("/p/p/%61", "/p/p", vec!["/p/p/%61", "/p/p/a", "/%61", "/a"]),
    ] {
        assert_eq!(paths(path, prefix), expect);
    }
}
