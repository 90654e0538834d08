//! The published requests of http-api.md §14.

use super::*;

struct Vector {
    method: &'static str,
    path: &'static str,
    params: &'static [(&'static str, &'static str)],
    body: &'static str,
    md5: &'static str,
    signature: &'static str,
}

const TERMINATE: Vector = Vector {
    method: "POST",
    path: "/apps/4242/users/u-17/terminate_connections",
    params: &[],
    body: "{}",
    md5: "99914b932bd37a50b983c5e7c90ae93b",
    signature: "da399159fb6b356188d626938b359ec55cb55e3cc3594e7e01f6b58903d3ac1f",
};

const LIST: Vector = Vector {
    method: "GET",
    path: "/apps/4242/channels",
    params: &[("filter_by_prefix", "presence-"), ("info", "user_count")],
    body: "",
    md5: "",
    signature: LIST_SIGNATURE,
};

/// http-api.md §14.
const VECTORS: [Vector; 9] = [
    Vector {
        method: "POST",
        path: "/apps/4242/events",
        params: &[],
        body: EVENT,
        md5: EVENT_MD5,
        signature: EVENT_SIGNATURE,
    },
    LIST,
    Vector {
        params: &[
            ("info", "user_count"),
            ("body_md5", EMPTY_MD5),
            ("filter_by_prefix", "presence-"),
        ],
        md5: EMPTY_MD5,
        signature: "d7a40e1470a8c9b8f68c2d080432269b2dcebb05983deb530318eacb67c53cfe",
        ..LIST
    },
    Vector {
        path: "/apps/4242/channels/presence-lobby/users",
        params: &[],
        signature: "11a22ccfc524422802d1bd09d0c3329655934e21dd2a2997d56a797e4941a19d",
        ..LIST
    },
    Vector {
        path: RAW_PATH,
        params: &[("info", COUNTS)],
        signature: RAW_PATH_SIGNATURE,
        ..LIST
    },
    Vector {
        path: ENCODED_PATH,
        params: &[("info", COUNTS)],
        signature: ENCODED_PATH_SIGNATURE,
        ..LIST
    },
    Vector {
        path: "/apps/4242/batch_events",
        body: concat!(
            r#"{"batch":[{"channel":"news","name":"tick","data":"1"},"#,
            r#"{"channel":"private-orders","name":"order.paid","data":"{}","#,
            r#""socket_id":"52107.884321"}]}"#
        ),
        md5: "6a5ccdcabb42804e0be6ba06546f30fe",
        signature: "093e580d74937a7d16449a2262959b12fd7e8f4c967f62f1b3436720c364b559",
        ..TERMINATE
    },
    TERMINATE,
    Vector {
        path: "/users/u-17/terminate_connections",
        signature: "abb1c294f0dd304d78e97fe835ce9d9917230f90a920af40f57e0a049c160993",
        ..TERMINATE
    },
];

fn check_vector(credential: &Credential, vector: &Vector, now: u64) {
    let unsigned = UnsignedRequest {
        method: vector.method,
        path: vector.path,
        params: vector.params,
        body: vector.body.as_bytes(),
    };
    let query = sign_request(credential, &unsigned, now);
    let ending = format!("&auth_signature={}", vector.signature);
    assert!(query.ends_with(&ending), "{}: {query}", vector.path);
    let md5 = Query::parse(&query).get(BODY_MD5).map(str::to_owned);
    assert_eq!(md5.unwrap_or_default(), vector.md5);
    let request = SignedRequest {
        method: vector.method,
        path: vector.path,
        query: &query,
        body: vector.body.as_bytes(),
        mount_prefix: "",
    };
    let ring = ring(credential.clone());
    let verified = verify_request(&ring, &request, now);
    assert_eq!(verified.map(|c| c.key.clone()), Ok(credential.key.clone()));
}

#[test]
fn vectors_are_signed_and_verified() {
    for vector in &VECTORS {
        check_vector(&ours(), vector, NOW);
    }
    let published = Vector {
        method: "POST",
        path: "/apps/3/events",
        params: &[],
        body: r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#,
        md5: "ec365a775a4cd0599faeb73354201b6f",
        signature: "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
    };
    check_vector(&pushers(), &published, 1_353_088_179);
}
